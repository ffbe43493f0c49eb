"""ext2, ext3 and ext4: what a superblock says, files and directories.

Layout: the kernel's Documentation/filesystems/ext4. Read here and not by a library: it is what most guests
have, and dissect.extfs took a third of the time in which a guest is read, ended a damaged directory silently,
left out a last entry of 12 bytes, and knew neither meta_bg nor inodes of all sizes.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.blocks import MAX_READ_BYTES
from imgtool.guest.filesystems.content import open_checked
from imgtool.guest.filesystems.ext_attributes import read_attribute
from imgtool.guest.filesystems.ext_layout import SUPERBLOCK, SUPERBLOCK_BYTES
from imgtool.guest.filesystems.ext_volume import (
    APPEND_FLAG,
    IMMUTABLE_FLAG,
    INLINE_FLAG,
    LINK_BYTES,
    ROOT,
    ExtVolume,
    Inode,
    Run,
)
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.filesystems.nodes import InodeNode
from imgtool.guest.filesystems.superblock import Identity, Room, number, text, uuid
from imgtool.util.text import printable

MAGIC = 0xEF53
HAS_JOURNAL = 0x4
JOURNAL_DEVICE = 0x8
HAS_EXTENTS, HAS_64BIT = 0x40, 0x80
UNREADABLE = {0x1: "compression", 0x8: "an external journal", 0x1000: "dirdata"}
"""Incompatible features that would be read wrongly."""
KNOWN_INCOMPATIBLE = 0x3F7DF
"""The incompatible features of Linux 6.12, fs/ext4/ext4.h."""
EXT3_INCOMPATIBLE, EXT3_READ_ONLY = 0x16, 0x7
"""filetype, recover, meta_bg; sparse_super, large_file, btree_dir: any feature besides makes it ext4."""
INLINE_PARENT_BYTES = 4
"""An inline directory begins with the number of its parent in place of `.` and `..`."""
MAX_DIRECTORY_BYTES = 64 << 20
OTHER_ENTRIES = (3, 4, 5, 6)
KIND_OF_ENTRY = {1: Kind.FILE, 2: Kind.DIRECTORY, 7: Kind.SYMLINK, **dict.fromkeys(OTHER_ENTRIES, Kind.OTHER)}
"""The type byte of a directory entry; 0 (unknown) is looked up in the inode."""


def probe(head: bytes, stream: BinaryIO) -> "ExtFilesystem | None":
    """The file system of `stream`, whose first bytes are `head`, if it is of this family."""
    if len(head) < SUPERBLOCK + SUPERBLOCK_BYTES or number(head, SUPERBLOCK + 0x38, "<H") != MAGIC:
        return None
    identity = Identity(_kind(head), text(head, SUPERBLOCK + 0x78, 16), uuid(head, SUPERBLOCK + 0x68))
    return ExtFilesystem(identity, head, stream)


def _kind(head: bytes) -> str:
    """Tell by the features, as libblkid tells them apart (superblocks/ext.c)."""
    compatible, incompatible, read_only = struct.unpack_from("<III", head, SUPERBLOCK + 0x5C)
    if incompatible & JOURNAL_DEVICE:
        return "jbd"
    if incompatible & ~EXT3_INCOMPATIBLE or read_only & ~EXT3_READ_ONLY:
        return "ext4"
    return "ext3" if compatible & HAS_JOURNAL else "ext2"


class ExtFilesystem:
    """One ext2, ext3 or ext4."""

    def __init__(self, identity: Identity, head: bytes, stream: BinaryIO) -> None:
        self.type, self.label, self.uuid = identity.type, identity.label, identity.uuid
        self._head = head
        self._stream = stream
        self._root: Node | None = None

    def root(self, subvolume: str | None = None) -> Node:
        """The top directory."""
        if subvolume is not None:
            raise GuestReadError(f"{self.type} has no subvolumes")
        if self._root is None:
            self._check_features()
            with guarded(self.type):
                self._root = self._open()
        return self._root

    @property
    def room(self) -> Room:
        """What is free: s_free_blocks_count and s_free_inodes_count, which an unmount writes.

        Where files have extents, a fiftieth up to 4096 clusters is kept for their own blocks
        (ext4_calculate_resv_clusters). What mke2fs reserves is root's, as cloud-init is.
        """
        names = (0x4, 0xC, 0x10, 0x18, 0x1C, 0x60, 0x150, 0x158)
        size, free, inodes, block, cluster, features, size_high, free_high = (
            number(self._head, SUPERBLOCK + at, "<I") for at in names
        )
        if features & HAS_64BIT:
            size, free = size_high << 32 | size, free_high << 32 | free
        per_cluster = max(0, min(cluster, 16) - block)
        kept = min((size >> per_cluster) // 50, 4096) << per_cluster if features & HAS_EXTENTS else 0
        return Room(max(0, free - kept) << (10 + min(block, 6)), inodes)

    def _open(self) -> Node:
        head = self._head[SUPERBLOCK : SUPERBLOCK + SUPERBLOCK_BYTES]
        return ExtNode(ExtVolume(self._stream, head).inode(ROOT), f"{self.type}:/", Kind.DIRECTORY)

    def _check_features(self) -> None:
        incompatible = number(self._head, SUPERBLOCK + 0x60, "<I")
        for bit, name in UNREADABLE.items():
            if incompatible & bit:
                raise GuestReadError(f"{self.type} with {name} is not supported")
        unknown = incompatible & ~KNOWN_INCOMPATIBLE
        if unknown:
            raise GuestReadError(f"{self.type} with unknown features {unknown:#x} is not supported")
        if number(self._head, SUPERBLOCK + 0x18, "<I") > 6:
            raise GuestReadError(f"{self.type} is damaged: its blocks would be larger than 64 KiB")


class ExtNode(InodeNode):
    """One inode."""

    __slots__ = ()
    _inode: Inode

    def _mode(self) -> int:
        return self._inode.fields.mode

    def _owner(self) -> tuple[int, int]:
        fields = self._inode.fields
        return fields.uid_high << 16 | fields.uid_low, fields.gid_high << 16 | fields.gid_low

    def _attributes(self) -> tuple[bool, bool]:
        flags = self._inode.fields.flags
        return bool(flags & IMMUTABLE_FLAG), bool(flags & APPEND_FLAG)

    def _size(self) -> int:
        return self._inode.size

    def _modified_seconds(self) -> int:
        return self._inode.modified_seconds

    def _link(self) -> str:
        inode = self._checked_inode()
        if inode.fields.flags & INLINE_FLAG:
            target = b"".join(_inline_parts(inode))
        elif inode.keeps_its_target:
            target = inode.fields.content[: inode.size] if inode.size < LINK_BYTES else b""
        else:
            target = _Content(inode.volume, inode.runs()).read_at(0, inode.size)
        if len(target) != inode.size:
            raise GuestReadError(f"{printable(self.where)}: its target is damaged")
        return target.decode(errors="surrogateescape")

    def _xattr(self, name: str) -> bytes | None:
        return read_attribute(self._checked_inode(), name)

    def _checked_inode(self) -> Inode:
        """The inode, if it is what its directory entry says: a lost table of inodes reads as zeros."""
        if self._kind_of_inode() is not self.kind:
            raise GuestReadError(f"{printable(self.where)}: its inode is damaged")
        return self._inode

    def _open(self) -> BinaryIO:
        inode = self._checked_inode()
        if inode.fields.flags & INLINE_FLAG:
            inline = b"".join(_inline_parts(inode))
            return open_checked(self.where, inode.size, lambda start, length: inline[start : start + length])
        content = _Content(inode.volume, inode.runs())

        def read_at(offset: int, length: int) -> bytes:
            with guarded(printable(self.where)):
                return content.read_at(offset, length)

        return open_checked(self.where, inode.size, read_at)

    def _list(self) -> Iterator[tuple[str, Node]]:
        volume = self._inode.volume
        for inum, entry_type, raw_name in self._raw_entries():
            name = raw_name.decode("utf-8", "surrogateescape")
            kind = KIND_OF_ENTRY.get(entry_type) if volume.names_types else None
            yield name, ExtNode(volume.inode(inum), self._below(name), kind)

    def _raw_entries(self) -> Iterator[tuple[int, int, bytes]]:
        inode = self._checked_inode()
        if inode.size > MAX_DIRECTORY_BYTES:
            raise GuestReadError(f"{self.where} is a directory of more than {MAX_DIRECTORY_BYTES} bytes")
        if inode.fields.flags & INLINE_FLAG:
            head, tail = _inline_parts(inode)
            yield from _entries(head[INLINE_PARENT_BYTES:], len(head) - INLINE_PARENT_BYTES)
            yield from _entries(tail, len(tail))
        else:
            size = inode.volume.blocks.size
            blocks = -(-inode.size // size)  # an entry may reach beyond the directory's size: ext4_readdir
            content = _Content(inode.volume, inode.runs()).read_at(0, blocks * size)
            yield from _entries(content, size, inode.size)


class _Content:
    """The content of a file that is kept in blocks."""

    def __init__(self, volume: ExtVolume, runs: Sequence[Run]) -> None:
        self._blocks = volume.blocks
        self._runs = runs
        self._starts = [run.start for run in runs]

    def read_at(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`, both within the runs."""
        pieces = []
        index = bisect_right(self._starts, offset // self._blocks.size) - 1
        while length > 0:
            run = self._runs[index]
            within = offset - run.start * self._blocks.size
            part = min(length, run.length * self._blocks.size - within, MAX_READ_BYTES)
            if part <= 0:
                index += 1
                continue
            place = run.block * self._blocks.size + within
            pieces.append(self._blocks.read_bytes(place, part) if run.block else bytes(part))
            offset, length = offset + part, length - part
        return b"".join(pieces)


def _inline_parts(inode: Inode) -> tuple[bytes, bytes]:
    """What is kept in the inode itself, and what follows in its attribute system.data (ext4, inline data)."""
    head = inode.fields.content[: inode.size]
    if inode.size <= len(head):
        return head, b""
    tail = read_attribute(inode, "system.data") or b""
    return head, tail[: inode.size - len(head)]


def _entries(content: bytes, block_size: int, end: int | None = None) -> Iterator[tuple[int, int, bytes]]:
    """Inode, type and name of each entry in use that begins before `end`: struct ext4_dir_entry_2.

    Index blocks and checksums are dressed up as unused entries, so all blocks read alike.
    """
    offset = 0
    end = len(content) if end is None else end
    while offset < end and offset + 8 <= len(content):
        inum, length, name_length, entry_type = struct.unpack_from("<IHBB", content, offset)
        length = _record_length(length, block_size)
        if length < 8 or length % 4 or offset % block_size + length > block_size:
            raise GuestReadError(f"damaged directory entry at byte {offset}")
        if inum:
            if not 0 < name_length <= length - 8:
                raise GuestReadError(f"damaged directory entry at byte {offset}")
            yield inum, entry_type, content[offset + 8 : offset + 8 + name_length]
        offset += length


def _record_length(length: int, block_size: int) -> int:
    """An entry that fills its block of 64 KiB is written as 65535 or 0 (ext4_rec_len_from_disk)."""
    return block_size if block_size == 1 << 16 and length in {0, 0xFFFF} else length
