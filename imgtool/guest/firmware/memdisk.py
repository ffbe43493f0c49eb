"""A tar archive as a file system: what grub-mkstandalone puts into its image as `(memdisk)`.

GRUB's own rule, grub-core/fs/tar.c: headers of 512 bytes with the magic `ustar`; long names of GNU tar in an
entry before their own; links are not told from empty files there, so they are left out here. Not read by
Python's tarfile, which takes numbers of any size and extended headers that cost it much time.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node

BLOCK = 512
MAX_ENTRIES = 10_000
"""GRUB's whole tree of modules, fonts and translations has under 1,000."""
MAX_DEPTH = 32
MAX_NAME_BYTES = 4096
DIRECTORY, LONG_NAME = b"5", b"L"
FILES = (b"0", b"\0", b"7")


@dataclass(slots=True)
class TarNode:
    """A file or directory of the archive."""

    content: memoryview | None = None
    """None of a directory."""
    below: "dict[str, TarNode]" = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """What it is."""
        return Kind.DIRECTORY if self.content is None else Kind.FILE

    @property
    def size_bytes(self) -> int:
        """Size of a file's content."""
        return 0 if self.content is None else len(self.content)

    @property
    def permissions(self) -> int:
        """GRUB knows none."""
        return 0o755

    def children(self) -> Iterator[tuple[str, Node]]:
        """Name and node of each entry of a directory."""
        yield from self.below.items()

    def child(self, name: str) -> Node | None:
        """The entry of that name, or None."""
        return self.below.get(name)

    def open(self) -> BinaryIO:
        """The content of a file."""
        if self.content is None:
            raise GuestReadError("memdisk: a directory")
        return io.BytesIO(self.content)

    def link_target(self) -> str:
        """There are no links."""
        raise GuestReadError("memdisk: not a link")

    def xattr(self, name: str) -> bytes | None:
        """There are no extended attributes."""
        return None


class TarFilesystem:
    """The archive."""

    type = "tar"
    label: str | None = None
    uuid: str | None = None

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._root: TarNode | None = None

    @staticmethod
    def is_tar(content: bytes) -> bool:
        """Whether GRUB takes it for one."""
        return content[257:262] == b"ustar"

    def root(self, subvolume: str | None = None) -> Node:
        """The top directory. Raises GuestReadError where the archive is damaged."""
        if subvolume is not None:
            raise GuestReadError("a memory disk has no subvolumes")
        if self._root is None:
            self._root = TarNode()
            for name, node in _entries(self._content):
                _add(self._root, name, node)
        return self._root


def _add(root: TarNode, name: str, node: TarNode) -> None:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if not parts or len(parts) > MAX_DEPTH:
        return
    directory = root
    for part in parts[:-1]:
        directory = directory.below.setdefault(part, TarNode())
    if node.content is not None or parts[-1] not in directory.below:
        directory.below[parts[-1]] = node


def _entries(content: bytes) -> Iterator[tuple[str, TarNode]]:
    position = 0
    long_name: str | None = None
    for _ in range(MAX_ENTRIES):
        header = content[position : position + BLOCK]
        if len(header) < BLOCK or header[257:262] != b"ustar":
            return
        size = _number(header[124:136])
        start = position + BLOCK
        if start + size > len(content):
            raise GuestReadError("memdisk: a file goes on beyond the end of the archive")
        position = start + -(-size // BLOCK) * BLOCK
        kind = header[156:157]
        if kind == LONG_NAME:
            long_name = _text(content[start : start + min(size, MAX_NAME_BYTES)])
            continue
        name = long_name or _name(header)
        long_name = None
        if kind == DIRECTORY:
            yield name, TarNode()
        elif kind in FILES:
            yield name, TarNode(memoryview(content)[start : start + size])
    raise GuestReadError(f"memdisk: more than {MAX_ENTRIES} entries")


def _name(header: bytes) -> str:
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    name = _text(header[:100])
    return f"{prefix}/{name}" if prefix else name


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(raw: bytes) -> int:
    """Octal digits, ended by a blank or a zero byte."""
    digits = raw.split(b"\0")[0].strip()
    if not digits or any(digit not in b"01234567" for digit in digits):
        raise GuestReadError("memdisk: a header without a size")
    return int(digits, 8)
