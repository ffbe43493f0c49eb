"""A file system in memory, for tests of what stands above the file systems."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Device:
    """A device node: never opened."""


@dataclass(frozen=True)
class File:
    """A file with its mode and its extended attributes."""

    content: bytes | str = b""
    permissions: int = 0o644
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


Content = bytes | str | Link | Device | File | Mapping[str, "Content"]
"""A file's bytes or text (executable), a link, a device, or a directory: names (or paths) to contents."""


@dataclass
class MemoryNode:
    """One file, directory or link."""

    content: bytes | Link | Device | dict[str, "MemoryNode"]
    permissions: int = 0o755
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    folds: bool = False
    """Names are found in whatever case, as on FAT."""

    @property
    def kind(self) -> Kind:
        kinds = {dict: Kind.DIRECTORY, Link: Kind.SYMLINK, Device: Kind.OTHER}
        return kinds.get(type(self.content), Kind.FILE)

    @property
    def size_bytes(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else 0

    def children(self) -> Iterator[tuple[str, Node]]:
        if not isinstance(self.content, dict):
            raise GuestReadError("memory: not a directory")
        return iter(self.content.items())

    def child(self, name: str) -> Node | None:
        if not isinstance(self.content, dict):
            raise GuestReadError("memory: not a directory")
        if not self.folds:
            return self.content.get(name)
        folded = name.casefold()
        return next((node for entry, node in self.content.items() if entry.casefold() == folded), None)

    def open(self) -> BinaryIO:
        if not isinstance(self.content, bytes):
            raise GuestReadError("memory: not a regular file")
        return io.BytesIO(self.content)

    def link_target(self) -> str:
        if not isinstance(self.content, Link):
            raise GuestReadError("memory: not a symbolic link")
        return self.content.target

    def xattr(self, name: str) -> bytes | None:
        return self.xattrs.get(name)


@dataclass
class MemoryFilesystem:
    """A file system over `tree`; with `problem` it is one that cannot be read."""

    tree: Mapping[str, Content] = field(default_factory=dict)
    type: str = "ext4"
    label: str | None = None
    uuid: str | None = None
    problem: str | None = None

    def root(self, subvolume: str | None = None) -> Node:
        if self.problem is not None:
            raise GuestReadError(self.problem)
        if subvolume is not None:
            raise GuestReadError("memory: no subvolumes")
        return memory_root(self.tree, folds=self.type == "vfat")


def memory_root(tree: Mapping[str, Content], *, folds: bool = False) -> MemoryNode:
    """The top directory of `tree`, whose names may be paths: `{"etc/fstab": "..."}`."""
    top = MemoryNode({}, folds=folds)
    for path, content in tree.items():
        *parents, name = path.strip("/").split("/")
        directory = top
        for parent in parents:
            assert isinstance(directory.content, dict)
            directory = directory.content.setdefault(parent, MemoryNode({}, folds=folds))
        assert isinstance(directory.content, dict)
        directory.content[name] = _node(content, folds)
    return top


def _node(content: Content, folds: bool) -> MemoryNode:
    if isinstance(content, str):
        return MemoryNode(content.encode())
    if isinstance(content, File):
        return MemoryNode(_bytes(content.content), content.permissions, content.xattrs)
    if isinstance(content, Mapping):
        return memory_root(content, folds=folds)
    return MemoryNode(content)


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content
