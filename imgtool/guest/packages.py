"""The word of the package database: which packages are installed, in which version.

Read so far: dpkg. Where another one rules, `installed_package` says so by raising GuestReadError.
"""

import re
from dataclasses import dataclass
from itertools import islice

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.text import printable

DPKG_STATUS = "/var/lib/dpkg/status"
MAX_STATUS_BYTES = 32 << 20
"""A full desktop's status file has 5 MiB."""

MAX_PARAGRAPHS = 16
"""Paragraphs of one name: one for each architecture."""

MAX_PARAGRAPH_CHARACTERS = 64 << 10

UNREAD_DATABASES = {
    "/var/lib/rpm": "RPM",
    "/usr/lib/sysimage/rpm": "RPM",
    "/lib/apk/db": "apk",
    "/usr/lib/apk/db": "apk",
    "/var/lib/pacman/local": "pacman",
}
"""Databases of other package managers, by their directories."""


@dataclass(frozen=True, slots=True)
class Package:
    """One installed package."""

    name: str
    version: str
    source: str
    """The database that says so."""


def installed_package(tree: GuestTree, name: str) -> Package | None:
    """The installed package `name`, or None where the database has none of that name.

    Raises GuestReadError where there is no database that imgtool reads: nothing is known then.
    """
    content = tree.read_bytes(DPKG_STATUS, MAX_STATUS_BYTES)
    if content is not None:
        return _from_dpkg(content.decode("utf-8", "replace"), name)
    for path, manager in UNREAD_DATABASES.items():
        if tree.names(path):
            raise GuestReadError(f"{path}: the {manager} database is not read yet")
    raise GuestReadError("no package database was found")


def _from_dpkg(text: str, name: str) -> Package | None:
    """A paragraph with `Status: ... installed` (deb-control(5); dpkg(1), "Package states")."""
    starts = re.finditer(rf"^Package: {re.escape(name)}[ \t]*$", text, re.MULTILINE)
    for start in islice(starts, MAX_PARAGRAPHS):
        fields = _fields(text[start.start() : start.start() + MAX_PARAGRAPH_CHARACTERS])
        if fields.get("Status", "").split()[-1:] == ["installed"] and fields.get("Version"):
            return Package(name, printable(fields["Version"]), DPKG_STATUS)
    return None


def _fields(text: str) -> dict[str, str]:
    """The fields of the first paragraph of `text`; continuation lines are left out."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        name, separator, value = line.partition(":")
        if separator and not name.startswith((" ", "\t")):
            found.setdefault(name, value.strip())
    return found
