"""A guest can write the header of another format, and the name of a host's file, at the start of its disk."""

from imgtool.errors import VerificationError
from imgtool.formats import inspector


def refuse(beginning: bytes) -> None:
    """Raise VerificationError where a disk that begins so would be taken for an image of another format.

    For disks that are sent away as they are made, and cannot be judged as a file, or taken back.
    Raises UnsafeImageError where it could be two.
    """

    def read_at(offset: int, length: int) -> bytes:
        return beginning[offset : offset + length]

    found = inspector.detect(read_at, len(beginning)).format
    if found != "raw":
        raise VerificationError(
            f"the disk itself begins as a {found} image: whoever reads it may take it for one"
        )
