"""Btrfs on one device, by dissect.btrfs.

Layout: the On-disk Format page of the Btrfs documentation. The content of files is assembled here, because
the library decompresses a whole extent for every 4 KiB that is read, to any size, and needs one more
package for zstd.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.btrfs_content import BtrfsContent
from imgtool.guest.filesystems.content import open_checked
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.filesystems.nodes import PERMISSION_BITS, InodeNode
from imgtool.guest.filesystems.superblock import Identity, number, text, uuid
from imgtool.util.text import printable

if TYPE_CHECKING:
    from dissect.btrfs.btrfs import Btrfs, INode, Subvolume

SUPERBLOCK = 64 << 10
MAGIC = b"_BHRfS_M"
TOP_LEVEL = 5
"""Number of the top-level subvolume, which holds all others."""
XATTR_KEY = 24
IMMUTABLE_FLAG, APPEND_FLAG = 0x40, 0x80
"""Of an inode: BTRFS_INODE_IMMUTABLE and BTRFS_INODE_APPEND."""
MAX_XATTRS = 1000
DIR_ITEM_BYTES = 30
ROOT_REF_KEY, INODE_REF_KEY = 156, 12
FIRST_INODE = 256
"""BTRFS_FIRST_FREE_OBJECTID: the top directory of a subvolume."""
MAX_SUBVOLUMES = 500
"""Subvolumes that are listed; a system with a year of hourly snapshots has a few hundred."""
MAX_DIRECTORY_DEPTH = 64
"""Directories between a subvolume and the top of the one that it is in."""


def probe(head: bytes, stream: BinaryIO) -> "BtrfsFilesystem | None":
    """The file system of `stream`, whose first bytes are `head`, if it is Btrfs."""
    if head[SUPERBLOCK + 0x40 : SUPERBLOCK + 0x48] != MAGIC:
        return None
    identity = Identity("btrfs", text(head, SUPERBLOCK + 0x12B, 256), uuid(head, SUPERBLOCK + 0x20))
    return BtrfsFilesystem(identity, head, stream)


class BtrfsFilesystem:
    """One Btrfs."""

    def __init__(self, identity: Identity, head: bytes, stream: BinaryIO) -> None:
        self.type, self.label, self.uuid = identity.type, identity.label, identity.uuid
        self._head = head
        self._stream = stream
        self._btrfs: Btrfs | None = None

    def root(self, subvolume: str | None = None) -> Node:
        """The top directory of a subvolume by its path from the top level; None: the default one."""
        with guarded("btrfs"):
            btrfs = self._open()
            if subvolume is None:
                return BtrfsNode(btrfs.default_subvolume.root, "btrfs:/", Kind.DIRECTORY)
            top = BtrfsNode(btrfs.open_subvolume(TOP_LEVEL).root, "btrfs:/", Kind.DIRECTORY)
        return _descend(top, subvolume)

    def subvolume_by_id(self, number_of_subvolume: int) -> Node:
        """The top directory of the subvolume of that number, as `subvolid=` names it."""
        with guarded(f"btrfs subvolume {number_of_subvolume}"):
            root = self._open().open_subvolume(number_of_subvolume).root
            return BtrfsNode(root, "btrfs:/", Kind.DIRECTORY)

    def subvolumes(self) -> tuple[str, ...]:
        """Paths from the top level of all subvolumes below it, MAX_SUBVOLUMES of them at most."""
        with guarded("btrfs subvolumes"):
            return tuple(islice(_subvolume_paths(self._open()), MAX_SUBVOLUMES))

    def _open(self) -> "Btrfs":
        if self._btrfs is None:
            self._check()
            from imgtool.guest.filesystems.btrfs_guard import open_btrfs  # noqa: PLC0415 - 0.1 s only here

            self._btrfs = open_btrfs(self._stream)
        return self._btrfs

    def _check(self) -> None:
        sector, node = (number(self._head, SUPERBLOCK + at, "<I") for at in (0x90, 0x94))
        if not (512 <= sector <= node <= 1 << 16):
            raise GuestReadError("btrfs is damaged: impossible sector or node size")
        devices = number(self._head, SUPERBLOCK + 0x88, "<Q")
        if devices != 1:
            raise GuestReadError(f"btrfs on {devices} devices is not supported: only one is here")


def _subvolume_paths(btrfs: "Btrfs") -> Iterator[str]:
    """Downwards from the top level by the ROOT_REF items of the root tree: struct btrfs_root_ref."""
    pending, seen = [(TOP_LEVEL, "")], {TOP_LEVEL}
    while pending:
        parent, above = pending.pop(0)
        items = btrfs._root_tree.cursor().iter(parent, ROOT_REF_KEY, 0, ignore_offset=True)
        for item, data in islice(items, MAX_SUBVOLUMES):
            number, raw = int(item.key.offset), bytes(data)
            (directory, length) = struct.unpack_from("<Q8xH", raw)
            if number in seen or len(seen) > MAX_SUBVOLUMES:
                continue
            seen.add(number)
            name = raw[18 : 18 + length].decode("utf-8", "surrogateescape")
            path = "/".join(filter(None, (above, _path_in(btrfs.open_subvolume(parent), directory), name)))
            pending.append((number, path))
            yield path


def _path_in(subvolume: "Subvolume", directory: int) -> str:
    """The path of a directory of that number in its subvolume, by INODE_REF items upwards."""
    names: list[str] = []
    while directory != FIRST_INODE:
        if len(names) > MAX_DIRECTORY_DEPTH:
            raise GuestReadError("btrfs: a subvolume in a directory without a way up to the top")
        item, data = subvolume.tree.find(directory, INODE_REF_KEY)
        (length,) = struct.unpack_from("<8xH", bytes(data))
        names.append(bytes(data)[10 : 10 + length].decode("utf-8", "surrogateescape"))
        directory = int(item.key.offset)
    return "/".join(reversed(names))


def _descend(node: Node, path: str) -> Node:
    for name in filter(None, path.split("/")):
        below = node.child(name) if node.kind is Kind.DIRECTORY else None
        if below is None:
            raise GuestReadError(f"btrfs has no subvolume {printable(path)}")
        node = below
    return node


def _attributes(item: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and value of each of an item: more than one where their names have the same hash."""
    offset = 0
    while offset + DIR_ITEM_BYTES <= len(item):
        value_length, name_length = struct.unpack_from("<HH", item, offset + 25)
        start = offset + DIR_ITEM_BYTES
        end = start + name_length + value_length
        yield item[start : start + name_length], item[start + name_length : end]
        offset = end


class BtrfsNode(InodeNode):
    """One inode of one subvolume."""

    __slots__ = ()
    _inode: "INode"

    def _mode(self) -> int:
        return int(self._inode.type)

    def _owner(self) -> tuple[int, int]:
        return int(self._inode.uid), int(self._inode.gid)

    def _attributes(self) -> tuple[bool, bool]:
        flags = int(self._inode.inode.flags)
        return bool(flags & IMMUTABLE_FLAG), bool(flags & APPEND_FLAG)

    def _permissions(self) -> int:
        return int(self._inode.mode) & PERMISSION_BITS

    def _xattr(self, name: str) -> bytes | None:
        """The items of its attributes are directory items: struct btrfs_dir_item, one after another."""
        items = self._inode.subvolume.tree.cursor().iter(self._inode.inum, XATTR_KEY, 0, ignore_offset=True)
        for count, (_, data) in enumerate(items):
            if count >= MAX_XATTRS:
                raise GuestReadError(f"{printable(self.where)}: more than {MAX_XATTRS} extended attributes")
            for found, value in _attributes(bytes(data)):
                if found == name.encode():
                    return value
        return None

    def _size(self) -> int:
        return int(self._inode.size)

    def _link(self) -> str:
        with self._content() as stream:
            return stream.read().decode("utf-8", "surrogateescape")

    def _open(self) -> BinaryIO:
        return self._content()

    def _content(self) -> BinaryIO:
        content = BtrfsContent(self._inode)

        def read_at(offset: int, length: int) -> bytes:
            with guarded(self.where):
                return content.read_at(offset, length)

        return open_checked(self.where, int(self._inode.size), read_at)

    def _list(self) -> Iterator[tuple[str, Node]]:
        for name, inode in self._inode.iterdir():
            yield name, BtrfsNode(inode, self._below(name), None)
