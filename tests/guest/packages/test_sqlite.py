"""The reader of tables against SQLite itself."""

import io
import sqlite3
from pathlib import Path

import pytest

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages import sqlite as reader

ROWS = 3000


def made(folder: Path, page_bytes: int) -> io.BytesIO:
    """A table of many rows, deleted ones among them, and one of a few large ones."""
    path = folder / f"{page_bytes}.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA page_size={page_bytes}")
        database.execute("CREATE TABLE names (key TEXT, number INTEGER, more)")
        database.execute("CREATE INDEX by_key ON names (key)")
        database.execute("CREATE TABLE large (number INTEGER PRIMARY KEY, content BLOB)")
        rows = [(f"name-{n}", n * n * n * (-1) ** n, None) for n in range(ROWS)]
        database.executemany("INSERT INTO names VALUES (?, ?, ?)", rows)
        database.execute("DELETE FROM names WHERE rowid % 7 = 0")
        for number in (1, 50, 400, 5000, 200_000):
            database.execute("INSERT INTO large VALUES (?, ?)", (number, bytes([number % 251]) * number))
    return io.BytesIO(path.read_bytes())


@pytest.mark.parametrize("page_bytes", [512, 1024, 4096, 65536])
def test_all_rows_of_a_table(tmp_path: Path, page_bytes: int) -> None:
    database = reader.open_database(made(tmp_path, page_bytes))
    found = []
    for row in reader.rows(database, reader.table_root(database, b"names")):
        record = row.read(row.size_bytes)
        found.append((row.number, *(reader.value(record, place) for place in reader.columns(record))))
    assert found == [
        (n + 1, f"name-{n}".encode(), n * n * n * (-1) ** n, None) for n in range(ROWS) if (n + 1) % 7
    ]


@pytest.mark.parametrize("page_bytes", [512, 4096, 65536])
def test_a_row_by_its_number_as_far_as_asked(tmp_path: Path, page_bytes: int) -> None:
    database = reader.open_database(made(tmp_path, page_bytes))
    root = reader.table_root(database, b"large")
    for number in (1, 50, 400, 5000, 200_000):
        row = reader.row_of(database, root, number)
        assert row is not None
        record = row.read(row.size_bytes)
        assert record.endswith(bytes([number % 251]) * number)
        for length in (3, 40, 600, 5000, 300_000):
            assert row.read(length) == record[:length]
    assert reader.row_of(database, root, 51) is None
    names = reader.table_root(database, b"names")
    for number in (0, 1, 6, 7, 8, 1400, 1401, ROWS, ROWS + 1):
        row = reader.row_of(database, names, number)
        assert (row is not None) is (0 < number <= ROWS and number % 7 > 0)
        assert row is None or row.number == number


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    database = reader.open_database(made(tmp_path, 4096))
    for name in (b"absent", b"by_key"):
        with pytest.raises(GuestReadError, match="has no table"):
            reader.table_root(database, name)


@pytest.mark.parametrize(
    ("content", "number"), [(b"\x7f", 127), (b"\x81\x00", 128), (b"\xff" * 9, 2**64 - 1)]
)
def test_numbers_of_variable_length(content: bytes, number: int) -> None:
    assert reader.varint(b"?" + content + b"?", 1) == (number, 1 + len(content))


def test_a_tree_made_to_lead_in_circles_ends(tmp_path: Path) -> None:
    stream = made(tmp_path, 4096)
    database = reader.open_database(stream)
    root = reader.table_root(database, b"names")
    content = bytearray(stream.getvalue())
    start = (root - 1) * 4096
    assert content[start] == reader.INTERIOR
    content[start + 8 : start + 12] = root.to_bytes(4, "big")
    circular = reader.open_database(io.BytesIO(bytes(content)))
    with pytest.raises(GuestReadError, match="damaged"):
        list(reader.rows(circular, root))
    with pytest.raises(GuestReadError):
        reader.row_of(circular, root, 10**6)


def test_a_chain_of_overflow_made_to_lead_in_circles_ends(tmp_path: Path) -> None:
    stream = made(tmp_path, 512)
    database = reader.open_database(stream)
    row = reader.row_of(database, reader.table_root(database, b"large"), 5000)
    assert row is not None
    assert len(row.read(5000)) == 5000
    database.pages_left = 3
    with pytest.raises(GuestReadError, match="pages: damaged, or made to mislead"):
        row.read(5000)
