"""All blocks that the inodes of an ext2, ext3 or ext4 name, by the inodes alone: no bitmap of blocks is read.

As e2fsck does, every inode with a link counts, whether or not a directory names it; and of the tables all is
looked at that was ever written, and what the bitmap of inodes has in use.
"""

import struct
from array import array
from collections.abc import Iterator, Sequence

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.ext_layout import INODE_UNINIT, ExtLayout, Group
from imgtool.guest.free.bitmap import highest

EXTENTS_FLAG, INLINE_FLAG = 0x80000, 0x10000000
EXTENT_MAGIC = 0xF30A
MAX_DEPTH = 5
UNWRITTEN = 0x8000
"""A length above is that of an extent without content yet, plus this."""
FORMAT = 0xF000
SYMLINK, WITHOUT_BLOCKS = 0xA000, (0x2000, 0x6000, 0x1000, 0xC000)
"""stat.S_IFMT; devices, FIFOs and sockets keep other things where a file has its blocks."""
FAST_LINK_BYTES = 60
RESERVED_INODES = 10
"""The first ones, some of which have blocks and no link."""
SLICE_INODES = 512
MAX_NODES = 1 << 20
"""Blocks of extent trees and indirect blocks that are read in all."""

Run = tuple[int, int]
"""First block, and how many."""


def used_blocks(layout: ExtLayout, groups: Sequence[Group]) -> Iterator[Run]:
    """What the inodes name: data, trees of extents, indirect blocks, blocks of extended attributes."""
    walk = _Walk(layout)
    for index, group in enumerate(groups):
        for raw in _inodes(layout, index, group):
            yield from walk.blocks_of(raw)


def _inodes(layout: ExtLayout, index: int, group: Group) -> Iterator[bytes]:
    """The inodes of a group that are in use."""
    size = layout.inode_bytes
    wanted = struct.Struct(f"<H24xH{size - 28}x")
    count = _written(layout, group)
    for first in range(0, count, SLICE_INODES):
        part = min(SLICE_INODES, count - first)
        place = group.inode_table * layout.blocks.size + first * size
        content = layout.blocks.read_bytes(place, part * size)
        for number, (mode, links) in enumerate(wanted.iter_unpack(content)):
            special = index == 0 and first + number < RESERVED_INODES
            if links or (special and (mode or any(content[number * size : (number + 1) * size]))):
                yield content[number * size : (number + 1) * size]


def _written(layout: ExtLayout, group: Group) -> int:
    """How many inodes of the group's table have to be looked at."""
    if not layout.has_checksums:
        return layout.group_inodes
    if group.flags & INODE_UNINIT:
        return 0
    in_use = highest(layout.blocks.read(group.inode_bitmap)[: -(-layout.group_inodes // 8)])
    return min(layout.group_inodes, max(layout.group_inodes - group.unused_inodes, in_use))


class _Walk:
    """Goes through the blocks of one inode after the other; no tree's block twice."""

    def __init__(self, layout: ExtLayout) -> None:
        self._blocks = layout.blocks
        self._seen: set[int] = set()

    def blocks_of(self, raw: bytes) -> Iterator[Run]:
        """What this inode names. Raises GuestReadError where that cannot be."""
        mode, size_low, flags = (
            struct.unpack_from(layout, raw, at)[0] for layout, at in (("<H", 0), ("<I", 4), ("<I", 32))
        )
        attributes = struct.unpack_from("<I", raw, 0x68)[0] | struct.unpack_from("<H", raw, 0x76)[0] << 32
        if attributes:
            yield self._checked(attributes, 1)
        kind = mode & FORMAT
        if kind in WITHOUT_BLOCKS or flags & INLINE_FLAG:
            return
        named = raw[40:100]
        if flags & EXTENTS_FLAG:
            yield from self._extents(named, None)
        elif kind != SYMLINK or size_low >= FAST_LINK_BYTES:
            yield from self._mapped(named)

    def _extents(self, node: bytes, above: int | None) -> Iterator[Run]:
        magic, entries, _, depth = struct.unpack_from("<HHHH", node)
        expected = depth <= MAX_DEPTH if above is None else depth == above - 1
        if magic != EXTENT_MAGIC or not expected or entries > (len(node) - 12) // 12:
            raise GuestReadError("an extent tree is damaged")
        for at in range(12, 12 + 12 * entries, 12):
            if depth:
                _, low, high = struct.unpack_from("<IIH", node, at)
                block = low | high << 32
                yield self._checked(block, 1)
                yield from self._extents(self._node(block), depth)
            else:
                _, length, high, low = struct.unpack_from("<IHHI", node, at)
                yield self._checked(low | high << 32, length if length <= UNWRITTEN else length - UNWRITTEN)

    def _mapped(self, named: bytes) -> Iterator[Run]:
        """Twelve blocks of data, then one each of those that name others: by one, two and three steps."""
        numbers = struct.unpack("<15I", named)
        yield from self._runs(numbers[:12])
        for depth, block in enumerate(numbers[12:], 1):
            yield from self._indirect(block, depth)

    def _indirect(self, block: int, depth: int) -> Iterator[Run]:
        if not block:
            return
        yield self._checked(block, 1)
        numbers = array("I", self._node(block))
        if depth == 1:
            yield from self._runs(numbers)
        else:
            for below in numbers:
                yield from self._indirect(below, depth - 1)

    def _runs(self, numbers: "array[int] | tuple[int, ...]") -> Iterator[Run]:
        """Blocks that follow each other are one run; 0 is a hole."""
        first = count = 0
        for block in numbers:
            if count and block == first + count:
                count += 1
                continue
            if count:
                yield self._checked(first, count)
            first, count = block, 1 if block else 0
        if count:
            yield self._checked(first, count)

    def _node(self, block: int) -> bytes:
        if block in self._seen or len(self._seen) >= MAX_NODES:
            raise GuestReadError(f"block {block} is part of two trees, or there are too many of them")
        self._seen.add(block)
        return self._blocks.read(block)

    def _checked(self, block: int, count: int) -> Run:
        if not 0 < block <= block + count <= self._blocks.count:
            raise GuestReadError(f"a file has block {block}, which the file system does not have")
        return block, count
