"""Two directories as one, the upper one in front of the lower: overlayfs, and what is laid over at the boot.

Whiteouts and opaque directories (character devices 0/0, attributes) are not looked at: an image has none, as
they are made by a system that runs.
"""

from collections.abc import Iterator
from typing import BinaryIO

from imgtool.guest.filesystems.base import Kind, Node


class OverlayNode:
    """A directory with the entries of both; of two files of a name the upper one counts."""

    kind = Kind.DIRECTORY

    def __init__(self, upper: Node, lower: Node) -> None:
        self._upper = upper
        self._lower = lower

    @property
    def size_bytes(self) -> int:
        """Return the upper file's value."""
        return self._upper.size_bytes

    @property
    def permissions(self) -> int:
        """Return the upper file's value."""
        return self._upper.permissions

    def xattr(self, name: str) -> bytes | None:
        """Return the upper file's value."""
        return self._upper.xattr(name)

    def children(self) -> Iterator[tuple[str, Node]]:
        """Return the upper directory's entries, then those that only the lower one has."""
        upper = dict(self._upper.children())
        for name, node in upper.items():
            yield name, _merged(node, self._lower.child(name))
        for name, node in self._lower.children():
            if name not in upper:
                yield name, node

    def child(self, name: str) -> Node | None:
        """The entry of that name, merged where both are directories."""
        upper, lower = self._upper.child(name), self._lower.child(name)
        return lower if upper is None else _merged(upper, lower)

    def open(self) -> BinaryIO:
        """Refused: it is a directory."""
        return self._upper.open()

    def link_target(self) -> str:
        """Refused: it is a directory."""
        return self._upper.link_target()


def _merged(upper: Node, lower: Node | None) -> Node:
    if lower is None or upper.kind is not Kind.DIRECTORY or lower.kind is not Kind.DIRECTORY:
        return upper
    return OverlayNode(upper, lower)
