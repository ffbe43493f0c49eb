"""apk of Alpine: a text of records, with one letter and a colon before each field.

Layout: apk-tools, src/database.c, apk_db_fdb_read and apk_pkg_write_index_entry.
"""

from collections.abc import Collection, Iterator

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages.base import (
    MAX_DATES,
    MAX_DIGITS,
    MAX_PACKAGES,
    Manager,
    Package,
    PackageDate,
    optional_word,
    word,
)
from imgtool.guest.tree import GuestTree
from imgtool.model.packages import InstalledPackage

DATABASES = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
"""Before and since apk-tools 3 on a merged /usr."""

MAX_DATABASE_BYTES = 32 << 20
"""A full desktop's has 10 MiB: it names every file."""


def find(tree: GuestTree, names: Collection[str]) -> Package | None:
    """The record with `P:` one of `names`."""
    for path in DATABASES:
        content = tree.read_bytes(path, MAX_DATABASE_BYTES)
        if content is not None:
            return _record(content, names, path)
    return None


def _record(content: bytes, names: Collection[str], path: str) -> Package | None:
    """A record ends at an empty line; P and V stand before its files."""
    wanted = {f"P:{name}".encode(): name for name in names}
    name, version = None, None
    for line in content.splitlines():
        if not line:
            name, version = None, None
        elif line.startswith(b"P:"):
            name = wanted.get(line)
        elif line.startswith(b"V:"):
            version = line[2:]
        if name is not None and version is not None:
            return Package(name, word(version, path), path)
    return None


def dates(tree: GuestTree) -> Iterator[PackageDate]:
    """The `t:` of each record: when the package was built."""
    for path in DATABASES:
        for record in (tree.read_bytes(path, MAX_DATABASE_BYTES) or b"").split(b"\n\n", MAX_DATES):
            fields = {line[:2]: line[2:] for line in record.splitlines() if line[:2] in {b"P:", b"t:"}}
            built = fields.get(b"t:", b"")
            if b"P:" in fields and built.isdigit() and len(built) <= MAX_DIGITS:
                yield PackageDate(int(built), word(fields[b"P:"], path), "built", path)


_FIELDS = frozenset({b"P:", b"V:", b"A:", b"L:", b"o:", b"m:"})


def packages(tree: GuestTree) -> Iterator[InstalledPackage]:
    """Each record of the first database that is there: the other name is a link to it."""
    path = next(filter(tree.is_file, DATABASES), None)
    content = (tree.read_bytes(path, MAX_DATABASE_BYTES) if path is not None else None) or b""
    for count, record in enumerate(content.split(b"\n\n")):
        if count >= MAX_PACKAGES:
            raise GuestReadError(f"{path}: more than {MAX_PACKAGES} packages")
        fields: dict[bytes, bytes] = {}
        for line in record.splitlines():
            if line[:2] in _FIELDS:
                fields.setdefault(line[:2], line[2:])
        if b"P:" in fields and b"V:" in fields:
            yield _package(fields, str(path))


def _package(fields: dict[bytes, bytes], path: str) -> InstalledPackage:
    return InstalledPackage(
        manager="apk",
        name=word(fields[b"P:"], path),
        version=word(fields[b"V:"], path),
        architecture=optional_word(fields.get(b"A:", b"")),
        source=optional_word(fields.get(b"o:", b"")),
        licence=optional_word(fields.get(b"L:", b"")),
        vendor=optional_word(fields.get(b"m:", b"")),
    )


MANAGER = Manager(lambda tree: any(map(tree.is_file, DATABASES)), find, dates, packages)
