"""Free blocks of an ext2, ext3 or ext4: its bitmaps, and as the second reading all inodes (ext_inodes.py).

A group whose bitmap was never written (BLOCK_UNINIT) is free but for what ext4_init_block_bitmap of the
kernel marks in it. The count of free clusters in each descriptor has to be that of the bitmap.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.ext_layout import (
    BLOCK_UNINIT,
    SUPERBLOCK,
    SUPERBLOCK_BYTES,
    ExtLayout,
    Group,
    features,
    read_layout,
)
from imgtool.guest.filesystems.superblock import number
from imgtool.guest.free.bitmap import zero_runs
from imgtool.guest.free.ext_inodes import used_blocks
from imgtool.util.ranges import Ranges

KNOWN_INCOMPATIBLE = 0x3E7D6
"""filetype, recover, meta_bg, extents, 64bit, mmp, flex_bg, ea_inode, csum_seed, largedir, inline_data,
encrypt, casefold: none of them changes what a bitmap means. fs/ext4/ext4.h of Linux 6.12."""
KNOWN_READ_ONLY = 0xB77F
"""All of Linux 6.12 but for snapshots, replicas and shared blocks, and for an orphan file in use."""
ORPHANS_PRESENT = 0x10000
FILE_SYSTEM_HAS_ORPHANS = 0x4


def free_of_ext(stream: BinaryIO, _size_bytes: int) -> Ranges:
    """What of the volume `stream` is free. Raises GuestReadError with the reason where all is to be kept."""
    stream.seek(SUPERBLOCK)
    head = stream.read(SUPERBLOCK_BYTES)
    _refuse(head)
    layout = read_layout(stream, head)
    groups = list(layout.read_groups())
    own = Ranges(sorted(layout.own_blocks(groups)))
    free = Ranges(_free_blocks(layout, groups, own))
    for start, end in own:
        if free.touches(start, end):
            raise GuestReadError(f"its bitmaps say that block {start} is free, where a table of its own is")
    for start, count in used_blocks(layout, groups):
        if free.touches(start, start + count):
            raise GuestReadError(f"its bitmaps say that block {start} is free, and a file has it")
    size = layout.blocks.size
    return Ranges((start * size, end * size) for start, end in free)


def _refuse(head: bytes) -> None:
    """Raise GuestReadError for what is not known here."""
    _, incompatible, read_only = features(head)
    unknown = incompatible & ~KNOWN_INCOMPATIBLE, read_only & ~KNOWN_READ_ONLY & ~ORPHANS_PRESENT
    if any(unknown):
        raise GuestReadError(f"it has features that are not known here ({unknown[0]:#x}, {unknown[1]:#x})")
    orphans = number(head, 0xE8, "<I") or number(head, 0x3A, "<H") & FILE_SYSTEM_HAS_ORPHANS
    if orphans or read_only & ORPHANS_PRESENT:
        raise GuestReadError("it has files that were deleted while they were open")


def _free_blocks(layout: ExtLayout, groups: Sequence[Group], own: Ranges) -> Iterator[tuple[int, int]]:
    for index, group in enumerate(groups):
        if layout.has_checksums and group.flags & BLOCK_UNINIT:
            free = list(_never_written(layout, index, own))
        else:
            free = list(_by_bitmap(layout, index, layout.blocks.read(group.block_bitmap)))
        counted = sum(-(-(end - start) // layout.cluster_blocks) for start, end in free)
        if counted != group.free_clusters:
            raise GuestReadError(f"the bitmap of group {index} and its count of free blocks contradict")
        yield from free


def _by_bitmap(layout: ExtLayout, index: int, bitmap: bytes) -> Iterator[tuple[int, int]]:
    first, end, size = layout.start(index), layout.end(index), layout.cluster_blocks
    for start, stop in zero_runs(bitmap, -(-(end - first) // size)):
        yield first + start * size, min(first + stop * size, end)


def _never_written(layout: ExtLayout, index: int, own: Ranges) -> Iterator[tuple[int, int]]:
    """All whole clusters but those that hold the group's own things, wherever these stand."""
    first, end, size = layout.start(index), layout.end(index), layout.cluster_blocks
    reserved = [(first, first + layout.reserved_blocks(index)), *own.within(first, end)]
    taken = Ranges(
        (start - (start - first) % size, stop + -(stop - first) % size) for start, stop in sorted(reserved)
    )
    return taken.outside(first, end)
