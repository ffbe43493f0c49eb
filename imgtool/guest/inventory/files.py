"""Files that lend rights, and all that is told of the files below chosen directories.

Mode and owner: inode(7). Capabilities: capabilities(7), "File capability extended attribute versioning".
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.inventory.items import items
from imgtool.guest.tree import ANY_EXECUTE, GuestTree
from imgtool.model.inventory import Items
from imgtool.util.text import printable

SET_ID = 0o6000
"""S_ISUID and S_ISGID."""
CAPABILITY = "security.capability"
MAX_PRIVILEGED_ENTRIES = 500_000
"""Of the whole guest. A full desktop has 300,000."""
MAX_HASHED_BYTES = 1 << 30
"""Of all chosen directories: hashing takes a second for each 200 MiB."""
CHUNK_BYTES = 1 << 20
_KINDS = {Kind.FILE: "file", Kind.DIRECTORY: "directory", Kind.SYMLINK: "link", Kind.OTHER: "special"}


def read_privileged(tree: GuestTree) -> Items:
    """Return each regular file with setuid, setgid or capabilities: its mode, its owner, and these."""
    return items(_privileged(tree), "files with rights of their own")


def _privileged(tree: GuestTree) -> Iterator[tuple[str, str]]:
    for path, node in tree.walk_nodes("/", MAX_PRIVILEGED_ENTRIES):
        if node.kind is Kind.FILE and (mode := node.permissions) & ANY_EXECUTE:
            rights = _capabilities(node)
            if mode & SET_ID or rights:
                yield path, f"mode {mode:04o}, owner {_owner(node)}{rights}"


def _capabilities(node: Node) -> str:
    """The permitted ones as a mask, as /proc/PID/status shows it; empty where there are none."""
    raw = node.xattr(CAPABILITY)
    if raw is None or len(raw) < 12:
        return ""
    low = struct.unpack_from("<I", raw, 4)[0]
    high = struct.unpack_from("<I", raw, 12)[0] if len(raw) >= 20 else 0
    return f", capabilities {high << 32 | low:#x}"


def _owner(node: Node) -> str:
    """User and group ids; a file system that keeps none shows root's."""
    user, group = getattr(node, "owner", (0, 0))
    return f"{user}:{group}"


def read_trees(tree: GuestTree, paths: Sequence[str]) -> Items:
    """Return all that is below these directories: kind, mode, owner, size and hash, or a link's target."""
    return items(_files(tree, paths), "files below the chosen directories")


def _files(tree: GuestTree, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    left_bytes = MAX_HASHED_BYTES
    for top in paths:
        for path, node in _below(tree, top):
            if node.kind is Kind.FILE:
                left_bytes -= node.size_bytes
            if left_bytes < 0:
                raise GuestReadError(f"{top}: more than {MAX_HASHED_BYTES >> 30} GiB to hash: name fewer")
            yield path, _told(path, node)


def _below(tree: GuestTree, top: str) -> Iterator[tuple[str, Node]]:
    """What is below, or the file itself where it is no directory."""
    if tree.is_directory(top):
        yield from tree.walk_nodes(top)
    elif (node := tree.node(top)) is not None:
        yield top, node


def _told(path: str, node: Node) -> str:
    if node.kind is Kind.SYMLINK:
        return f"link to {printable(node.link_target())}, owner {_owner(node)}"
    said = f"{_KINDS[node.kind]}, mode {node.permissions:04o}, owner {_owner(node)}"
    if node.kind is not Kind.FILE:
        return said
    return f"{said}{_capabilities(node)}, {node.size_bytes} bytes, sha256 {_sha256(path, node)}"


def _sha256(path: str, node: Node) -> str:
    digest, left = hashlib.sha256(), node.size_bytes
    with node.open() as stream:
        while left > 0:
            chunk = stream.read(min(CHUNK_BYTES, left))
            if not chunk:
                raise GuestReadError(f"{printable(path)}: ends early")
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()
