"""dpkg of Debian and Ubuntu: deb-control(5); dpkg(1), "Package states"."""

import re
from collections.abc import Collection, Iterator
from itertools import islice

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages.base import (
    MAX_DATES,
    MAX_PACKAGES,
    Manager,
    Package,
    PackageDate,
    optional_word,
    word,
)
from imgtool.guest.tree import GuestTree
from imgtool.model.packages import InstalledPackage

STATUS = "/var/lib/dpkg/status"
STATUS_DIRECTORY = "/var/lib/dpkg/status.d"
"""Of images without dpkg (distroless): a file for each package, beside its list of checksums."""
CHECKSUMS = ".md5sums"
MAX_STATUS_BYTES = 32 << 20
"""A full desktop's status file has 5 MiB."""

MAX_PARAGRAPHS = 16
"""Paragraphs of one name: one for each architecture."""

MAX_PARAGRAPH_CHARACTERS = 64 << 10


def find(tree: GuestTree, names: Collection[str]) -> Package | None:
    """The first of `names` with a paragraph `Status: ... installed`."""
    text = (tree.read_bytes(STATUS, MAX_STATUS_BYTES) or b"").decode("utf-8", "replace")
    found = (_paragraph(text, name) for name in names)
    package = next((package for package in found if package is not None), None)
    return package or _one_of_many_files(tree, names)


def _one_of_many_files(tree: GuestTree, names: Collection[str]) -> Package | None:
    """The package with a file of its own."""
    if not tree.is_directory(STATUS_DIRECTORY):
        return None
    found = next((one for one in _of_directory(tree) if one.name in names), None)
    return None if found is None else Package(found.name, found.version, STATUS_DIRECTORY)


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

_FIELD = re.compile(r"^(Package|Status|Version|Architecture|Source|Maintainer):[ \t]*(.*)$", re.MULTILINE)
_SOURCE = re.compile(r"(\S+)(?:\s+\(([^)]*)\))?")
_GONE = frozenset({"not-installed", "config-files"})
"""States in which none of the package's files are there: dpkg(1), "Package states"."""


def packages(tree: GuestTree) -> Iterator[InstalledPackage]:
    """Each package whose files are there, also one that was unpacked and never configured."""
    text = (tree.read_bytes(STATUS, MAX_STATUS_BYTES) or b"").decode("utf-8", "replace")
    yield from _of_text(text, STATUS)
    yield from _of_directory(tree)


def _of_directory(tree: GuestTree) -> Iterator[InstalledPackage]:
    """A paragraph there has no Status: all are installed."""
    names = [name for name in tree.names(STATUS_DIRECTORY) if not name.endswith(CHECKSUMS)]
    for name in names[:MAX_PACKAGES]:
        path = f"{STATUS_DIRECTORY}/{name}"
        content = tree.read_bytes(path, MAX_PARAGRAPH_CHARACTERS) or b""
        yield from _of_text(content.decode("utf-8", "replace"), path)


def _of_text(text: str, path: str) -> Iterator[InstalledPackage]:
    for count, paragraph in enumerate(re.split(r"\n[ \t]*\n", text)):
        if count >= MAX_PACKAGES:
            raise GuestReadError(f"{path}: more than {MAX_PACKAGES} packages")
        fields: dict[str, str] = {}
        for found in _FIELD.finditer(paragraph[:MAX_PARAGRAPH_CHARACTERS]):
            fields.setdefault(found[1], found[2].strip())
        state = fields.get("Status", "installed").split()[-1:]
        if fields.get("Package") and fields.get("Version") and not _GONE.intersection(state):
            yield _package(fields, path)


def _package(fields: dict[str, str], path: str) -> InstalledPackage:
    source = _SOURCE.match(fields.get("Source", ""))
    return InstalledPackage(
        manager="dpkg",
        name=word(fields["Package"].encode(), path),
        version=word(fields["Version"].encode(), path),
        architecture=optional_word(fields.get("Architecture", "").encode()),
        source=optional_word((source[1] if source else fields["Package"]).encode()),
        source_version=optional_word((source[2] or "").encode()) if source else "",
        vendor=optional_word(fields.get("Maintainer", "").encode()),
    )


def _is_here(tree: GuestTree) -> bool:
    return tree.is_file(STATUS) or tree.is_directory(STATUS_DIRECTORY)


MANAGER = Manager(_is_here, find, dates, packages)
