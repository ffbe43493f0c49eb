"""The file tree that the kernel makes of an initramfs: init/initramfs.c (do_name, do_symlink, clean_path).

It makes no directory that the archive does not name: what stands in a missing one is left out. A later file
of the same name takes the place of an earlier one, and a path leads through the links that are there by then.
"""

import io
import posixpath
import stat
from collections.abc import Iterator
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.initramfs.cpio import Member
from imgtool.guest.initramfs.reader import ArchiveError
from imgtool.guest.tree import MAX_LINKS, GuestTree

MAX_KEPT_BYTES = 96 << 20
"""Of contents in all: programs, libraries, indexes. dracut's with systemd have 30 MiB."""
MAX_STEPS = 5_000_000
"""Parts of names that are followed in all: 1,500 names with six parts each are usual."""
MAX_NAME_BYTES = 64 << 20
"""Of all names together."""

FIRST = ("dev", "root")
"""Directories that are there before: usr/default_cpio_list."""


class NotKeptError(GuestReadError):
    """A file of the archive whose content was not kept: it is there, and has its size."""


class ArchiveNode:
    """One file, directory or link that was unpacked."""

    __slots__ = ("_content", "below", "kind", "permissions", "size_bytes")

    def __init__(
        self, kind: Kind, permissions: int, size_bytes: int = 0, content: bytes | None = b""
    ) -> None:
        """`content`: None where it was not kept."""
        self.kind = kind
        self.permissions = permissions
        self.size_bytes = size_bytes
        self._content = content
        self.below: dict[str, ArchiveNode] = {}

    def fill(self, other: "ArchiveNode") -> None:
        """Takes the content of `other`, which is another name of the same file."""
        self.size_bytes = other.size_bytes
        self._content = other._content

    def children(self) -> Iterator[tuple[str, Node]]:
        """Return the entries of a directory."""
        return iter(tuple(self.below.items()))

    def child(self, name: str) -> Node | None:
        """The entry of that name."""
        return self.below.get(name)

    def open(self) -> BinaryIO:
        """Open a file's content. Raises NotKeptError if it was not kept."""
        if self._content is None:
            raise NotKeptError("the content of a file of the initramfs was not kept")
        return io.BytesIO(self._content)

    def link_target(self) -> str:
        """Where it points."""
        return (self._content or b"").decode("utf-8", "surrogateescape")

    def xattr(self, name: str) -> bytes | None:
        """None, whatever the `name`."""
        return None


class UnpackedTree:
    """Grows member by member."""

    def __init__(self) -> None:
        self._top = ArchiveNode(Kind.DIRECTORY, 0o755)
        for name in FIRST:
            self._top.below[name] = ArchiveNode(Kind.DIRECTORY, 0o755)
        self._links: dict[tuple[int, ...], ArchiveNode] = {}
        self._kept = 0
        self._names = 0
        self._steps = 0

    @property
    def tree(self) -> GuestTree:
        """What is there by now."""
        return GuestTree({"/": self._top})

    def add(self, member: Member) -> None:
        """Unpacks one member. Raises ArchiveError beyond a bound."""
        self._names += len(member.name)
        if self._names > MAX_NAME_BYTES:
            raise ArchiveError(f"names of more than {MAX_NAME_BYTES} bytes")
        directory, name = posixpath.split(member.name)
        parent = self._directory(directory)
        if parent is None or name in {"", ".", ".."}:
            return
        node = self._linked(member) or self._node(member)
        self._place(parent, name, node)

    def _place(self, parent: ArchiveNode, name: str, node: ArchiveNode) -> None:
        there = parent.below.get(name)
        if there is not None and there.kind is Kind.DIRECTORY:
            if node.kind is Kind.DIRECTORY:
                there.permissions = node.permissions
                return
            if there.below:
                return  # rmdir fails, and so does what would take its place
        parent.below[name] = node

    def _linked(self, member: Member) -> ArchiveNode | None:
        """The file that was unpacked under another name; its content comes with the last one."""
        if member.link is None:
            return None
        there = self._links.get(member.link)
        if there is None:
            there = self._links[member.link] = self._node(member)
        elif member.size_bytes:
            there.fill(self._node(member))
        return there

    def _node(self, member: Member) -> ArchiveNode:
        kinds = {stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFREG: Kind.FILE, stat.S_IFLNK: Kind.SYMLINK}
        kind = kinds.get(stat.S_IFMT(member.mode), Kind.OTHER)
        self._kept += len(member.content)
        kept = member.is_kept and self._kept <= MAX_KEPT_BYTES
        return ArchiveNode(
            kind, stat.S_IMODE(member.mode), member.size_bytes, member.content if kept else None
        )

    def _directory(self, path: str) -> ArchiveNode | None:
        """Where a name's directory leads; None where it is not there."""
        trail = [self._top]
        pending = path.split("/")[::-1]
        links = 0
        while pending:
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise ArchiveError("names without a bound")
            part = pending.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                trail = trail[:-1] or trail
                continue
            node = trail[-1].below.get(part)
            if node is None or node.kind not in {Kind.DIRECTORY, Kind.SYMLINK}:
                return None
            if node.kind is Kind.DIRECTORY:
                trail.append(node)
                continue
            links += 1
            if links > MAX_LINKS:
                return None
            target = node.link_target()
            pending += target.split("/")[::-1]
            trail = trail[:1] if target.startswith("/") else trail
        return trail[-1]
