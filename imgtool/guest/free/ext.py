"""Free blocks of an ext2, ext3 or ext4: its bitmaps, and as the second reading all inodes (ext_inodes.py).

A group whose bitmap was never written (BLOCK_UNINIT) is free but for what ext4_init_block_bitmap of the
kernel marks in it. The count of free clusters in each descriptor has to be that of the bitmap.
"""

from collections.abc import Iterator
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.free.bitmap import zero_runs
from imgtool.guest.free.ext_inodes import used_blocks
from imgtool.guest.free.ext_layout import BLOCK_UNINIT, ExtLayout, read_ext_layout
from imgtool.util.ranges import Ranges


def free_of_ext(stream: BinaryIO, _size_bytes: int) -> Ranges:
    """What of the volume `stream` is free. Raises GuestReadError with the reason where all is to be kept."""
    layout = read_ext_layout(stream)
    own = Ranges(sorted(layout.own_blocks()))
    free = Ranges(_free_blocks(layout, own))
    for start, end in own:
        if free.touches(start, end):
            raise GuestReadError(f"its bitmaps say that block {start} is free, where a table of its own is")
    for start, count in used_blocks(layout):
        if free.touches(start, start + count):
            raise GuestReadError(f"its bitmaps say that block {start} is free, and a file has it")
    size = layout.blocks.size
    return Ranges((start * size, end * size) for start, end in free)


def _free_blocks(layout: ExtLayout, own: Ranges) -> Iterator[tuple[int, int]]:
    for index, group in enumerate(layout.groups):
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
