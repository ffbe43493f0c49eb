"""Swap: nothing in it outlives a shutdown but its header.

Where a system hibernated into it, its header has another signature (kernel/power/swap.c): the volume is no
swap to whoever looks, and what else is on the disk may be in use by that system. Layout: union swap_header of
include/linux/swap.h.
"""

from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.rootless import PAGE_SIZES
from imgtool.guest.filesystems.superblock import number
from imgtool.util.ranges import Ranges

MAGIC = b"SWAPSPACE2"
SUSPENDED = (b"S1SUSPEND\0", b"S2SUSPEND\0", b"ULSUSPEND\0", b"LINHIB0001")
"""What stands in its place where a system sleeps in it: the kernel's, and those that libblkid knows."""
VERSION_AT, LAST_PAGE_AT = 1024, 1028


def free_of_swap(stream: BinaryIO, size_bytes: int) -> Ranges:
    """All pages behind the header, which has the label. Raises GuestReadError for an area of another kind."""
    stream.seek(0)
    head = stream.read(max(PAGE_SIZES))
    page = next((size for size in PAGE_SIZES if head[size - len(MAGIC) : size] == MAGIC), None)
    if page is None:
        raise GuestReadError("it is swap space of an old kind")
    version, last_page = number(head, VERSION_AT, "<I"), number(head, LAST_PAGE_AT, "<I")
    end = (last_page + 1) * page
    if version != 1 or end > size_bytes:
        raise GuestReadError("its header has impossible sizes")
    return Ranges([(page, end)])


def is_suspended(head: bytes) -> bool:
    """Return whether a system sleeps in the volume that begins with `head`."""
    return any(head[size - len(MAGIC) : size] in SUSPENDED for size in PAGE_SIZES)
