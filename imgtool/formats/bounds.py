"""Bounds that hold for images of every format."""

from imgtool.errors import ImageUnreadableError
from imgtool.text import human_size

MAX_VIRTUAL_SIZE_BYTES = 64 << 40
"""The largest disk of VHDX, and of the usual block storage. QEMU opens larger images, but no cloud can store
them, and a size of 62 bits serves attacks only."""


def check_virtual_size(size_bytes: int) -> None:
    """Raise ImageUnreadableError unless a disk can have this size."""
    if size_bytes == 0:
        raise ImageUnreadableError("its disk has no bytes at all")
    if size_bytes > MAX_VIRTUAL_SIZE_BYTES:
        raise ImageUnreadableError(
            f"it claims a disk of {human_size(size_bytes)}; {human_size(MAX_VIRTUAL_SIZE_BYTES)} is the limit"
        )


def round_to_sector(size_bytes: int) -> int:
    """`size_bytes` rounded up to whole sectors of 512 bytes, as QEMU presents every disk."""
    return (size_bytes + 511) // 512 * 512
