"""Where an image came from, as properties that stay with it. Pure."""

from imgtool import __version__
from imgtool.model.delivery import Property
from imgtool.text import printable

PREFIX = "imgtool_"


def provenance(policy: str | None) -> tuple[Property, ...]:
    """By what it was made, and by which policy it was judged: the name of a profile, or of a file."""
    made = Property(f"{PREFIX}version", __version__, "what uploaded it")
    if policy is None:
        return (made,)
    return made, Property(f"{PREFIX}policy", printable(policy.rpartition("/")[2]), "what it was judged by")


def source_sha256(value: str) -> Property:
    """Of the file that the user named."""
    return Property(f"{PREFIX}source_sha256", value, "the source file's, as sha256sum prints it")
