"""The guest's file tree, as the booted system would see it.

Paths are absolute guest paths. Symbolic links are resolved inside the guest, with a bound on their number;
nothing is ever opened on the host by a name that the guest gave.
"""

import posixpath
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.nodes import below
from imgtool.util.text import printable

MAX_LINKS = 40
"""Links in one path, as Linux has it: path_resolution(7), MAXSYMLINKS."""

MAX_TEXT_BYTES = 4 << 20
"""Largest file that is read as text. A dpkg status file of 2,000 packages has 2 MiB."""

MAX_ENTRIES = 200_000
"""Entries of one walk. A full desktop's /usr/lib/modules has under 10,000."""

ANY_EXECUTE = 0o111
"""Root executes a file that has one of these bits: path_resolution(7), CAP_DAC_OVERRIDE."""

MAX_DEPTH = 32
"""Depth of one walk."""

MAX_WALKS = 4096
"""Directories that are remembered with the way to them. A Debian guest is asked for 175."""


class GuestTree:
    """Reads files of the guest. Absence is an answer (None, False, empty); `GuestReadError` is no answer."""

    def __init__(self, mounts: Mapping[str, Node]) -> None:
        """`mounts`: mount point ("/", "/boot", ...) to the top directory of what is mounted there."""
        self._mounts = {posixpath.normpath(point): node for point, node in mounts.items()}
        self._below = _mounts_below(self._mounts)
        self._walks: dict[str, _Walk | None] = {}

    def with_mount(self, point: str, node: Node) -> "GuestTree":
        """Return this tree with `node` mounted at `point`."""
        return GuestTree({**self._mounts, point: node})

    def exists(self, path: str) -> bool:
        """Whether there is anything at `path`, links followed."""
        return self._find(path) is not None

    def is_file(self, path: str) -> bool:
        """Whether a regular file is at `path`, links followed."""
        return self._kind(path) is Kind.FILE

    def is_directory(self, path: str) -> bool:
        """Whether a directory is at `path`, links followed."""
        return self._kind(path) is Kind.DIRECTORY

    def names(self, path: str) -> tuple[str, ...]:
        """Sorted names in the directory `path`; empty where there is no such directory."""
        node = self._find(path)
        if node is None or node.kind is not Kind.DIRECTORY:
            return ()
        return tuple(sorted(name for name, _ in self._children(node, self.resolve(path) or path)))

    def walk(self, path: str) -> Iterator[str]:
        """Paths of all that is below the directory `path` and is no directory; links are not followed."""
        return (found for found, node in self.walk_nodes(path) if node.kind is not Kind.DIRECTORY)

    def walk_nodes(self, path: str, most: int = MAX_ENTRIES) -> Iterator[tuple[str, Node]]:
        """Path and node of all that is below the directory `path`; links are not followed.

        Raises GuestReadError beyond `most` of them.
        """
        found = self._walk_to(path)
        if found is None or found[1].kind is not Kind.DIRECTORY:
            return
        pending = [(posixpath.normpath(path), *found, 0)]
        seen = 0
        while pending:
            shown, directory, node, depth = pending.pop()
            if depth > MAX_DEPTH:
                raise GuestReadError(f"{printable(shown)}: more than {MAX_DEPTH} directories deep")
            for name, child in self._children(node, directory):
                seen += 1
                if seen > most:
                    raise GuestReadError(f"{path}: more than {most} entries")
                path_of_child = below(shown, name)
                if child.kind is Kind.DIRECTORY:
                    pending.append((path_of_child, below(directory, name), child, depth + 1))
                yield path_of_child, child

    def open(self, path: str) -> BinaryIO | None:
        """The content of the regular file `path`, seekable, or None where there is none."""
        node = self._find(path)
        return node.open() if node is not None and node.kind is Kind.FILE else None

    def size_bytes(self, path: str) -> int:
        """Size of the regular file `path`; 0 where there is none."""
        node = self._find(path)
        return node.size_bytes if node is not None and node.kind is Kind.FILE else 0

    def is_executable(self, path: str) -> bool:
        """Whether root may execute the regular file `path`, links followed: a bit for anybody is enough."""
        node = self._find(path)
        return node is not None and node.kind is Kind.FILE and bool(node.permissions & ANY_EXECUTE)

    def permissions(self, path: str) -> int | None:
        """Permission bits of what is at `path`, links followed; None where there is nothing."""
        node = self._find(path)
        return None if node is None else node.permissions

    def modified_seconds(self, path: str) -> int | None:
        """When what is at `path` was changed last (inode(7), st_mtime), since 1970.

        None where nothing is there, and where its file system is none of Linux' own.
        """
        seconds: int | None = getattr(self._find(path), "modified_seconds", None)
        return seconds

    def is_immutable(self, path: str) -> bool:
        """Whether not even root may change what is at `path`, links followed: chattr(1)."""
        return bool(getattr(self._find(path), "is_immutable", False))

    def xattr(self, path: str, name: str) -> bytes | None:
        """The extended attribute `name` of what is at `path`, links followed; None where it has none."""
        node = self._find(path)
        return None if node is None else node.xattr(name)

    def read_bytes(self, path: str, limit_bytes: int = MAX_TEXT_BYTES) -> bytes | None:
        """The whole content of the file `path`, or None where there is none; beyond the limit an error."""
        stream = self.open(path)
        if stream is None:
            return None
        content = stream.read(limit_bytes + 1)
        if len(content) > limit_bytes:
            raise GuestReadError(f"{path}: larger than {limit_bytes} bytes")
        return content

    def read_text(self, path: str) -> str | None:
        """Read a file as text; bytes that are not UTF-8 become replacement characters."""
        content = self.read_bytes(path)
        return None if content is None else content.decode("utf-8", "replace")

    def link_target(self, path: str) -> str | None:
        """Where the symbolic link `path` itself points, unresolved; None where `path` is no link."""
        link = self._link(path)
        return None if link is None else link.link_target()

    def is_link(self, path: str) -> bool:
        """Whether `path` itself is a symbolic link or a junction, wherever it leads."""
        return self._link(path) is not None

    def _link(self, path: str) -> Node | None:
        directory, name = posixpath.split(posixpath.normpath(path))
        parent = self._walk_to(directory)
        if parent is None or parent[1].kind is not Kind.DIRECTORY:
            return None
        node = parent[1].child(name)
        return node if node is not None and node.kind is Kind.SYMLINK else None

    def resolve(self, path: str) -> str | None:
        """The path after all links are followed; None where it leads nowhere."""
        found = self._walk_to(path)
        return None if found is None else found[0]

    def node(self, path: str) -> Node | None:
        """The node at `path`, links followed, without what is mounted below it; None where there is none."""
        return self._find(path)

    def _children(self, node: Node, directory: str) -> Iterator[tuple[str, Node]]:
        """The entries of `node`, whose resolved path is `directory`, with what is mounted on them."""
        mounted = self._below.get(directory, {})
        for count, (name, child) in enumerate(node.children()):
            if count >= MAX_ENTRIES:
                raise GuestReadError(f"{printable(directory)}: more than {MAX_ENTRIES} entries")
            if name not in mounted:
                yield name, child
        for name, mount in mounted.items():
            yield name, mount or node.child(name) or EmptyDirectory()

    def _child(self, node: Node, directory: str, name: str) -> Node | None:
        """Return the same for one name."""
        mounted = self._below.get(directory, {})
        if name not in mounted:
            return node.child(name)
        return mounted[name] or node.child(name) or EmptyDirectory()

    def _kind(self, path: str) -> Kind | None:
        node = self._find(path)
        return None if node is None else node.kind

    def _find(self, path: str) -> Node | None:
        found = self._walk_to(path)
        return None if found is None else found[1]

    def _walk_to(self, path: str) -> tuple[str, Node] | None:
        """The resolved path and its node, one component at a time, as path_resolution(7) describes it."""
        directory, _, name = path.rpartition("/")
        begun = self._walk_to_directory(directory, path)
        if begun is None:
            return None
        here, node = begun.trail[-1]
        if node.kind is Kind.DIRECTORY and name not in {"", ".", ".."}:
            child = self._child(node, here, name)
            if child is None or child.kind is not Kind.SYMLINK:  # as nearly always
                return None if child is None else (below(here, name), child)
        ended = self._walk(begun, _components(name), path)
        return None if ended is None else ended.trail[-1]

    def _walk_to_directory(self, directory: str, path: str) -> "_Walk | None":
        """The walk to a directory of `path`, which it has in common with many others: it is kept."""
        if directory not in self._walks:
            if len(self._walks) >= MAX_WALKS:
                self._walks.clear()
            root = _Walk([("/", self._mounts["/"])], 0)
            self._walks[directory] = self._walk(root, _components(directory), path)
        return self._walks[directory]

    def _walk(self, begun: "_Walk", names: Sequence[str], path: str) -> "_Walk | None":
        """Go on by `names`, on the way to `path`; None where that leads nowhere."""
        trail, links = list(begun.trail), begun.links
        pending = deque(names)
        while pending:
            name = pending.popleft()
            if name == "..":
                trail = trail[:-1] or trail
                continue
            here, node = trail[-1]
            if node.kind is not Kind.DIRECTORY:
                return None
            child = self._child(node, here, name)
            if child is None:
                return None
            if child.kind is not Kind.SYMLINK:
                trail.append((below(here, name), child))
                continue
            links += 1
            if links > MAX_LINKS:
                raise GuestReadError(f"{path}: more than {MAX_LINKS} symbolic links")
            target = child.link_target()
            pending.extendleft(reversed(_components(target)))
            if target.startswith("/"):
                trail = trail[:1]
        return _Walk(trail, links)


class _Walk(NamedTuple):
    """How far a path was followed."""

    trail: list[tuple[str, Node]]
    """The resolved path and the node of each directory on the way, from the top, and of what was reached."""
    links: int
    """How many were followed."""


def _components(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in {"", "."}]


def _mounts_below(mounts: Mapping[str, Node]) -> dict[str, dict[str, Node | None]]:
    """Directory to the names in it that are mount points; None for one that only leads to a mount point."""
    below: dict[str, dict[str, Node | None]] = {}
    for point, node in mounts.items():
        here: Node | None = node
        while point != "/":
            point, name = posixpath.split(point)  # noqa: PLW2901 - up, until the top
            names = below.setdefault(point, {})
            names[name] = here or names.get(name)
            here = None
    return below


class EmptyDirectory:
    """Stands for a directory on the way to a mount point, which the guest makes where it is missing."""

    kind = Kind.DIRECTORY
    size_bytes = 0
    permissions = 0o755

    def children(self) -> Iterator[tuple[str, Node]]:
        """None."""
        return iter(())

    def child(self, name: str) -> Node | None:
        """None, whatever the `name`."""
        return None

    def open(self) -> BinaryIO:
        """Refused: it is no file."""
        raise GuestReadError("a directory")

    def link_target(self) -> str:
        """Refused: it is no link."""
        raise GuestReadError("a directory")

    def xattr(self, name: str) -> bytes | None:
        """None, whatever the `name`."""
        return None
