"""Where an ext2, ext3 or ext4 keeps its own things.

Sources: the kernel's Documentation/filesystems/ext4; fs/ext4/super.c (descriptor_loc), fs/ext4/balloc.c
(ext4_bg_has_super, ext4_num_base_meta_blocks, ext4_init_block_bitmap).
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.blocks import Blocks
from imgtool.guest.filesystems.superblock import number

SUPERBLOCK, SUPERBLOCK_BYTES = 1024, 1024
META_BG, BITS_64 = 0x10, 0x80
GDT_CHECKSUM, BIGALLOC, METADATA_CHECKSUM = 0x10, 0x200, 0x400
SPARSE_SUPER, SPARSE_SUPER_2 = 0x1, 0x200
INODE_UNINIT, BLOCK_UNINIT = 0x1, 0x2
POWERS_OF = (3, 5, 7)
OLD_INODE_BYTES = 128
"""Of revision 0, whose superblock does not say."""
MAX_BLOCK_BITS = 6
"""A block has so many times two KiB at most: 64 KiB (EXT4_MAX_BLOCK_LOG_SIZE)."""
MAX_CLUSTER_BITS = 16
"""A cluster has so many times two blocks at most: 512 MiB (EXT2_MAX_CLUSTER_LOG_SIZE)."""
MAX_GROUPS = 1 << 18
"""32 TiB in groups of 128 MiB."""


class Group(NamedTuple):
    """One group descriptor."""

    block_bitmap: int
    inode_bitmap: int
    inode_table: int
    free_clusters: int
    flags: int
    unused_inodes: int
    """At the end of its table; they were perhaps never written."""


@dataclass(frozen=True, slots=True)
class ExtLayout:
    """What the superblock and the descriptors say."""

    blocks: Blocks
    first_block: int
    """Of the first group: 1 where a block is 1 KiB and no cluster is larger."""
    group_blocks: int
    cluster_blocks: int
    """Blocks for each bit of a bitmap: more than one with bigalloc."""
    group_inodes: int
    inode_bytes: int
    descriptor_bytes: int
    incompatible: int
    compatible: int
    read_only: int
    reserved_descriptor_blocks: int
    first_meta_group: int
    backups: tuple[int, int]
    """Groups with a copy of the superblock, with sparse_super2."""

    @property
    def has_checksums(self) -> bool:
        """Whether the flags of a group, and its count of unused inodes, mean anything."""
        return bool(self.read_only & (GDT_CHECKSUM | METADATA_CHECKSUM))

    @property
    def inode_table_blocks(self) -> int:
        """How many blocks the inode table of a group takes."""
        return -(-self.group_inodes * self.inode_bytes // self.blocks.size)

    def start(self, group: int) -> int:
        """The first block of a group."""
        return self.first_block + group * self.group_blocks

    def end(self, group: int) -> int:
        """The block after the last one of a group."""
        return min(self.start(group + 1), self.blocks.count)

    def own_blocks(self, groups: Iterable[Group]) -> Iterator[tuple[int, int]]:
        """Start and end of all that belongs to no file: superblocks, descriptors, bitmaps, inode tables."""
        for index, group in enumerate(groups):
            yield self.start(index), self.start(index) + self._described_blocks(index)
            yield group.block_bitmap, group.block_bitmap + 1
            yield group.inode_bitmap, group.inode_bitmap + 1
            yield group.inode_table, group.inode_table + self.inode_table_blocks
        yield 0, self._first_descriptor() + max(1, self._descriptor_blocks())

    def reserved_blocks(self, index: int) -> int:
        """Blocks at the start of a group that are taken where nothing else is: ext4_num_base_meta_blocks."""
        reserved = self.reserved_descriptor_blocks if self._has_superblock(index) else 0
        return self._described_blocks(index) + (reserved if not self._by_meta_group(index) else 0)

    def _described_blocks(self, index: int) -> int:
        """The copy of the superblock, and of the descriptors behind it."""
        has_superblock = self._has_superblock(index)
        if self._by_meta_group(index):
            place = index % self.descriptors_in_block
            return has_superblock + (place in {0, 1, self.descriptors_in_block - 1})
        return 1 + self._descriptor_blocks() if has_superblock else 0

    def _by_meta_group(self, index: int) -> bool:
        first = self.first_meta_group * self.descriptors_in_block
        return bool(self.incompatible & META_BG) and index >= first

    @property
    def descriptors_in_block(self) -> int:
        """How many descriptors a block holds."""
        return self.blocks.size // self.descriptor_bytes

    def _descriptor_blocks(self) -> int:
        """Blocks of descriptors that stand together behind each copy of the superblock."""
        if self.incompatible & META_BG:
            return self.first_meta_group
        return -(-self.group_count // self.descriptors_in_block)

    @property
    def group_count(self) -> int:
        """How many groups there are."""
        return -(-(self.blocks.count - self.first_block) // self.group_blocks)

    def _first_descriptor(self) -> int:
        """Behind the superblock, which stands at byte 1024."""
        return SUPERBLOCK // self.blocks.size + 1

    def _has_superblock(self, group: int) -> bool:
        if group == 0:
            return True
        if self.compatible & SPARSE_SUPER_2:
            return group in self.backups
        if group == 1 or not self.read_only & SPARSE_SUPER:
            return True
        return any(_is_power(group, base) for base in POWERS_OF)

    def read_groups(self) -> Iterator[Group]:
        """All descriptors."""
        if not 0 < self.group_count <= MAX_GROUPS:
            raise GuestReadError(f"{self.group_count} groups of blocks")
        for first in range(0, self.group_count, self.descriptors_in_block):
            yield from self.read_descriptors(first)

    def read_descriptors(self, first: int) -> list[Group]:
        """Descriptors of the group `first` and of all others in its block, in which it is the first one.

        The block is read from where the kernel reads it.
        """
        size, content = self.descriptor_bytes, self.blocks.read(self._place(first))
        count = min(self.descriptors_in_block, self.group_count - first)
        return [_descriptor(content[at : at + size]) for at in range(0, count * size, size)]

    def _place(self, index: int) -> int:
        """The block with the descriptor of the group `index`, the first one in that block: descriptor_loc."""
        if not self._by_meta_group(index):
            return self._first_descriptor() + index // self.descriptors_in_block
        odd = self.blocks.size == SUPERBLOCK and index == 0 and self.first_block == 0
        return self.start(index) + self._has_superblock(index) + odd


def read_layout(stream: BinaryIO, head: bytes) -> ExtLayout:
    """The layout of the file system in `stream` by `head`, its superblock. Raises GuestReadError."""
    compatible, incompatible, read_only = features(head)
    if number(head, 0x18, "<I") > MAX_BLOCK_BITS:
        raise GuestReadError("its blocks would be larger than 64 KiB")
    block_bytes = 1024 << number(head, 0x18, "<I")
    wide = incompatible & BITS_64
    count = number(head, 0x4, "<I") | (number(head, 0x150, "<I") << 32 if wide else 0)
    cluster_bits = number(head, 0x1C, "<I") - number(head, 0x18, "<I") if read_only & BIGALLOC else 0
    if not 0 <= cluster_bits <= MAX_CLUSTER_BITS:
        raise GuestReadError("impossible size of clusters")
    layout = ExtLayout(
        blocks=Blocks(stream, block_bytes, count),
        first_block=number(head, 0x14, "<I"),
        group_blocks=number(head, 0x20, "<I"),
        cluster_blocks=1 << cluster_bits,
        group_inodes=number(head, 0x28, "<I"),
        inode_bytes=number(head, 0x58, "<H") if number(head, 0x4C, "<I") else OLD_INODE_BYTES,
        descriptor_bytes=number(head, 0xFE, "<H") if wide else 32,
        incompatible=incompatible,
        compatible=compatible,
        read_only=read_only,
        reserved_descriptor_blocks=number(head, 0xCE, "<H"),
        first_meta_group=number(head, 0x104, "<I"),
        backups=struct.unpack_from("<II", head, 0x24C),
    )
    _refuse_impossible(layout)
    return layout


def features(head: bytes) -> tuple[int, int, int]:
    """Return the compatible, incompatible and read-only features that the superblock `head` names."""
    compatible, incompatible, read_only = struct.unpack_from("<III", head, 0x5C)
    return compatible, incompatible, read_only


def _refuse_impossible(layout: ExtLayout) -> None:
    bits = 8 * layout.blocks.size
    possible = (
        0 < layout.group_blocks <= bits * layout.cluster_blocks
        and layout.group_blocks % layout.cluster_blocks == 0
        and 0 < layout.group_inodes <= bits
        and layout.inode_bytes >= 128
        and not layout.inode_bytes & (layout.inode_bytes - 1)
        and layout.inode_bytes <= layout.blocks.size
        and 32 <= layout.descriptor_bytes <= layout.blocks.size
        and not layout.descriptor_bytes & (layout.descriptor_bytes - 1)
        and layout.first_block < min(layout.blocks.count, 2)
    )
    if not possible:
        raise GuestReadError("its superblock has impossible sizes")


def _descriptor(content: bytes) -> Group:
    """Struct ext4_group_desc; the upper halves are there with 64bit only."""
    low = struct.unpack_from("<IIIHHHH8xHH", content)
    bitmap, inodes, table, free, _, _, flags, unused, _ = low
    if len(content) >= 64:
        high = struct.unpack_from("<IIIH4xH", content, 32)
        bitmap, inodes, table = bitmap | high[0] << 32, inodes | high[1] << 32, table | high[2] << 32
        free, unused = free | high[3] << 16, unused | high[4] << 16
    return Group(bitmap, inodes, table, free, flags, unused)


def _is_power(value: int, base: int) -> bool:
    while value % base == 0:
        value //= base
    return value == 1
