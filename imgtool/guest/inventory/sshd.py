"""What OpenSSH's server is told: sshd_config(5).

The first value of a keyword counts, but for those that may be given several times. `Include` stands for the
lines of the files that it names, in the order of their names. What follows `Match` counts for some clients
only, and is told beside it.
"""

import fnmatch
import posixpath
import re
from collections.abc import Iterator

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.inventory.items import items, lines
from imgtool.guest.tree import GuestTree
from imgtool.model.inventory import Items

DIRECTORY = "/etc/ssh"
CONFIGURATION = f"{DIRECTORY}/sshd_config"
VENDOR = "/usr/etc/ssh/sshd_config"
"""Of SUSE, where /etc has none."""
SEVERAL = frozenset(
    {
        *("acceptenv", "allowgroups", "allowusers", "denygroups", "denyusers", "hostkey", "listenaddress"),
        *("permitlisten", "permitopen", "port", "setenv", "subsystem"),
    }
)
"""Keywords that each add to what was said before: servconf.c."""
MAX_DEPTH = 16
"""Includes within each other: servconf.c, SERVCONF_MAX_DEPTH."""
MAX_FILES = 200
_LINE = re.compile(r"(\w+)(?:\s*=\s*|\s+)(.*)")


def read_sshd(tree: GuestTree) -> Items:
    """Return each keyword, in small letters, and its value; behind `match X: ` for those clients."""
    found: dict[str, list[str]] = {}
    path = next((one for one in (CONFIGURATION, VENDOR) if tree.is_file(one)), None)
    if path is None:
        return {}
    scope = ""
    for keyword, value in _Reader(tree).settings(path, 0):
        if keyword == "match":
            scope = "" if value.lower() == "all" else f"match {value}: "
            continue
        values = found.setdefault(scope + keyword, [])
        if not values or keyword in SEVERAL:
            values.append(value)
    return items(((keyword, "; ".join(values)) for keyword, values in found.items()), CONFIGURATION)


class _Reader:
    """One reading, which counts the files."""

    def __init__(self, tree: GuestTree) -> None:
        self._tree = tree
        self._left = MAX_FILES

    def settings(self, path: str, depth: int) -> Iterator[tuple[str, str]]:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise GuestReadError(f"{path}: includes more than {MAX_FILES} files, or {MAX_DEPTH} levels")
        for line in lines(self._tree, path):
            setting = _LINE.match(line)
            if setting is None or line.startswith("#"):
                continue
            keyword, value = setting[1].lower(), " ".join(setting[2].split())
            if keyword == "include":
                for pattern in value.split():
                    yield from self._included(pattern.strip('"'), depth + 1)
            else:
                yield keyword, value

    def _included(self, pattern: str, depth: int) -> Iterator[tuple[str, str]]:
        """Files by glob(3), whose wildcards here stand in the last name of the path."""
        directory, name = posixpath.split(posixpath.join(DIRECTORY, pattern))
        for found in fnmatch.filter(self._tree.names(directory), name):
            yield from self.settings(posixpath.join(directory, found), depth)
