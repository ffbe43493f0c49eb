"""ext2, ext3 and ext4, by dissect.extfs.

Layout: the kernel's Documentation/filesystems/ext4. Directories and extent trees are walked here, because
the library ends a damaged directory silently, leaves out a last entry of 12 bytes, and follows an extent
tree to any depth.
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.content import open_checked
from imgtool.guest.filesystems.ext_attributes import read_attribute
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.filesystems.nodes import MAX_EXTENTS, InodeNode
from imgtool.guest.filesystems.superblock import Identity, number, text, uuid
from imgtool.util.text import printable

if TYPE_CHECKING:
    from dissect.extfs.extfs import ExtFS, INode

SUPERBLOCK = 1024
MAGIC = 0xEF53
HAS_JOURNAL = 0x4
JOURNAL_DEVICE = 0x8
UNREADABLE = {0x1: "compression", 0x8: "an external journal", 0x1000: "dirdata"}
"""Incompatible features that the library does not know of and would read wrongly."""
KNOWN_INCOMPATIBLE = 0x3F7DF
"""The incompatible features of Linux 6.12, fs/ext4/ext4.h."""
EXT3_INCOMPATIBLE, EXT3_READ_ONLY = 0x16, 0x7
"""filetype, recover, meta_bg; sparse_super, large_file, btree_dir: any feature besides makes it ext4."""
EXTENTS_FLAG = 0x80000
INLINE_FLAG = 0x10000000
INLINE_PARENT_BYTES = 4
"""An inline directory begins with the number of its parent in place of `.` and `..`."""
EXTENT_MAGIC = 0xF30A
MAX_EXTENT_DEPTH = 5
UNWRITTEN = 0x8000
MAX_DIRECTORY_BYTES = 64 << 20
MAX_INDIRECT_BYTES = 1 << 30
"""Largest file without extents (ext2, ext3) that is read: its list of blocks is kept in memory."""
OTHER_ENTRIES = (3, 4, 5, 6)
KIND_OF_ENTRY = {1: Kind.FILE, 2: Kind.DIRECTORY, 7: Kind.SYMLINK, **dict.fromkeys(OTHER_ENTRIES, Kind.OTHER)}
"""The type byte of a directory entry; 0 (unknown) is looked up in the inode."""


def probe(head: bytes, stream: BinaryIO) -> "ExtFilesystem | None":
    """The file system of `stream`, whose first bytes are `head`, if it is of this family."""
    if len(head) < SUPERBLOCK + 1024 or number(head, SUPERBLOCK + 0x38, "<H") != MAGIC:
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

    def _open(self) -> Node:
        from imgtool.guest.filesystems.ext_groups import open_ext  # noqa: PLC0415 - 0.1 s that only this one costs

        return ExtNode(open_ext(self._head, self._stream).root, f"{self.type}:/", Kind.DIRECTORY)

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
    _inode: "INode"

    def _mode(self) -> int:
        return int(self._inode.inode.i_mode)

    def _owner(self) -> tuple[int, int]:
        """Each in two halves: struct ext4_inode, l_i_uid_high."""
        inode = self._inode.inode
        return (
            int(inode.i_uid_high) << 16 | int(inode.i_uid),
            int(inode.i_gid_high) << 16 | int(inode.i_gid),
        )

    def _size(self) -> int:
        return int(self._inode.size)

    def _link(self) -> str:
        inode = self._checked_inode()
        if inode.inode.i_flags & INLINE_FLAG:
            return b"".join(_inline_parts(inode)).decode(errors="surrogateescape")
        return str(inode.link)

    def _xattr(self, name: str) -> bytes | None:
        return read_attribute(self._checked_inode(), name)

    def _checked_inode(self) -> "INode":
        """The inode, if it is what its directory entry says: a lost table of inodes reads as zeros."""
        if self._kind_of_inode() is not self.kind:
            raise GuestReadError(f"{printable(self.where)}: its inode is damaged")
        return self._inode

    def _open(self) -> BinaryIO:
        inode = self._checked_inode()
        if inode.inode.i_flags & INLINE_FLAG:
            return self._open_inline()
        if inode.inode.i_flags & EXTENTS_FLAG:
            inode._runlist = _runs(inode)
        elif inode.size > MAX_INDIRECT_BYTES:
            raise GuestReadError(f"{self.where} is larger than {MAX_INDIRECT_BYTES} bytes, without extents")
        content = inode.open()

        def read_at(offset: int, length: int) -> bytes:
            with guarded(self.where):
                content.seek(offset)
                return bytes(content.read(length))

        return open_checked(self.where, int(inode.size), read_at)

    def _open_inline(self) -> BinaryIO:
        content = b"".join(_inline_parts(self._inode))

        def read_at(offset: int, length: int) -> bytes:
            return content[offset : offset + length]

        return open_checked(self.where, int(self._inode.size), read_at)

    def _list(self) -> Iterator[tuple[str, Node]]:
        for inum, entry_type, raw_name in self._raw_entries():
            name = raw_name.decode("utf-8", "surrogateescape")
            inode = self._inode.extfs.get_inode(inum)
            yield name, ExtNode(inode, self._below(name), self._kind_of_entry(self._inode.extfs, entry_type))

    def _raw_entries(self) -> Iterator[tuple[int, int, bytes]]:
        if self._inode.size > MAX_DIRECTORY_BYTES:
            raise GuestReadError(f"{self.where} is a directory of more than {MAX_DIRECTORY_BYTES} bytes")
        if self._checked_inode().inode.i_flags & INLINE_FLAG:
            head, tail = _inline_parts(self._inode)
            yield from _entries(head[INLINE_PARENT_BYTES:], len(head) - INLINE_PARENT_BYTES)
            yield from _entries(tail, len(tail))
            return
        with self._open() as stream:
            yield from _entries(stream.read(), self._inode.extfs.block_size)

    @staticmethod
    def _kind_of_entry(extfs: "ExtFS", entry_type: int) -> Kind | None:
        has_types = extfs.sb.s_feature_incompat & 0x2
        return KIND_OF_ENTRY.get(entry_type) if has_types else None


def _inline_parts(inode: "INode") -> tuple[bytes, bytes]:
    """What is kept in the inode itself, and what follows in its attribute system.data (ext4, inline data)."""
    head = bytes(inode.inode.i_block)[: int(inode.size)]
    if inode.size <= len(head):
        return head, b""
    tail = read_attribute(inode, "system.data") or b""
    return head, tail[: int(inode.size) - len(head)]


def _entries(content: bytes, block_size: int) -> Iterator[tuple[int, int, bytes]]:
    """Inode, type and name of each entry in use: struct ext4_dir_entry_2.

    Index blocks and checksums are dressed up as unused entries, so all blocks read alike.
    """
    offset = 0
    while offset + 8 <= len(content):
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


def _runs(inode: "INode") -> list[tuple[int | None, int]]:
    """(first block or None for a hole, number of blocks) in the order of the file."""
    runs: list[tuple[int | None, int]] = []
    position = 0
    for start, length, block in _extents(inode, bytes(inode.inode.i_block), None):
        if len(runs) > MAX_EXTENTS or start < position:
            raise GuestReadError("its extents are out of order, or too many")
        if start > position:
            runs.append((None, start - position))
        runs.append((block, length))
        position = start + length
    blocks = -(-inode.size // inode.extfs.block_size)
    if position < blocks:
        runs.append((None, blocks - position))
    return runs


def _extents(inode: "INode", node: bytes, parent_depth: int | None) -> Iterator[tuple[int, int, int | None]]:
    """First logical block, length and first physical block (None: unwritten) of each extent."""
    magic, entries, _, depth = struct.unpack_from("<HHHH", node)
    expected = depth <= MAX_EXTENT_DEPTH if parent_depth is None else depth == parent_depth - 1
    if magic != EXTENT_MAGIC or not expected:
        raise GuestReadError("its extent tree is damaged")
    for index in range(entries):
        if depth:
            _, low, high = struct.unpack_from("<IIH", node, 12 + 12 * index)
            yield from _extents(inode, _block(inode, high << 32 | low), depth)
        else:
            logical, length, high, low = struct.unpack_from("<IHHI", node, 12 + 12 * index)
            written = length <= UNWRITTEN
            yield logical, length if written else length - UNWRITTEN, high << 32 | low if written else None


def _block(inode: "INode", number_of_block: int) -> bytes:
    size = inode.extfs.block_size
    inode.extfs.fh.seek(number_of_block * size)
    content = bytes(inode.extfs.fh.read(size))
    if len(content) != size:
        raise GuestReadError("its extent tree leaves the disk")
    return content
