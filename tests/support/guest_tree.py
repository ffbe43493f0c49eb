"""A GuestTree from a dictionary: path to content (str or bytes), to a link, or to a directory."""

import io
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.tree import GuestTree


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Unreadable:
    """A file whose content cannot be read."""


@dataclass(frozen=True)
class File:
    """A file with its mode and its extended attributes; plain content is executable and has none."""

    content: str | bytes = b""
    permissions: int = 0o644
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    modified_seconds: int | None = None
    is_immutable: bool = False


EMPTY_DIRECTORY: dict[str, str] = {}
Content = str | bytes | Path | Link | Unreadable | File | dict[str, str]


@dataclass
class MemoryNode:
    """A node of the tree."""

    kind: Kind
    content: bytes | Path = b""
    target: str = ""
    broken: bool = False
    below: dict[str, "MemoryNode"] = field(default_factory=dict)
    permissions: int = 0o755
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    modified_seconds: int | None = None
    is_immutable: bool = False

    @property
    def size_bytes(self) -> int:
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)

    def children(self) -> Iterator[tuple[str, Node]]:
        yield from self.below.items()

    def child(self, name: str) -> Node | None:
        return self.below.get(name)

    def open(self) -> BinaryIO:
        if self.broken:
            raise GuestReadError("bad block")
        return self.content.open("rb") if isinstance(self.content, Path) else io.BytesIO(self.content)

    def link_target(self) -> str:
        return self.target

    def xattr(self, name: str) -> bytes | None:
        return self.xattrs.get(name)


def guest_tree(files: Mapping[str, Content]) -> GuestTree:
    """The tree of `files`; directories above them are made."""
    root = MemoryNode(Kind.DIRECTORY)
    for path, content in files.items():
        directory, name = posixpath.split(path.strip("/"))
        parent = root
        for part in filter(None, directory.split("/")):
            parent = parent.below.setdefault(part, MemoryNode(Kind.DIRECTORY))
        parent.below[name] = _node(content)
    return GuestTree({"/": root})


def _node(content: Content) -> MemoryNode:
    if isinstance(content, Link):
        return MemoryNode(Kind.SYMLINK, target=content.target)
    if isinstance(content, Unreadable):
        return MemoryNode(Kind.FILE, b"?", broken=True)
    if isinstance(content, File):
        node = _node(content.content)
        node.permissions, node.xattrs = content.permissions, content.xattrs
        node.modified_seconds, node.is_immutable = content.modified_seconds, content.is_immutable
        return node
    if isinstance(content, dict):
        return MemoryNode(Kind.DIRECTORY)
    return MemoryNode(Kind.FILE, content.encode() if isinstance(content, str) else content)
