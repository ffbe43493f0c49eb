"""Bounds that hold for images of every format."""

from dataclasses import dataclass

from imgtool.errors import ImageUnreadableError
from imgtool.util.text import human_size

MAX_VIRTUAL_SIZE_BYTES = 64 << 40
"""The largest disk of VHDX, and of the usual block storage. QEMU opens larger images, but no cloud can store
them, and a size of 62 bits serves attacks only."""

MAX_CONTENT_BYTES = 2 << 40
"""Of a compressed file. A gigabyte of zeros takes a second to inflate: this is half an hour."""

MAX_UNPACKING_BYTES = 256 << 20
"""Of memory, to inflate with. xz -9 needs 65 MiB; files that need 4 GiB can be made. The window of a zstd
file may have half of it: that is as far as zstd itself goes without being told, `--long=27`."""


MAX_HOLLOW_TABLES_BYTES = 128 << 20
"""Tables that may stand in holes of the file. One of some MiB can have 16 GiB of tables so, and reading
them, as `qemu-img check` does, takes minutes. Tables hold something, and so take room on the disk; but where
all was discarded they are zeros, and a copy that leaves zeros out makes holes of them. This is enough for
1 TiB of such disk in clusters of 64 KiB, and for 3 seconds of `qemu-img check` with the smallest clusters."""


@dataclass(slots=True)
class Limits:
    """The limits that an operator may raise; set once, when the program starts."""

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


def check_hollow_tables(table_bytes: int, allocated_bytes: int) -> None:
    """Raise ImageUnreadableError where tables cannot all be on the disk: see MAX_HOLLOW_TABLES_BYTES."""
    if table_bytes > allocated_bytes + MAX_HOLLOW_TABLES_BYTES:
        raise ImageUnreadableError(
            f"its tables would take {human_size(table_bytes)}, and the file keeps "
            f"{human_size(allocated_bytes)}: most of them are holes, which take minutes to read",
            hint="if you trust it, write it anew: qemu-img convert -O qcow2 SOURCE TARGET",
        )


def round_to_sector(size_bytes: int) -> int:
    """`size_bytes` rounded up to whole sectors of 512 bytes, as QEMU presents every disk."""
    return (size_bytes + 511) // 512 * 512
