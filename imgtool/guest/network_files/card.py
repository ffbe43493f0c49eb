"""What one file says about network cards, and how the files of several directories are put together."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.systemd.syntax import Line, SyntaxProblemError, parse
from imgtool.guest.systemd.unit import first_by_name
from imgtool.guest.tree import GuestTree

MAX_FILE_BYTES = 256 << 10
MAX_FILES = 300
EVERY = "*"
DRIVER = "virtio_net"


@dataclass(frozen=True, slots=True)
class Card:
    """What one file says about one card, or about several."""

    program: str
    """ifupdown, netplan, networkd, NetworkManager, ifcfg, wicked, cloud-init."""
    names: tuple[str, ...]
    """Patterns of which one must match the card's name; none where it is known by its address."""
    dhcp: bool
    """It asks for an IPv4 address."""
    fixed: bool
    """It gets an address that stands there."""
    place: str
    rank: str = ""
    """Name of the .network file, by which systemd-networkd tries one after the other; empty elsewhere."""
    excluded: tuple[str, ...] = ()
    """Patterns of names that it does not mean."""
    renderer: str = ""
    """What netplan writes for."""

    def matches(self, name: str) -> bool:
        """Whether it means a card of this name."""
        return fits(name, self.names) and not fits(name, self.excluded)


def fits(text: str, patterns: Sequence[str]) -> bool:
    """Whether one of the shell patterns matches."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def text_in(tree: GuestTree, path: str) -> str:
    """Content of a file; empty where there is none."""
    content = tree.read_bytes(path, MAX_FILE_BYTES) if tree.is_file(path) else None
    return (content or b"").decode("utf-8", "replace")


def lines_in(tree: GuestTree, path: str) -> list[Line]:
    """Assignments of a file in systemd's syntax; none where systemd gives up on it."""
    try:
        return list(parse(text_in(tree, path), path))
    except SyntaxProblemError:
        return []


def files_by_name(tree: GuestTree, directories: Sequence[str], endings: tuple[str, ...]) -> list[str]:
    """Return of each name the first directory that has it, in the order of the names."""
    found = first_by_name(
        (name, posixpath.join(directory, name))
        for directory in directories
        for name in tree.names(directory)
        if name.endswith(endings)
    )
    if len(found) > MAX_FILES:
        raise GuestReadError(f"{directories[0]}: more than {MAX_FILES} files")
    return [path for path in found.values() if tree.is_file(path)]


def last(lines: Sequence[Line], section: str, key: str) -> str | None:
    """What the last line of this key says; None without one."""
    found = [line.value for line in lines if line.section == section and line.key == key]
    return found[-1] if found else None
