"""The small interface that every guest file system fills in.

Adapters translate every exception of the library below into `GuestReadError`, so that the code above
meets one kind of failure only.
"""

from collections.abc import Iterator
from enum import Enum, auto
from typing import BinaryIO, Protocol


class GuestReadError(Exception):
    """The guest's disk could not be read here: damaged, unsupported, or beyond a bound. Says where."""


class Kind(Enum):
    """What a directory entry is."""

    FILE = auto()
    DIRECTORY = auto()
    SYMLINK = auto()
    OTHER = auto()
    """A device, a FIFO, a socket: never opened."""


class Node(Protocol):
    """A file, directory or symbolic link of a guest file system; nothing is followed."""

    @property
    def kind(self) -> Kind:
        """What it is."""

    @property
    def size_bytes(self) -> int:
        """Size of a file's content."""

    @property
    def permissions(self) -> int:
        """Permission bits of its mode, chmod(2); where the file system keeps none, those that mount shows."""

    def children(self) -> Iterator[tuple[str, "Node"]]:
        """Name and node of each directory entry, without `.` and `..`; not UTF-8: surrogates."""

    def child(self, name: str) -> "Node | None":
        """The entry of that name, or None."""

    def open(self) -> BinaryIO:
        """The content of a file, seekable. Reading from it may raise GuestReadError."""

    def link_target(self) -> str:
        """Where a symbolic link points, unresolved."""

    def xattr(self, name: str) -> bytes | None:
        """The value of the extended attribute `name`, e.g. security.selinux; None where it has none."""


class Filesystem(Protocol):
    """One file system on one volume."""

    @property
    def type(self) -> str:
        """ext2, ext3, ext4, xfs, btrfs, vfat, ntfs."""

    @property
    def label(self) -> str | None:
        """Return the label; None if there is none."""

    @property
    def uuid(self) -> str | None:
        """Return the UUID as `blkid` prints it."""

    def root(self, subvolume: str | None = None) -> Node:
        """The top directory; of a Btrfs subvolume by its path from the top level (None: the default)."""
