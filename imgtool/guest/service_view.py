"""The guest's files as one service has them: another root, and what is mounted over others for it alone.

Source: systemd.exec(5), "RootDirectory=", "BindPaths=", "TemporaryFileSystem=".
"""

import posixpath

from imgtool.guest.filesystems.base import Node
from imgtool.guest.systemd import Unit
from imgtool.guest.tree import EmptyDirectory, GuestTree

BINDS = ("BindPaths", "BindReadOnlyPaths")
KERNEL = ("/proc", "/sys", "/dev", "/run")
"""What a service with a root of its own has of the machine's, with MountAPIVFS=."""


def view_of(tree: GuestTree, unit: Unit) -> GuestTree | None:
    """Return the tree as the service has it; None where that is the guest's own."""
    view = _with_root(tree, unit.text("Service", "RootDirectory"))
    changed = view is not tree
    for source, target in _mounted(unit):
        point = _real(view, target)
        node = _node(tree, source)
        if node is not None and point != "/":
            view, changed = view.with_mount(point, node), True
    return view if changed else None


def _with_root(tree: GuestTree, root: str) -> GuestTree:
    node = tree.node(root) if root.startswith("/") and tree.resolve(root) not in {None, "/"} else None
    if node is None:
        return tree
    view = GuestTree({"/": node})
    for point in KERNEL:
        found = tree.node(point)
        view = view.with_mount(point, found) if found is not None else view
    return view


def _node(tree: GuestTree, source: str | None) -> Node | None:
    """What is mounted; of a device it counts only that it is no program."""
    if source is None or (source.startswith("/dev/") and not tree.exists(source)):
        return EmptyDirectory()
    return tree.node(source)


def _mounted(unit: Unit) -> list[tuple[str | None, str]]:
    """Source and target of each mount, those that are above others first; no source: an empty file system."""
    found: list[tuple[str | None, str]] = []
    for word in unit.words("Service", *BINDS):
        source, _, rest = word.lstrip("-+").partition(":")
        target = rest.partition(":")[0] or source
        found.append((source, target))
    found += [(None, word.partition(":")[0]) for word in unit.words("Service", "TemporaryFileSystem")]
    usable = [(source, target) for source, target in found if target.startswith("/") and "%" not in target]
    return sorted(usable, key=lambda one: one[1].count("/"))


def _real(tree: GuestTree, path: str) -> str:
    """Follow links as far as they are there."""
    found = tree.resolve(path)
    if found is not None:
        return posixpath.normpath(found)
    folder, name = posixpath.split(posixpath.normpath(path))
    return posixpath.normpath(posixpath.join(tree.resolve(folder) or folder, name))
