"""Opens dissect.btrfs so that a tree made to lead in circles ends in an error, not in an endless walk."""

from typing import BinaryIO

from dissect.btrfs import tree
from dissect.btrfs.btrfs import Btrfs

from imgtool.guest.filesystems.base import GuestReadError


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


def open_btrfs(stream: BinaryIO) -> Btrfs:
    """The library's file system over `stream`, walked with guarded cursors only."""
    tree.Cursor = GuardedCursor  # BTree.cursor looks the class up by this name
    return Btrfs(stream)
