"""RPM's database of Fedora and RHEL 9: SQLite.

Tables: RPM, lib/backend/sqlite.c: `Packages` (hnum, blob), and for each tag that is searched by, `Name` among
them, one of (key, hnum, idx).
"""

from collections.abc import Collection, Iterator
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages.base import MAX_PACKAGES
from imgtool.guest.packages.rpm_header import EVERY_NAME, Blob
from imgtool.guest.packages.sqlite import (
    Database,
    Row,
    columns,
    open_database,
    row_of,
    rows,
    table_root,
    value,
)

MAX_ROW_BYTES = 1024
"""A row of `Name`: a name and two numbers."""

BEGIN_BYTES = 32
"""Of a row of `Packages`: more than the head of its record."""


def blobs(stream: BinaryIO, names: Collection[bytes]) -> Iterator[Blob]:
    """The headers of the packages with one of `names`."""
    database = open_database(stream)
    packages = table_root(database, b"Packages")
    if names is EVERY_NAME:
        yield from map(_blob, rows(database, packages))
        return
    for number in _numbers(database, names):
        row = row_of(database, packages, number)
        if row is None:
            raise GuestReadError(f"package {number} is in the table of names only")
        yield _blob(row)


def _numbers(database: Database, names: Collection[bytes]) -> list[int]:
    """The `hnum` of each row of `Name` whose key is one of `names`."""
    found = []
    for count, row in enumerate(rows(database, table_root(database, b"Name"))):
        if count >= MAX_PACKAGES:
            raise GuestReadError(f"more than {MAX_PACKAGES} packages")
        if row.size_bytes <= MAX_ROW_BYTES:
            record = row.read(MAX_ROW_BYTES)
            key, number = (value(record, place) for place in columns(record)[:2])
            found.extend([number] if key in names and isinstance(number, int) else [])
    return found


def _blob(row: Row) -> Blob:
    """The second column. `hnum` is the row's own number, and takes no room."""
    place = columns(row.read(BEGIN_BYTES))[1]

    def read(length: int) -> bytes:
        return row.read(place.start + min(length, place.size_bytes))[place.start :]

    return read
