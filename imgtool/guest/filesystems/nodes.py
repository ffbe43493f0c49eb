"""What the nodes of all file systems have in common: listed once, errors translated."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.guard import guarded
from imgtool.util.text import printable

MAX_DIRECTORY_ENTRIES = 200_000
"""Entries of one directory."""

MAX_LINK_BYTES = 4096
"""Length of a symbolic link's target: PATH_MAX, path_resolution(7)."""

MAX_EXTENTS = 200_000
"""Pieces of one file. A file of 1 GiB on a badly fragmented file system has a few thousand."""

KIND_OF_MODE = {0o100000: Kind.FILE, 0o040000: Kind.DIRECTORY, 0o120000: Kind.SYMLINK}
"""stat.S_IFMT of a mode to a kind; all others are Kind.OTHER."""


FORMAT_MASK = 0o170000
"""stat.S_IFMT."""
PERMISSION_BITS = 0o7777
"""Of a mode: chmod(2)."""


def below(directory: str, name: str) -> str:
    """The path of an entry: posixpath.join for a single name, in a third of its time."""
    return f"{directory}{name}" if directory.endswith("/") else f"{directory}/{name}"


class CachedNode(ABC):
    """A node whose directory is read once, and whose failures are all GuestReadError."""

    __slots__ = ("_entries", "where")

    def __init__(self, where: str) -> None:
        self.where = where
        """Type of the file system and path in it, for messages."""
        self._entries: dict[str, Node] | None = None

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """What it is."""

    @property
    def size_bytes(self) -> int:
        """Size of a file's content."""
        with guarded(printable(self.where)):
            return self._size()

    @property
    def permissions(self) -> int:
        """Permission bits: chmod(2)."""
        with guarded(printable(self.where)):
            return self._permissions()

    def xattr(self, name: str) -> bytes | None:
        """The extended attribute `name`."""
        with guarded(printable(self.where)):
            return self._xattr(name)

    def children(self) -> Iterator[tuple[str, Node]]:
        """Name and node of each directory entry."""
        return iter(self._directory().items())

    def child(self, name: str) -> Node | None:
        """The entry of that name, or None."""
        return self._directory().get(name)

    def open(self) -> BinaryIO:
        """The content of a file."""
        if self.kind is not Kind.FILE:
            raise GuestReadError(f"{printable(self.where)} is not a regular file")
        with guarded(printable(self.where)):
            return self._open()

    def link_target(self) -> str:
        """Where a symbolic link points."""
        if self.kind is not Kind.SYMLINK:
            raise GuestReadError(f"{printable(self.where)} is not a symbolic link")
        with guarded(printable(self.where)):
            if self._size() > MAX_LINK_BYTES:
                raise GuestReadError(f"{printable(self.where)} is a link of more than {MAX_LINK_BYTES} bytes")
            return self._link()

    def _directory(self) -> dict[str, Node]:
        if self._entries is None:
            if self.kind is not Kind.DIRECTORY:
                raise GuestReadError(f"{printable(self.where)} is not a directory")
            with guarded(printable(self.where)):
                self._entries = self._bounded(self._list())
        return self._entries

    def _bounded(self, listing: Iterable[tuple[str, Node]]) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for count, (name, node) in enumerate(listing):
            if count >= MAX_DIRECTORY_ENTRIES:
                raise GuestReadError(f"{printable(self.where)}: over {MAX_DIRECTORY_ENTRIES} entries")
            if not name or "/" in name or "\0" in name:  # fs/readdir.c, verify_dirent_name
                raise GuestReadError(f"{printable(self.where)}: an entry has a name that no file can have")
            if name not in {".", ".."}:
                entries[name] = node
        return entries

    def _below(self, name: str) -> str:
        return below(self.where, name)

    @abstractmethod
    def _size(self) -> int: ...

    @abstractmethod
    def _list(self) -> Iterable[tuple[str, Node]]: ...

    @abstractmethod
    def _open(self) -> BinaryIO: ...

    @abstractmethod
    def _link(self) -> str: ...

    @abstractmethod
    def _permissions(self) -> int: ...

    @abstractmethod
    def _xattr(self, name: str) -> bytes | None: ...


class InodeNode(CachedNode):
    """A node over an inode of a library, or of ours: its kind by its directory entry, else by its mode."""

    __slots__ = ("_inode", "_kind")

    def __init__(self, inode: Any, where: str, kind: Kind | None) -> None:
        super().__init__(where)
        self._inode = inode
        self._kind = kind

    @property
    def kind(self) -> Kind:
        """What it is."""
        if self._kind is None:
            with guarded(self.where):
                self._kind = self._kind_of_inode()
        return self._kind

    @property
    def modified_seconds(self) -> int:
        """When its content was changed last, since 1970 in UTC."""
        with guarded(printable(self.where)):
            return self._modified_seconds()

    @property
    def owner(self) -> tuple[int, int]:
        """Ids of the user and of the group that own it."""
        with guarded(printable(self.where)):
            return self._owner()

    @property
    def is_immutable(self) -> bool:
        """Whether root may not write to it either: chattr(1), `+i`, or `+a` of a file."""
        with guarded(printable(self.where)):
            fixed, grows = self._attributes()
            return fixed or (grows and self.kind is Kind.FILE)

    def _kind_of_inode(self) -> Kind:
        return KIND_OF_MODE.get(self._mode() & FORMAT_MASK, Kind.OTHER)

    def _modified_seconds(self) -> int:
        return int(self._inode.mtime.timestamp())

    def _permissions(self) -> int:
        return self._mode() & PERMISSION_BITS

    @abstractmethod
    def _mode(self) -> int:
        """The inode's mode, with its format: inode(7)."""

    @abstractmethod
    def _owner(self) -> tuple[int, int]: ...

    @abstractmethod
    def _attributes(self) -> tuple[bool, bool]:
        """Whether it is immutable, and whether it takes additions only."""
