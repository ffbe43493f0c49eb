"""Bounds that hold for images of every format."""

from dataclasses import dataclass

from imgtool.errors import ImageUnreadableError
from imgtool.text import human_size

MAX_VIRTUAL_SIZE_BYTES = 64 << 40
"""The largest disk of VHDX, and of the usual block storage. QEMU opens larger images, but no cloud can store
them, and a size of 62 bits serves attacks only."""

MAX_CONTENT_BYTES = 2 << 40
"""Of a compressed file. A gigabyte of zeros takes a second to inflate: this is half an hour."""

MAX_UNPACKING_BYTES = 256 << 20
"""Of memory, to inflate with. xz -9 needs 65 MiB; files that need 4 GiB can be made. The window of a zstd
file may have half of it: that is as far as zstd itself goes without being told, `--long=27`."""


@dataclass(slots=True)
class Limits:
    """Those that an operator may need to raise, as they are in force: set once, when the program starts."""

    disk_bytes: int = MAX_VIRTUAL_SIZE_BYTES
    content_bytes: int = MAX_CONTENT_BYTES
    unpacking_bytes: int = MAX_UNPACKING_BYTES


LIMITS = Limits()
RAISED_BY = {
    "disk_bytes": "IMGTOOL_MAX_DISK",
    "content_bytes": "IMGTOOL_MAX_CONTENT",
    "unpacking_bytes": "IMGTOOL_MAX_UNPACKING_MEMORY",
}
"""The environment variable for each: read by the command line."""


def raising(limit: str) -> str:
    """What to do about a limit, for a hint."""
    return f"if you trust it, raise the limit: {RAISED_BY[limit]}=SIZE in the environment"


def check_virtual_size(size_bytes: int) -> None:
    """Raise ImageUnreadableError unless a disk can have this size."""
    if size_bytes == 0:
        raise ImageUnreadableError("its disk has no bytes at all")
    if size_bytes > LIMITS.disk_bytes:
        raise ImageUnreadableError(
            f"it claims a disk of {human_size(size_bytes)}; {human_size(LIMITS.disk_bytes)} is the limit",
            hint=raising("disk_bytes"),
        )


def round_to_sector(size_bytes: int) -> int:
    """`size_bytes` rounded up to whole sectors of 512 bytes, as QEMU presents every disk."""
    return (size_bytes + 511) // 512 * 512
