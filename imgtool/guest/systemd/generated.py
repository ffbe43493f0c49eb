"""Files that only the running guest has, as a tree to be mounted over the image's: what generators write."""

import io
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


Generated = Mapping[str, str | Link]
"""Path below the mount point to a file's text, or a link."""


class GeneratedNode:
    """A file, link or directory in memory."""

    def __init__(self, kind: Kind, text: str = "") -> None:
        self.kind = kind
        self.text = text
        self.below: dict[str, GeneratedNode] = {}
        self.permissions = 0o644 if kind is Kind.FILE else 0o755

    @property
    def size_bytes(self) -> int:
        """Size of a file's content."""
        return len(self.text.encode("utf-8", "surrogateescape"))

    def children(self) -> Iterator[tuple[str, Node]]:
        """The entries of a directory."""
        yield from self.below.items()

    def child(self, name: str) -> Node | None:
        """The entry of that name."""
        return self.below.get(name)

    def open(self) -> BinaryIO:
        """The content of a file."""
        if self.kind is not Kind.FILE:
            raise GuestReadError("no regular file")
        return io.BytesIO(self.text.encode("utf-8", "surrogateescape"))

    def link_target(self) -> str:
        """Where a link points."""
        return self.text

    def xattr(self, name: str) -> bytes | None:
        """None: there is no `name` here."""
        return None


def generated_tree(files: Generated) -> Node:
    """The top directory that holds `files`."""
    top = GeneratedNode(Kind.DIRECTORY)
    for path, content in files.items():
        directory, name = posixpath.split(path.strip("/"))
        node = top
        for part in filter(None, directory.split("/")):
            node = node.below.setdefault(part, GeneratedNode(Kind.DIRECTORY))
        is_link = isinstance(content, Link)
        text = content.target if isinstance(content, Link) else content
        node.below[name] = GeneratedNode(Kind.SYMLINK if is_link else Kind.FILE, text)
    return top
