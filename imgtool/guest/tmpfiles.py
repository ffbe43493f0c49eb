"""What systemd-tmpfiles makes at boot: tmpfiles.d(5)."""

import posixpath
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from imgtool.guest.tree import GuestTree

DIRECTORIES = ("/usr/lib/tmpfiles.d", "/etc/tmpfiles.d")
MAKING = frozenset("fFwdDvqQpLcbCe")
"""Types of lines that make something; `r` and `x` do not."""
COPIED = "C"
_read: WeakKeyDictionary[GuestTree, tuple[tuple[str, str], ...]] = WeakKeyDictionary()
"""The lines of each tree, which many conditions ask for."""


def is_made(tree: GuestTree, path: str) -> bool:
    """Whether a line makes it, or something below it; what a line copies may have it inside."""
    path = _of_run(posixpath.normpath(path))
    if tree not in _read:
        _read[tree] = tuple(_lines(tree))
    return any(
        one == path or one.startswith(f"{path}/") or (kind == COPIED and path.startswith(f"{one}/"))
        for kind, one in _read[tree]
    )


def _lines(tree: GuestTree) -> Iterator[tuple[str, str]]:
    """The type and the path of each line that makes something."""
    for folder in DIRECTORIES:
        for name in tree.names(folder):
            text = tree.read_text(posixpath.join(folder, name)) if name.endswith(".conf") else None
            for line in (text or "").splitlines():
                words = line.split()[:2]
                if len(words) == 2 and words[0][0] in MAKING and words[1].startswith("/"):
                    yield words[0][0], _of_run(words[1].rstrip("/"))


def _of_run(path: str) -> str:
    return path.removeprefix("/var") if path.startswith("/var/run/") else path
