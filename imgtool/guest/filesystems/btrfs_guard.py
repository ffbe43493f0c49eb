"""Opens dissect.btrfs so that a tree made to lead in circles ends in an error, not in an endless walk."""

import struct
from typing import BinaryIO, NamedTuple

from dissect.btrfs import tree
from dissect.btrfs.btrfs import Btrfs

from imgtool.guest.filesystems.base import GuestReadError

HEADER_BYTES = 101
"""Size of struct btrfs_header, which each node begins with."""
KEY_BYTES = 17
ITEM_BYTES, POINTER_BYTES = 25, 33
"""Sizes of struct btrfs_item (in a leaf) and struct btrfs_key_ptr (above)."""


class Key(NamedTuple):
    """struct btrfs_disk_key."""

    objectid: int
    type: int
    offset: int


class Item(NamedTuple):
    """An entry of a leaf: where in the node its data is."""

    key: Key
    offset: int
    size: int


class Pointer(NamedTuple):
    """An entry of a node above the leaves."""

    key: Key
    blockptr: int


class GuardedCursor(tree.Cursor):  # type: ignore[misc]  # the library has no types
    """A cursor that goes down one level at a time, and never into an empty node.

    The library's own binary search never ends on a node without items, and a node that names itself as its
    child is pushed for ever.
    """

    def push(self, address: int, initial_index: int = 0) -> None:
        """Go down to the node at `address`."""
        parent = self._header
        super().push(address, initial_index)
        if not self._header.nritems:
            raise GuestReadError(f"btrfs: tree node {address:#x} is empty")
        if parent is not None and self._header.level != parent.level - 1:
            raise GuestReadError(f"btrfs: tree node {address:#x} is on the wrong level")

    def _read_key(self, index: int) -> Key:
        """The key at `index`; the library's own way takes half the time of an inspection."""
        size = POINTER_BYTES if self._header.level else ITEM_BYTES
        return Key(*struct.unpack_from("<QBQ", self._node, HEADER_BYTES + size * index))

    def _read_item(self, index: int) -> Item | Pointer:
        """The entry at `index`, with its key."""
        key = self._read_key(index)
        if self._header.level:
            offset = HEADER_BYTES + POINTER_BYTES * index + KEY_BYTES
            return Pointer(key, *struct.unpack_from("<Q", self._node, offset))
        offset = HEADER_BYTES + ITEM_BYTES * index + KEY_BYTES
        return Item(key, *struct.unpack_from("<II", self._node, offset))


def open_btrfs(stream: BinaryIO) -> Btrfs:
    """The library's file system over `stream`, walked with guarded cursors only."""
    tree.Cursor = GuardedCursor  # BTree.cursor looks the class up by this name
    return Btrfs(stream)
