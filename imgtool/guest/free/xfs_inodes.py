"""All blocks that the inodes of an XFS name, by the trees of inodes: no tree of free space is read.

Layout: struct xfs_dinode and struct xfs_bmbt_rec; nrext64 moves the counts of extents.
"""

import struct
from collections.abc import Iterator

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.superblock import number
from imgtool.guest.free.xfs_trees import EXTENTS, FREE_INODES, INODES, Trees, XfsLayout

CHUNK = 64
"""Inodes of one record of the tree of inodes."""
HOLE_INODES = 4
"""Inodes for each bit of a sparse chunk's mask."""
CORE_BYTES, CORE_BYTES_3 = 100, 176
DEVICE, LOCAL, LIST, TREE = 0, 1, 2, 3
"""di_format: nothing elsewhere, nothing elsewhere, extents in the inode, a tree of them."""
REALTIME, MANY_EXTENTS = 0x1, 0x10
"""di_flags: its data is on another device; di_flags2: the counts of extents are wide."""

Run = tuple[int, int]
"""First block, and how many."""


def used_blocks(layout: XfsLayout, trees: Trees) -> Iterator[Run]:
    """What the inodes name, and the blocks that they stand in themselves."""
    walk = _Walk(layout, trees)
    for group in range(layout.groups):
        header = layout.header(group, 2, b"XAGI")
        if layout.has_free_inodes:
            for _ in trees.records(FREE_INODES, group, number(header, 328, ">I"), number(header, 332, ">I")):
                pass  # only its own blocks are wanted
        root, levels = number(header, 20, ">I"), number(header, 24, ">I")
        for first, holes, _, free in trees.records(INODES, group, root, levels):
            for start, count in _there(holes if layout.sparse_inodes else 0):
                yield from walk.inodes(group, first + start, count, free >> start)


def _there(holes: int) -> Iterator[Run]:
    """The runs of inodes of a chunk that are on the disk."""
    number_of_bits = CHUNK // HOLE_INODES
    start = None
    for bit in range(number_of_bits + 1):
        there = bit < number_of_bits and not holes >> bit & 1
        if there and start is None:
            start = bit
        elif not there and start is not None:
            yield start * HOLE_INODES, (bit - start) * HOLE_INODES
            start = None


class _Walk:
    """Reads inodes, and what they name."""

    def __init__(self, layout: XfsLayout, trees: Trees) -> None:
        self._layout = layout
        self._trees = trees

    def inodes(self, group: int, first: int, count: int, free: int) -> Iterator[Run]:
        """What `count` inodes from `first` on name; one whose bit is set in `free` is not in use."""
        layout = self._layout
        in_block = 1 << layout.inodes_in_block_bits
        block, within = divmod(first, in_block)
        blocks = -(-(within + count) // in_block)
        if block + blocks > layout.length(group):
            raise GuestReadError("inodes lie outside of their allocation group")
        place = group * layout.group_blocks + block
        yield place, blocks
        content = layout.blocks.read(place, blocks)
        for index in range(count):
            if not free >> index & 1:
                at = (within + index) * layout.inode_bytes
                yield from self._forks(content[at : at + layout.inode_bytes])

    def _forks(self, inode: bytes) -> Iterator[Run]:
        """The blocks of data, and those of attributes."""
        core = CORE_BYTES_3 if inode[4] == 3 else CORE_BYTES
        split = core + 8 * inode[82] if inode[82] else len(inode)
        if inode[:2] != b"IN" or split > len(inode):
            raise GuestReadError("an inode is damaged")
        wide = core == CORE_BYTES_3 and number(inode, 120, ">Q") & MANY_EXTENTS
        count = number(inode, 24, ">Q") if wide else number(inode, 76, ">I")
        attributes = number(inode, 76, ">I") if wide else number(inode, 80, ">H")
        on_other_device = bool(number(inode, 90, ">H") & REALTIME)
        data = self._fork(inode[core:split], inode[5], count)
        yield from (run for run in data if not on_other_device)
        if inode[82]:
            yield from self._fork(inode[split:], inode[83], attributes)

    def _fork(self, fork: bytes, how: int, count: int) -> Iterator[Run]:
        if how in {DEVICE, LOCAL}:
            return
        if how == LIST:
            if count * EXTENTS.record.size > len(fork):
                raise GuestReadError("an inode is damaged")
            found = EXTENTS.record.iter_unpack(fork[: count * EXTENTS.record.size])
        elif how == TREE:
            found = _tree(self._trees, fork)
        else:
            raise GuestReadError(f"an inode keeps its blocks in a way that is not known here ({how})")
        for high, low in found:
            block, length = (high & 0x1FF) << 43 | low >> 21, low & 0x1FFFFF
            yield self._layout.block(block), length


def _tree(trees: Trees, fork: bytes) -> Iterator[tuple[int, ...]]:
    """The root of a tree of extents stands in the inode: struct xfs_bmdr_block."""
    level, count = struct.unpack_from(">HH", fork)
    most = (len(fork) - 4) // 16
    if not level or count > most:
        raise GuestReadError("an inode is damaged")
    pointers = 4 + 8 * most
    for (pointer,) in struct.iter_unpack(">Q", fork[pointers : pointers + 8 * count]):
        yield from trees.below(EXTENTS, pointer, level - 1)
