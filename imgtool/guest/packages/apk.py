"""apk of Alpine: a text of records, with one letter and a colon before each field.

Layout: apk-tools, src/database.c, apk_db_fdb_read and apk_pkg_write_index_entry.
"""

from collections.abc import Collection, Iterator

from imgtool.guest.packages.base import MAX_DATES, MAX_DIGITS, Manager, Package, PackageDate, word
from imgtool.guest.tree import GuestTree

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


MANAGER = Manager(lambda tree: any(map(tree.is_file, DATABASES)), find, dates)
