"""dpkg of Debian and Ubuntu: deb-control(5); dpkg(1), "Package states"."""

import re
from collections.abc import Collection, Iterator
from itertools import islice

from imgtool.guest.packages.base import MAX_DATES, Manager, Package, PackageDate, word
from imgtool.guest.tree import GuestTree

STATUS = "/var/lib/dpkg/status"
MAX_STATUS_BYTES = 32 << 20
"""A full desktop's status file has 5 MiB."""

MAX_PARAGRAPHS = 16
"""Paragraphs of one name: one for each architecture."""

MAX_PARAGRAPH_CHARACTERS = 64 << 10


def find(tree: GuestTree, names: Collection[str]) -> Package | None:
    """The first of `names` with a paragraph `Status: ... installed`."""
    text = (tree.read_bytes(STATUS, MAX_STATUS_BYTES) or b"").decode("utf-8", "replace")
    found = (_paragraph(text, name) for name in names)
    return next((package for package in found if package is not None), None)


def _paragraph(text: str, name: str) -> Package | None:
    starts = re.finditer(rf"^Package: {re.escape(name)}[ \t]*$", text, re.MULTILINE)
    for start in islice(starts, MAX_PARAGRAPHS):
        fields = _fields(text[start.start() : start.start() + MAX_PARAGRAPH_CHARACTERS])
        if fields.get("Status", "").split()[-1:] == ["installed"] and fields.get("Version"):
            return Package(name, word(fields["Version"].encode(), STATUS), STATUS)
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


INFO = "/var/lib/dpkg/info"


def dates(tree: GuestTree) -> Iterator[PackageDate]:
    """When the list of each package's files was written: dpkg does so when it installs it."""
    for name in islice(tree.names(INFO), MAX_LISTS):
        if name.endswith(".list") and (seconds := tree.modified_seconds(f"{INFO}/{name}")) is not None:
            yield PackageDate(seconds, name.removesuffix(".list"), "installed", INFO)


MAX_LISTS = 10 * MAX_DATES
"""A package has ten files there, and one of them is the list."""
MANAGER = Manager(lambda tree: tree.is_file(STATUS), find, dates)
