"""A guest can write the header of another format, and the name of a host's file, at the start of its disk."""

from imgtool.errors import VerificationError
from imgtool.formats import headers


def refuse(beginning: bytes) -> None:
    """Raise VerificationError where a disk that begins so would be taken for an image of another format.

    For disks that are sent away as they are made, and cannot be judged as a file, or taken back.
    Raises UnsafeImageError where it could be two.
    """
    found = headers.examine_bytes(beginning, compressed_too=True).format
    if found != "raw":
        raise VerificationError(
            f"the disk itself begins as a {found} image: whoever reads it may take it for one"
        )
