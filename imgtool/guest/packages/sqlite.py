"""A reader of tables in an SQLite database, by rows: no SQL, no index, nothing is written.

Layout: https://sqlite.org/fileformat2.html, with its names. Everything is bounded: a database made to mislead
ends in GuestReadError.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from imgtool.guest.filesystems.base import GuestReadError

MAGIC = b"SQLite format 3\0"
LEAF, INTERIOR = 0x0D, 0x05
"""Pages of a table's b-tree."""

MAX_PAGES = 400_000
"""Read of one database, overflow included. All headers of a full desktop take 50,000."""

MAX_CELLS = 1_000_000
"""Looked at in one database: rows, and pointers to pages."""

MAX_DEPTH = 20
SCHEMA_ROOT = 1
MAX_SCHEMA_BYTES = 64 << 10
"""Of one row of the schema: a table's name and its SQL."""

INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
"""By serial type, 0 to 6."""


class Row(NamedTuple):
    """A row, whose record is read as far as it is asked for."""

    number: int
    size_bytes: int
    read: Callable[[int], bytes]
    """The first bytes of the record, at most that many."""


class Place(NamedTuple):
    """Where a column stands in its record."""

    serial_type: int
    start: int
    size_bytes: int


@dataclass
class Database:
    """An open database."""

    stream: BinaryIO
    page_bytes: int
    usable_bytes: int
    pages_left: int = MAX_PAGES
    cells_left: int = MAX_CELLS

    def page(self, number: int) -> bytes:
        """Page `number`, the first is 1."""
        self.pages_left -= 1
        if self.pages_left < 0:
            raise GuestReadError(f"more than {MAX_PAGES} pages: damaged, or made to mislead")
        if number < 1:
            raise GuestReadError("a page of the SQLite database has no number")
        self.stream.seek((number - 1) * self.page_bytes)
        content = self.stream.read(self.page_bytes)
        if len(content) != self.page_bytes:
            raise GuestReadError(f"the SQLite database ends before page {number}")
        return content

    def count_cells(self, count: int) -> None:
        """Take `count` off what may be looked at."""
        self.cells_left -= count
        if self.cells_left < 0:
            raise GuestReadError(f"more than {MAX_CELLS} cells: damaged, or made to mislead")


def open_database(stream: BinaryIO) -> Database:
    """The database in `stream`. Raises GuestReadError where it is none."""
    stream.seek(0)
    head = stream.read(100)
    if len(head) < 100 or not head.startswith(MAGIC):
        raise GuestReadError("it is no SQLite database")
    page_bytes = int.from_bytes(head[16:18], "big")
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    usable = page_bytes - head[20]
    if page_bytes not in {512 << n for n in range(8)} or usable < 480:
        raise GuestReadError(
            f"an SQLite database with pages of {page_bytes} bytes, {head[20]} of them reserved"
        )
    if max(head[18:20]) > 2:
        raise GuestReadError("an SQLite database of a version to come")
    return Database(stream, page_bytes, usable)


def table_root(database: Database, name: bytes) -> int:
    """The root page of the table `name`: the schema is a table of type, name, table, root page and SQL."""
    for row in rows(database, SCHEMA_ROOT):
        record = row.read(min(row.size_bytes, MAX_SCHEMA_BYTES))
        kind, called, _, root = (value(record, place) for place in columns(record)[:4])
        if (kind, called) == (b"table", name) and isinstance(root, int):
            return root
    raise GuestReadError(f"the SQLite database has no table {name.decode()}")


def rows(database: Database, root: int) -> Iterator[Row]:
    """All rows of the table at the page `root`, in their order."""
    pending = [(root, 0)]
    while pending:
        number, depth = pending.pop()
        content, kind, cells, last = _node(database, number, depth)
        if kind == LEAF:
            yield from (_row(database, content, cell) for cell in cells)
        else:
            children = [int.from_bytes(content[cell : cell + 4], "big") for cell in cells]
            pending.extend((child, depth + 1) for child in reversed([*children, last]))


def row_of(database: Database, root: int, wanted: int) -> Row | None:
    """The row numbered `wanted`, found down the tree: an interior cell's key is its child's last."""
    number = root
    for depth in range(MAX_DEPTH + 1):
        content, kind, cells, last = _node(database, number, depth)
        if kind == LEAF:
            found = (_row(database, content, cell) for cell in cells)
            return next((row for row in found if row.number == wanted), None)
        number = next(
            (int.from_bytes(content[c : c + 4], "big") for c in cells if varint(content, c + 4)[0] >= wanted),
            last,
        )
    raise GuestReadError("a table of the SQLite database is too deep")


def columns(record: bytes) -> list[Place]:
    """Where the columns of a record stand; its head must be there as a whole."""
    head_bytes, offset = varint(record, 0)
    if head_bytes > len(record):
        raise GuestReadError("a record of the SQLite database is cut off")
    places = []
    start = head_bytes
    while offset < head_bytes:
        serial_type, offset = varint(record, offset)
        size = _size(serial_type)
        places.append(Place(serial_type, start, size))
        start += size
    return places


def value(record: bytes, place: Place) -> int | bytes | None:
    """A column: text and blobs as bytes; None for NULL and what is not read here."""
    raw = record[place.start : place.start + place.size_bytes]
    if len(raw) != place.size_bytes:
        raise GuestReadError("a record of the SQLite database is cut off")
    if place.serial_type >= 12:
        return raw
    if place.serial_type in {8, 9}:
        return place.serial_type - 8
    return int.from_bytes(raw, "big", signed=True) if 0 < place.serial_type <= 6 else None


def varint(content: bytes, offset: int) -> tuple[int, int]:
    """The number at `offset`, 7 bits to a byte and 8 in the ninth, and where the next one begins."""
    found = 0
    for index in range(offset, offset + 8):
        byte = _byte(content, index)
        found = found << 7 | byte & 0x7F
        if byte < 0x80:
            return found, index + 1
    return found << 8 | _byte(content, offset + 8), offset + 9


def _byte(content: bytes, index: int) -> int:
    if index >= len(content):
        raise GuestReadError("a number of the SQLite database is cut off")
    return content[index]


def _size(serial_type: int) -> int:
    if serial_type >= 12:
        return (serial_type - 12) // 2
    return INTEGER_BYTES[serial_type] if serial_type <= 6 else 8 if serial_type == 7 else 0


def _node(database: Database, number: int, depth: int) -> tuple[bytes, int, list[int], int]:
    """A page of a table: its bytes, its kind, where its cells begin, and an interior one's last child."""
    content = database.page(number)
    start = 100 if number == SCHEMA_ROOT else 0
    kind, count = content[start], int.from_bytes(content[start + 3 : start + 5], "big")
    first = start + (8 if kind == LEAF else 12)
    if kind not in {LEAF, INTERIOR} or depth > MAX_DEPTH or first + 2 * count > len(content):
        raise GuestReadError(f"page {number} of the SQLite database is damaged")
    database.count_cells(count)
    cells = [int.from_bytes(content[at : at + 2], "big") for at in range(first, first + 2 * count, 2)]
    return content, kind, cells, int.from_bytes(content[start + 8 : start + 12], "big")


def _row(database: Database, content: bytes, cell: int) -> Row:
    """A cell of a leaf: size of its record, number of its row, and as much of the record as fits there."""
    size, offset = varint(content, cell)
    number, offset = varint(content, offset)
    here = _local_bytes(size, database.usable_bytes)

    def read(length: int) -> bytes:
        length = min(length, size)
        start = content[offset : offset + min(here, length)]
        if length <= here:
            return start
        following = int.from_bytes(content[offset + here : offset + here + 4], "big")
        return start + _overflow(database, following, length - here)

    return Row(number, size, read)


def _local_bytes(size: int, usable: int) -> int:
    """How much of a record of `size` bytes stands in its leaf: "Cell Payload Overflow Pages"."""
    largest, smallest = usable - 35, (usable - 12) * 32 // 255 - 23
    if size <= largest:
        return size
    here = smallest + (size - smallest) % (usable - 4)
    return here if here <= largest else smallest


def _overflow(database: Database, number: int, length: int) -> bytes:
    """`length` bytes of a chain of pages, each with the number of the next and then content."""
    pieces = []
    while length > 0:
        content = database.page(number)
        piece = content[4 : min(database.usable_bytes, 4 + length)]
        pieces.append(piece)
        length -= len(piece)
        number = int.from_bytes(content[:4], "big")
    return b"".join(pieces)
