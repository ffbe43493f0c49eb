"""What systemd-tmpfiles makes at boot: tmpfiles.d(5)."""

import posixpath

from imgtool.guest.tree import GuestTree

DIRECTORIES = ("/usr/lib/tmpfiles.d", "/etc/tmpfiles.d")
COPIED = "C"
MAKING = frozenset("fFwdDvqQpLcbCe")
"""Types of lines that make something; `r` and `x` do not."""


def is_made(tree: GuestTree, path: str) -> bool:
    """Whether a line makes it, or something below it; what a line copies may have it inside."""
    names = (
        (folder, name) for folder in DIRECTORIES for name in tree.names(folder) if name.endswith(".conf")
    )
    texts = (tree.read_text(posixpath.join(*one)) or "" for one in names)
    found = (line.split()[:2] for text in texts for line in text.splitlines())
    path = _of_run(posixpath.normpath(path))
    made = ((one[0][0], _of_run(one[1].rstrip("/"))) for one in found if len(one) == 2)
    return any(
        one == path or one.startswith(f"{path}/") or (kind == COPIED and path.startswith(f"{one}/"))
        for kind, one in made
        if one and kind in MAKING
    )


def _of_run(path: str) -> str:
    return path.removeprefix("/var") if path.startswith("/var/run/") else path
