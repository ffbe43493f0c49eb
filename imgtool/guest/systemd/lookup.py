"""Where one unit is defined and what its lines say, without its aliases: systemd.unit(5).

files.py has the whole of it.
"""

import posixpath
from collections.abc import Iterable, Iterator

from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

UNIT_DIRECTORIES = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""In systemd's order: the first file of a name counts. /run is empty in an image."""

BOOT_TARGETS = ("multi-user.target", "default.target", "graphical.target", "basic.target", "sysinit.target")
"""Targets that every boot reaches (graphical: where it is the default)."""

NULL_DEVICE = "/dev/null"


def unit_file(tree: GuestTree, unit: str) -> str | None:
    """The file that defines `unit`, links not followed; None where it has none."""
    for directory in UNIT_DIRECTORIES:
        path = posixpath.join(directory, unit)
        if tree.link_target(path) is not None or tree.is_file(path):
            return path
    return None


def mask_of(tree: GuestTree, unit: str) -> str | None:
    """The path that masks `unit`: a link to /dev/null or an empty file in place of its file; else None."""
    path = unit_file(tree, unit)
    return path if path is not None and is_null(tree, path) else None


def is_null(tree: GuestTree, path: str) -> bool:
    """Whether `path` is a link to /dev/null, or an empty file: systemd and udev take both for "not there"."""
    target = tree.link_target(path)
    if target is not None:
        absolute = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if absolute == NULL_DEVICE:
            return True
    return tree.is_file(path) and tree.size_bytes(path) == 0


def wants_link(tree: GuestTree, unit: str, wanting: Iterable[str]) -> str | None:
    """The link by which one of the units `wanting` starts `unit`; None where there is none."""
    names = tuple(wanting)
    for directory in UNIT_DIRECTORIES:
        for name in names:
            for kind in ("wants", "requires"):
                path = posixpath.join(directory, f"{name}.{kind}", unit)
                if (tree.link_target(path) is not None or tree.exists(path)) and not is_null(tree, path):
                    return path
    return None


def unit_settings(tree: GuestTree, unit: str) -> Iterator[tuple[str, str, str]]:
    """(source, key, value) of every line of the unit's file and then of its drop-ins, in systemd's order."""
    path = unit_file(tree, unit)
    drop_ins: dict[str, str] = {}
    for directory in reversed(UNIT_DIRECTORIES):
        below = posixpath.join(directory, f"{unit}.d")
        drop_ins |= {
            name: posixpath.join(below, name) for name in tree.names(below) if name.endswith(".conf")
        }
    for source in (path, *(drop_ins[name] for name in sorted(drop_ins))):
        text = tree.read_text(source) if source is not None else None
        for key, value in _settings(text or ""):
            yield printable(source or ""), key, value


def _settings(text: str) -> Iterator[tuple[str, str]]:
    """`key=value` lines; a line that ends in a backslash goes on in the next one."""
    for line in text.replace("\\\n", " ").splitlines():
        key, separator, value = line.strip().partition("=")
        if separator and not key.startswith(("#", ";")):
            yield key.strip(), value.strip()
