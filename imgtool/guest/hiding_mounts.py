"""What fstab mounts over programs, or so that they cannot be run: fstab(5), mount(8).

A file system that fstab brings in hides what the image has below its mount point; on one with `noexec`,
which `user` and `users` imply, the kernel runs nothing and maps no library.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.fstab import all_entries
from imgtool.guest.programs import MAX_SCRIPT_LINE_BYTES, MAX_SCRIPTS, Programs
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

FSTAB = "/etc/fstab"
EMPTY_TYPES = frozenset({"tmpfs", "ramfs"})
NOT_RUN = frozenset({"noexec", "user", "users"})
RUN = frozenset({"exec", "defaults"})


@dataclass(frozen=True, slots=True)
class _Mount:
    point: str
    said: str
    source: str | None
    """Of a bind mount; empty for an empty file system, None for one of a disk."""
    runs: bool


_read: WeakKeyDictionary[GuestTree, tuple[_Mount, ...]] = WeakKeyDictionary()


def mount_obstacle(tree: GuestTree, programs: Programs, path: str) -> str | None:
    """Why a program, its interpreter or a library is hidden or cannot be run; None where nothing does it."""
    if tree not in _read:
        _read[tree] = tuple(_mounts(tree))
    for file in _files(tree, programs, path) if _read[tree] else ():
        real = posixpath.normpath(tree.resolve(file) or file)
        over = [one for one in _read[tree] if f"{real}/".startswith(f"{one.point.rstrip('/')}/")]
        mount = max(over, key=lambda one: len(one.point), default=None)
        if mount is not None and _is_hidden(tree, mount, real):
            return f"{FSTAB} mounts {mount.said}, which hides {printable(file)}"
        if mount is not None and not mount.runs:
            return f"{FSTAB} mounts {mount.said} with noexec, so that {printable(file)} cannot be run"
    return None


def _is_hidden(tree: GuestTree, mount: _Mount, real: str) -> bool:
    if mount.source is None:
        return False
    inside = real.removeprefix(mount.point).lstrip("/")
    return not mount.source or not tree.is_file(posixpath.join(mount.source, inside).rstrip("/"))


def _mounts(tree: GuestTree) -> Iterator[_Mount]:
    for entry in all_entries(tree.read_text(FSTAB) or ""):
        point = posixpath.normpath(entry.mount_point)
        if not point.startswith("/") or "noauto" in entry.options:
            continue
        point = posixpath.normpath(tree.resolve(point) or point)
        runs = True
        for option in entry.options:
            runs = option in RUN or (runs and option not in NOT_RUN)
        source = (
            posixpath.normpath(entry.device) if entry.is_bind else "" if entry.type in EMPTY_TYPES else None
        )
        what = printable(entry.type) if source == "" else printable(entry.device)
        yield _Mount(point, f"{what} on {printable(entry.mount_point)}", source, runs)


def _files(tree: GuestTree, programs: Programs, path: str) -> Iterator[str]:
    """The program with all that it is started with: its interpreter, or its loader and libraries."""
    for _ in range(MAX_SCRIPTS):
        yield path
        stream = tree.open(path) if tree.is_file(path) else None
        head = stream.read(MAX_SCRIPT_LINE_BYTES) if stream is not None else b""
        words = head[2:].split(b"\n", 1)[0].split() if head.startswith(b"#!") else []
        if not words or not words[0].startswith(b"/"):
            break
        path = words[0].decode("utf-8", "replace")
    try:
        yield from programs.files(path)
    except GuestReadError:
        return
