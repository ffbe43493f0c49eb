"""Free blocks of an XFS: its tree of free space by place, as long as all else agrees with it.

The tree of the same by size, the sums in the headers, and with rmapbt the owner of every block have to say
the same. The second reading is that of all inodes (xfs_inodes.py), and of all trees.
"""

from collections.abc import Iterator
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.superblock import number
from imgtool.guest.free.xfs_inodes import used_blocks
from imgtool.guest.free.xfs_trees import (
    BY_PLACE,
    BY_SIZE,
    HEADER_SECTORS,
    OWNERS,
    SHARED,
    Trees,
    XfsLayout,
    read_xfs_layout,
)
from imgtool.util.ranges import Ranges


def free_of_xfs(stream: BinaryIO, _size_bytes: int) -> Ranges:
    """What of the volume `stream` is free. Raises GuestReadError with the reason where all is to be kept."""
    layout = read_xfs_layout(stream)
    trees = Trees(layout)
    free = Ranges(run for group in range(layout.groups) for run in _free_of_group(layout, trees, group))
    for start, count in _used(layout, trees):
        if free.touches(start, start + count):
            raise GuestReadError(f"its trees say that block {start} is free, and something is in it")
    for place in trees.seen:
        if free.touches(place, place + 1):
            raise GuestReadError(f"its trees say that block {place} is free, and one of them has it")
    size = layout.blocks.size
    return Ranges((start * size, end * size) for start, end in free)


def _free_of_group(layout: XfsLayout, trees: Trees, group: int) -> Iterator[tuple[int, int]]:
    header = layout.header(group, 1, b"XAGF")
    place_root, size_root, place_levels, size_levels = (number(header, at, ">I") for at in (16, 20, 28, 32))
    found = [*trees.records(BY_PLACE, group, place_root, place_levels)]
    sizes = [count for _, count in found]
    total, longest = number(header, 52, ">I"), number(header, 56, ">I")
    by_size = sorted(trees.records(BY_SIZE, group, size_root, size_levels))
    if (sum(sizes), max(sizes, default=0), found) != (total, longest, by_size):
        raise GuestReadError(f"what allocation group {group} says of its free blocks contradicts itself")
    end = 0
    for start, count in found:
        if start < end or start + count > layout.length(group):
            raise GuestReadError(f"the free blocks of allocation group {group} are out of order")
        end = start + count
        yield group * layout.group_blocks + start, group * layout.group_blocks + end


def _used(layout: XfsLayout, trees: Trees) -> Iterator[tuple[int, int]]:
    """First block and count of all that is used by another reading than that of free space."""
    headers = -(-HEADER_SECTORS * layout.sector_bytes // layout.blocks.size)
    for group in range(layout.groups):
        base = group * layout.group_blocks
        yield base, headers
        header = layout.header(group, 1, b"XAGF")
        if layout.has_owners:
            root, levels = number(header, 24, ">I"), number(header, 36, ">I")
            yield from ((base + start, count) for start, count in trees.records(OWNERS, group, root, levels))
        if layout.has_shared:
            root, levels = number(header, 88, ">I"), number(header, 92, ">I")
            for start, count, _ in trees.records(SHARED, group, root, levels):
                yield base + start % COPY_ON_WRITE, count
    if layout.log[0]:
        yield layout.block(layout.log[0]), layout.log[1]
    yield from used_blocks(layout, trees)


COPY_ON_WRITE = 1 << 31
"""Bit of a start in the tree of shared blocks: these are not shared, but kept for a write to come."""
