"""The file of a journal: made, recognised, and opened as safely as SQLite can.

One run at a time has it, by a lock that ends with the process, however that ends. The lock is on a file of
its own, since closing a second descriptor of the database would drop SQLite's own locks
(https://www.sqlite.org/howtocorrupt.html, 2.2).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imgtool.errors import UsageError
from imgtool.util import locks
from imgtool.util.text import printable, shell_word

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
    if make:
        _make(path)
    with as_usage_errors(path):
        connection = _open(f"{path.absolute().as_uri()}?mode={'rwc' if make else 'rw'}")
        try:
            if _is_empty(connection):  # its run was killed before the first note
                connection = _with_tables(connection if make else _instead(connection))
            _recognise(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _make(path: Path) -> None:
    """Empty, and for this user only: it will hold what was found in images that others may not read."""
    with suppress(OSError):  # it is there; or SQLite says why not
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _open(uri: str) -> sqlite3.Connection:
    """Open for writing also where it is only read: what was not finished has to be undone first."""
    connection = sqlite3.connect(
        uri, uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -2000")
    return connection


@contextmanager
def as_usage_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite complains about as a UsageError that names the file."""
    shown = printable(str(path))
    try:
        yield
    except sqlite3.OperationalError as error:
        hint = "is its folder there, may it be written to, and has the disk room?"
        raise UsageError(f"{shown}: the journal cannot be used: {error}", hint=hint) from error
    except sqlite3.DatabaseError as error:
        raise _not_a_journal(path) from error


def _instead(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Open an empty journal in memory, for readers."""
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


class Lock:
    """The lock of the journal at `journal`: a file beside it with the suffix `.lock`, removed on release."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._path = journal.with_name(f"{journal.name}.lock")
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises UsageError where another process has it, or there is no place for it."""
        try:
            self._descriptor = locks.open_locked(self._path)
        except OSError as error:
            raise UsageError(
                f"{printable(str(self._path))}: cannot be made: {error.strerror}",
                hint="name a journal where you may write: --journal PATH",
            ) from error
        if self._descriptor is None:
            raise UsageError(
                f"{printable(str(self._journal))}: another run of this batch is going on",
                hint=f"watch it: imgtool batch --status {shell_word(str(self._journal)) or 'JOURNAL'}",
            )

    def release(self) -> None:
        """Who waits for the lock sees that the file is not the one with that name any more."""
        if self._descriptor is not None:
            locks.release(self._path, self._descriptor)
            self._descriptor = None

    def is_taken(self) -> bool:
        """Whether a process of this machine runs the batch now."""
        return locks.is_taken(self._path)
