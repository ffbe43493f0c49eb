"""The inodes of an ext2, ext3 or ext4, and where the content of each is.

Layout: the kernel's Documentation/filesystems/ext4. What is refused, the kernel refuses too: fs/ext4/inode.c
(__ext4_iget, ext4_isize), fs/ext4/extents.c (__ext4_ext_check), fs/ext4/indirect.c.
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import BinaryIO, NamedTuple

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.ext_layout import ExtLayout, Group, read_layout
from imgtool.guest.filesystems.nodes import FORMAT_MASK, MAX_EXTENTS

ROOT = 2
FILE_TYPES, EA_INODE, LARGE_DIRECTORIES = 0x2, 0x400, 0x4000
"""Incompatible features."""
EXTENTS_FLAG, INLINE_FLAG = 0x80000, 0x10000000
IMMUTABLE_FLAG, APPEND_FLAG = 0x10, 0x20
"""Of an inode: i_flags."""
REGULAR = 0o100000
CLASSIC_BYTES = 128
"""Of an inode. What is behind it has a length of its own."""
LINK_BYTES = 60
"""A shorter target of a symbolic link may stand in the inode, in place of the list of blocks."""
EXTENT_MAGIC = 0xF30A
MAX_EXTENT_DEPTH = 5
UNWRITTEN = 0x8000
MAX_INDIRECT_BYTES = 1 << 30
"""Largest file without extents (ext2, ext3) that is read: its list of blocks is gone through as a whole."""
SECTOR = 512
CACHED_BLOCKS = 64
"""Of inode tables: the inodes of a directory stand side by side."""
CACHED_DESCRIPTORS = 64
_FIELDS = struct.Struct("<HHI8xi4xHHII4x60s4xII4xHHHH")
_EXTRA_MTIME = 0x88


class Fields(NamedTuple):
    """Fields of struct ext4_inode, in their order."""

    mode: int
    uid_low: int
    size_low: int
    mtime: int
    gid_low: int
    links: int
    sectors: int
    """That it has on the volume; with huge_file: or blocks."""
    flags: int
    content: bytes
    """A list of blocks, the root of a tree of extents, the content itself, or a symbolic link's target."""
    attributes_low: int
    size_high: int
    sectors_high: int
    attributes_high: int
    uid_high: int
    gid_high: int


class Run(NamedTuple):
    """Blocks of a file that follow each other on the volume."""

    start: int
    """The first one, counted from the file's beginning."""
    length: int
    """How many."""
    block: int
    """Where that is on the volume; 0: they are zeros, and nowhere."""


class ExtVolume:
    """The file system in `stream`, whose superblock is `head`. Raises GuestReadError."""

    def __init__(self, stream: BinaryIO, head: bytes) -> None:
        self.layout: ExtLayout = read_layout(stream, head)
        self.blocks = self.layout.blocks
        self._descriptors = lru_cache(CACHED_DESCRIPTORS)(self.layout.read_descriptors)
        self._table_block = lru_cache(CACHED_BLOCKS)(self.blocks.read)

    @property
    def names_types(self) -> bool:
        """Whether a directory entry has the type of its inode."""
        return bool(self.layout.incompatible & FILE_TYPES)

    def inode(self, number: int) -> "Inode":
        """The inode of that number, which is read when it is asked for something."""
        return Inode(self, number)

    def read_inode(self, number: int) -> bytes:
        """All bytes of the inode of that number."""
        layout = self.layout
        group, index = divmod(number - 1, layout.group_inodes)
        if not 0 <= group < layout.group_count:
            raise GuestReadError(f"it has no inode {number}")
        block, within = divmod(index * layout.inode_bytes, self.blocks.size)
        table = self._table_block(self._group(group).inode_table + block)
        return table[within : within + layout.inode_bytes]

    def _group(self, index: int) -> Group:
        within = index % self.layout.descriptors_in_block
        return self._descriptors(index - within)[within]


class Inode:
    """One inode. Whatever is asked for may raise GuestReadError."""

    __slots__ = ("_fields", "number", "raw", "volume")
    raw: bytes
    """All its bytes; there after `fields` were asked for."""

    def __init__(self, volume: ExtVolume, number: int) -> None:
        self.volume = volume
        self.number = number
        self._fields: Fields | None = None

    @property
    def fields(self) -> Fields:
        """What every inode has."""
        if self._fields is None:
            self.raw = self.volume.read_inode(self.number)
            self._fields = Fields._make(_FIELDS.unpack_from(self.raw))
        return self._fields

    @property
    def size(self) -> int:
        """Size of the content in bytes. A directory of an old kernel has other things in the upper half."""
        fields = self.fields
        is_long = fields.mode & FORMAT_MASK == REGULAR or self.volume.layout.incompatible & LARGE_DIRECTORIES
        return fields.size_low | fields.size_high << 32 if is_long else fields.size_low

    @property
    def modified_seconds(self) -> int:
        """Since 1970: ext4_decode_extra_time."""
        seconds, behind = self.fields.mtime, self.behind_the_fields
        has_extra = len(self.raw) - len(behind) >= _EXTRA_MTIME + 4
        return seconds + ((self.raw[_EXTRA_MTIME] & 3) << 32 if has_extra else 0)

    @property
    def behind_the_fields(self) -> bytes:
        """Bytes behind the fixed fields: none where inodes have 128 bytes."""
        if self.fields and len(self.raw) <= CLASSIC_BYTES:
            return b""
        return self.raw[
            CLASSIC_BYTES + int.from_bytes(self.raw[CLASSIC_BYTES : CLASSIC_BYTES + 2], "little") :
        ]

    @property
    def attributes_block(self) -> int:
        """The block of its extended attributes; 0: there is none."""
        return self.fields.attributes_low | self.fields.attributes_high << 32

    @property
    def keeps_its_target(self) -> bool:
        """Whether the inode of a symbolic link holds the target itself: ext4_inode_is_fast_symlink."""
        layout, fields = self.volume.layout, self.fields
        if layout.incompatible & EA_INODE:
            return 0 < self.size < LINK_BYTES
        attributes = layout.blocks.size * layout.cluster_blocks // SECTOR if self.attributes_block else 0
        return fields.sectors | fields.sectors_high << 32 == attributes

    def runs(self) -> list[Run]:
        """Where its content is, without a gap from its first block to its last one."""
        blocks = -(-self.size // self.volume.blocks.size)
        if self.fields.flags & EXTENTS_FLAG:
            found = _extents(self.volume, self.fields.content, None)
        elif self.size > MAX_INDIRECT_BYTES:
            raise GuestReadError(f"it is larger than {MAX_INDIRECT_BYTES} bytes, without extents")
        else:
            found = _mapped(self.volume, self.fields.content)
        return list(_without_gaps(self.volume, found, blocks))


def _without_gaps(volume: ExtVolume, found: Iterator[Run], blocks: int) -> Iterator[Run]:
    """The runs up to the end of a file of so many blocks, with what is in no run as zeros."""
    position = 0
    for count, run in enumerate(found):
        if count > MAX_EXTENTS or run.start < position:
            raise GuestReadError("its extents are out of order, or too many")
        if run.block and run.block + run.length > volume.blocks.count:
            raise GuestReadError(f"it has block {run.block}, which lies outside of the file system")
        if run.start > position:
            yield Run(position, run.start - position, 0)
        yield run
        position = run.start + run.length
        if position >= blocks:
            return
    if position < blocks:
        yield Run(position, blocks - position, 0)


def _extents(volume: ExtVolume, node: bytes, parent_depth: int | None) -> Iterator[Run]:
    """Each extent, in the order of the file. One without content yet reads as zeros."""
    magic, entries, _, depth = struct.unpack_from("<HHHH", node)
    expected = depth <= MAX_EXTENT_DEPTH if parent_depth is None else depth == parent_depth - 1
    if magic != EXTENT_MAGIC or not expected or 12 + 12 * entries > len(node):
        raise GuestReadError("its extent tree is damaged")
    for at in range(12, 12 + 12 * entries, 12):
        if depth:
            _, low, high = struct.unpack_from("<IIH", node, at)
            yield from _extents(volume, volume.blocks.read(low | high << 32), depth)
        else:
            start, count, high, low = struct.unpack_from("<IHHI", node, at)
            block = low | high << 32
            if not count or not block:
                raise GuestReadError("its extent tree is damaged")
            yield Run(start, count - UNWRITTEN, 0) if count > UNWRITTEN else Run(start, count, block)


def _mapped(volume: ExtVolume, named: bytes) -> Iterator[Run]:
    """Twelve blocks, then one each of those that name others: by one, two and three steps."""
    numbers = struct.unpack("<15I", named)
    direct = ((block, 1) for block in numbers[:12])
    below = (_indirect(volume, block, depth) for depth, block in enumerate(numbers[12:], 1))
    start = first = count = 0
    for block, many in chain(direct, *below):
        follows = block == first + count if first else not block
        if count and not follows:
            yield Run(start, count, first)
            start, count = start + count, 0
        if not count:
            first = block
        count += many
    yield Run(start, count, first)


def _indirect(volume: ExtVolume, block: int, depth: int) -> Iterator[tuple[int, int]]:
    """Each block that `block` names, by so many steps, with how many there are; 0: a hole."""
    here = volume.blocks.size // 4
    if not block:
        yield 0, here**depth
        return
    for below in struct.unpack(f"<{here}I", volume.blocks.read(block)):
        if depth == 1:
            yield below, 1
        else:
            yield from _indirect(volume, below, depth - 1)
