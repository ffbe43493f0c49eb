"""Superblock, allocation groups and B+trees of an XFS, of versions 4 and 5.

Layout: XFS Algorithms & Data Structures, 3rd edition; fs/xfs/libxfs/xfs_format.h of Linux 6.13.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.blocks import Blocks
from imgtool.guest.filesystems.superblock import number

HEAD_BYTES = 512
KNOWN_INCOMPATIBLE = 0x1EF
"""All of Linux 6.13 but `needs repair` and zones."""
KNOWN_READ_ONLY = 0xF
"""finobt, rmapbt, reflink, inobtcnt."""
MAX_GROUPS = 1 << 16
MAX_LEVELS = 12
HEADER_SECTORS = 4
"""Superblock, free space, inodes, and the list of blocks for the trees of free space."""
SHORT_HEAD, SHORT_HEAD_5, LONG_HEAD, LONG_HEAD_5 = 16, 56, 24, 72
"""Bytes of a tree block's header: with pointers inside of the group, with those in all of the file system."""


class Kind(NamedTuple):
    """One kind of tree."""

    magics: tuple[bytes, bytes]
    """Of version 4, and of version 5."""
    key_bytes: int
    record: struct.Struct
    wide: bool = False
    """Whether its pointers lead to other groups too."""


BY_PLACE = Kind((b"ABTB", b"AB3B"), 8, struct.Struct(">II"))
BY_SIZE = Kind((b"ABTC", b"AB3C"), 8, struct.Struct(">II"))
INODES = Kind((b"IABT", b"IAB3"), 4, struct.Struct(">IHHQ"))
FREE_INODES = Kind((b"FIBT", b"FIB3"), 4, struct.Struct(">IHHQ"))
OWNERS = Kind((b"RMB3", b"RMB3"), 40, struct.Struct(">II16x"))
SHARED = Kind((b"R3FC", b"R3FC"), 4, struct.Struct(">III"))
EXTENTS = Kind((b"BMAP", b"BMA3"), 8, struct.Struct(">QQ"), wide=True)


@dataclass(frozen=True, slots=True)
class XfsLayout:
    """What the superblock says."""

    blocks: Blocks
    is_5: bool
    sector_bytes: int
    inode_bytes: int
    inodes_in_block_bits: int
    group_blocks: int
    group_bits: int
    """Of a block's number: those below have its place in its group."""
    groups: int
    log: tuple[int, int]
    """First block of the log, and how many."""
    sparse_inodes: bool
    has_owners: bool
    has_shared: bool
    has_free_inodes: bool

    def block(self, number_of_block: int) -> int:
        """The place of a block by its number, which has the group in its upper bits."""
        group, within = divmod(number_of_block, 1 << self.group_bits)
        if group >= self.groups or within >= self.group_blocks:
            raise GuestReadError("a block's number is that of none")
        return group * self.group_blocks + within

    def length(self, group: int) -> int:
        """Return how many blocks a group has: the last one has fewer."""
        return min(self.group_blocks, self.blocks.count - group * self.group_blocks)

    def header(self, group: int, sector: int, magic: bytes) -> bytes:
        """One of the sectors that a group begins with."""
        offset = group * self.group_blocks * self.blocks.size + sector * self.sector_bytes
        content = self.blocks.read_bytes(offset, self.sector_bytes)
        seen, length = number(content, 8, ">I"), number(content, 12, ">I")
        if content[:4] != magic or seen != group or length != self.length(group):
            raise GuestReadError(f"the headers of allocation group {group} are damaged")
        return content


def read_xfs_layout(stream: BinaryIO) -> XfsLayout:
    """The layout of the file system in `stream`. Raises GuestReadError for what is not known here."""
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    version = number(head, 100, ">H") & 0xF
    read_only, incompatible = struct.unpack_from(">II", head, 212) if version == 5 else (0, 0)
    unknown = read_only & ~KNOWN_READ_ONLY, incompatible & ~KNOWN_INCOMPATIBLE
    if version not in {4, 5} or any(unknown):
        raise GuestReadError(f"it has features that are not known here ({unknown[0]:#x}, {unknown[1]:#x})")
    if head[126]:
        raise GuestReadError("it was never finished, or grows just now")
    size, count = number(head, 4, ">I"), number(head, 8, ">Q")
    log_start, log_blocks = number(head, 48, ">Q"), number(head, 96, ">I")
    layout = XfsLayout(
        blocks=Blocks(stream, size, count),
        is_5=version == 5,
        sector_bytes=number(head, 102, ">H"),
        inode_bytes=number(head, 104, ">H"),
        inodes_in_block_bits=head[123],
        group_blocks=number(head, 84, ">I"),
        group_bits=head[124],
        groups=number(head, 88, ">I"),
        log=(log_start, log_blocks),
        sparse_inodes=bool(incompatible & 2),
        has_owners=bool(read_only & 2),
        has_shared=bool(read_only & 4),
        has_free_inodes=bool(read_only & 1),
    )
    _refuse_impossible(layout)
    return layout


def _refuse_impossible(layout: XfsLayout) -> None:
    size = layout.blocks.size
    possible = (
        512 <= size <= 1 << 16
        and not size & (size - 1)
        and 512 <= layout.sector_bytes <= 1 << 15
        and 256 <= layout.inode_bytes <= min(2048, size)
        and size // layout.inode_bytes == 1 << layout.inodes_in_block_bits
        and 0 < layout.group_blocks <= 1 << layout.group_bits <= 1 << 31
        and 0 < layout.groups <= MAX_GROUPS
        and (layout.groups - 1) * layout.group_blocks < layout.blocks.count
        and layout.blocks.count <= layout.groups * layout.group_blocks
    )
    if not possible:
        raise GuestReadError("its superblock has impossible sizes")


class Trees:
    """Goes through the trees of one file system; no block is part of two of them."""

    def __init__(self, layout: XfsLayout) -> None:
        self._layout = layout
        self.seen: set[int] = set()
        """Places of all blocks of trees, so far."""

    def records(self, kind: Kind, group: int, root: int, levels: int) -> Iterator[tuple[int, ...]]:
        """The records of a tree of a group, in their order."""
        if not 0 < levels <= MAX_LEVELS:
            raise GuestReadError(f"a tree of {levels} levels")
        return self._below(kind, self._place(kind, group, root), levels - 1)

    def below(self, kind: Kind, pointer: int, level: int) -> Iterator[tuple[int, ...]]:
        """The records below a pointer to a block of this level."""
        if not 0 <= level <= MAX_LEVELS:
            raise GuestReadError(f"a tree of {level} levels")
        return self._below(kind, self._place(kind, 0, pointer), level)

    def _place(self, kind: Kind, group: int, pointer: int) -> int:
        layout = self._layout
        if kind.wide:
            return layout.block(pointer)
        if pointer >= layout.length(group):
            raise GuestReadError("a tree leads out of its allocation group")
        return group * layout.group_blocks + pointer

    def _below(self, kind: Kind, place: int, level: int) -> Iterator[tuple[int, ...]]:
        if place in self.seen:
            raise GuestReadError("a block is part of two trees")
        self.seen.add(place)
        layout = self._layout
        content = layout.blocks.read(place)
        found_level, count = struct.unpack_from(">HH", content, 4)
        head = (SHORT_HEAD, SHORT_HEAD_5, LONG_HEAD, LONG_HEAD_5)[2 * kind.wide + layout.is_5]
        pointer = struct.Struct(">Q" if kind.wide else ">I")
        entry = kind.record.size if level == 0 else kind.key_bytes + pointer.size
        most = (len(content) - head) // entry
        if content[:4] != kind.magics[layout.is_5] or found_level != level or count > most:
            raise GuestReadError("a block of a tree is damaged")
        if level == 0:
            yield from kind.record.iter_unpack(content[head : head + count * entry])
            return
        pointers = head + most * kind.key_bytes
        group = place // layout.group_blocks
        for (below,) in pointer.iter_unpack(content[pointers : pointers + count * pointer.size]):
            yield from self._below(kind, self._place(kind, group, below), level - 1)
