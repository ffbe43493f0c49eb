"""The file of a journal: made, recognised, and opened as safely as SQLite can."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtool.errors import UsageError
from imgtool.text import printable

APPLICATION_ID = 0x696D6762
"""`imgb`: what tells this file from other SQLite files, by the format's field for that."""

VERSION = 1
"""Of the tables, in the format's field `user_version`."""

WAIT_SECONDS = 30.0
"""For whoever reads or writes it at this moment."""

_TABLES = """
CREATE TABLE runs (id INTEGER PRIMARY KEY, manifest TEXT NOT NULL, began REAL NOT NULL, ended REAL);
CREATE TABLE tasks (
    key TEXT PRIMARY KEY, position INTEGER, name TEXT NOT NULL DEFAULT '', source TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL, record TEXT NOT NULL);
CREATE TABLE stages (
    key TEXT NOT NULL, attempt INTEGER NOT NULL, stage TEXT NOT NULL, detail TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (key, attempt, stage));
CREATE TABLE reports (key TEXT PRIMARY KEY, report TEXT NOT NULL);
"""


def connect(path: Path, *, make: bool) -> sqlite3.Connection:
    """An open connection; `make` makes the file and its tables where they are not there.

    A transaction that was not finished when its process was killed is undone, here, by SQLite itself.
    Raises UsageError.
    """
    if not make and not path.is_file():
        shown = printable(str(path))
        raise UsageError(f"{shown}: there is no such journal", hint="a batch has it at MANIFEST.journal")
    with told(path):
        connection = _open(f"{path.absolute().as_uri()}?mode={'rwc' if make else 'rw'}")
        try:
            if _is_empty(connection):  # its run was killed before the first note
                connection = _with_tables(connection if make else _instead(connection))
            _recognise(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _open(uri: str) -> sqlite3.Connection:
    """For writing also where it is only read: what was not finished has to be undone first."""
    connection = sqlite3.connect(
        uri, uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -2000")
    return connection


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What SQLite complains about, as a UsageError that names the file."""
    shown = printable(str(path))
    try:
        yield
    except sqlite3.OperationalError as error:
        hint = "is its folder there, may it be written to, and has the disk room?"
        raise UsageError(f"{shown}: the journal cannot be used: {error}", hint=hint) from error
    except sqlite3.DatabaseError as error:
        raise _not_a_journal(path) from error


def _instead(connection: sqlite3.Connection) -> sqlite3.Connection:
    """In memory, for who only reads."""
    connection.close()
    return _open(":memory:")


def _with_tables(connection: sqlite3.Connection) -> sqlite3.Connection:
    """All of them or, where it is killed, none."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    for statement in filter(str.strip, _TABLES.split(";")):
        connection.execute(statement)
    connection.execute("COMMIT")
    return connection


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not _number(connection, "application_id") and not _count(connection)


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    if _number(connection, "application_id") != APPLICATION_ID:
        raise _not_a_journal(path)
    version = _number(connection, "user_version")
    if version > VERSION:
        raise UsageError(
            f"{printable(str(path))}: a newer imgtool made this journal (version {version})",
            hint="update imgtool, or name another journal",
        )


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _not_a_journal(path: Path) -> UsageError:
    return UsageError(f"{printable(str(path))}: is no journal of a batch", hint="name another with --journal")
