"""What was done in a batch and how far it came, in SQLite: every note is on the disk before the work goes on.

One row for each task, and one for each stage that an attempt reached. Each note is a transaction of its own
(`synchronous=EXTRA`): whatever kills the process, or the machine, the file opens again and has all that was
noted. A rollback journal, not a write-ahead log: beside the file nothing stays, and it may be on a network.
Only the process that runs the batch writes; its threads may share one Journal.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from imgtool.batch import journal_file, records
from imgtool.batch.journal_file import Lock
from imgtool.model.batch import FINAL_STATES, GOOD_STATES, BatchPlan, StageRecord, Task, TaskRecord
from imgtool.util.text import escape_bytes


class Journal:
    """An open journal. As a context manager it is closed at the end."""

    def __init__(self, connection: sqlite3.Connection, path: Path, lock: Lock | None = None) -> None:
        self.path = path
        self._connection = connection
        self._run = lock
        self._mutex = threading.Lock()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Another run may begin."""
        with self._mutex:
            self._connection.close()
        if self._run is not None:
            self._run.release()

    # ------------------------------------------------------------ notes

    def begin(self, plan: BatchPlan) -> None:
        """A run of `plan` begins: its new tasks are waiting, and what a killed run left is interrupted."""
        with self._noted() as cursor:
            cursor.execute("UPDATE tasks SET position = NULL")
            cursor.execute(
                "INSERT INTO runs (manifest, began) VALUES (?, ?)", (_text(plan.manifest), time.time())
            )
            for position, task in enumerate(plan.tasks):
                _place(cursor, position, task)
        self._interrupt_running()

    def end(self) -> None:
        """The run is over; what no worker of a cluster has told the end of is interrupted."""
        self._interrupt_running()
        with self._noted() as cursor:
            cursor.execute("UPDATE runs SET ended = ? WHERE id = (SELECT max(id) FROM runs)", (time.time(),))

    def stage(self, reached: StageRecord) -> None:
        """An attempt reached a stage; reached again, the later one counts."""
        row = (reached.key, reached.attempt, reached.stage, escape_bytes(reached.detail), reached.at)
        with self._noted() as cursor:
            cursor.execute("INSERT OR REPLACE INTO stages VALUES (?, ?, ?, ?, ?)", row)

    def write(self, record: TaskRecord) -> None:
        """What is true of a task from now on.

        Where `record` has no report, an earlier one stays as long as the image is where it was wanted, or the
        work goes on; with a failure it would show findings that have nothing to do with it.
        """
        with self._noted() as cursor:
            text = records.to_json(replace(record, report=None))
            cursor.execute(
                "INSERT INTO tasks (key, state, record) VALUES (?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET state = excluded.state, record = excluded.record",
                (record.key, record.state, text),
            )
            if record.report is not None:
                row = (record.key, json.dumps(record.report))
                cursor.execute("INSERT OR REPLACE INTO reports VALUES (?, ?)", row)
            elif record.state in FINAL_STATES - GOOD_STATES:
                cursor.execute("DELETE FROM reports WHERE key = ?", (record.key,))

    # ------------------------------------------------------------ what was noted

    def records(self, *, every: bool = False) -> Iterator[TaskRecord]:
        """Return the records of the last run in the plan's order, without their reports, which are large.

        `every`: of all runs, in no order.
        """
        of_last = "SELECT record FROM tasks WHERE position IS NOT NULL ORDER BY position"
        rows = self._rows("SELECT record FROM tasks" if every else of_last)
        return (records.from_json(text) for (text,) in rows)

    def record(self, key: str) -> TaskRecord | None:
        """Return one task's record, of this manifest or an older one, without its report."""
        rows = self._rows("SELECT record FROM tasks WHERE key = ?", key)
        return records.from_json(rows[0][0]) if rows else None

    def report(self, key: str) -> Mapping[str, object] | None:
        """The last that was noted of one task."""
        rows = self._rows("SELECT report FROM reports WHERE key = ?", key)
        return json.loads(rows[0][0]) if rows else None

    def names(self) -> dict[str, str]:
        """Return the names of the last run's tasks by key."""
        return dict(self._rows("SELECT key, name FROM tasks WHERE position IS NOT NULL ORDER BY position"))

    def stages(self, key: str | None = None) -> list[StageRecord]:
        """All of one task; without `key`, the last of each."""
        if key is not None:
            rows = self._rows("SELECT * FROM stages WHERE key = ? ORDER BY at, rowid", key)
        else:
            rows = self._rows("SELECT *, max(at) FROM stages GROUP BY key ORDER BY at")
        return [StageRecord(*row[:5]) for row in rows]

    def last_run(self) -> tuple[str, float, float | None] | None:
        """The manifest, and when it began and ended, in UTC seconds; None where no run was noted."""
        rows = self._rows("SELECT manifest, began, ended FROM runs ORDER BY id DESC LIMIT 1")
        return rows[0] if rows else None

    # ------------------------------------------------------------ SQLite

    def _interrupt_running(self) -> None:
        for record in list(self.records()):
            if record.state == "running":
                self.write(replace(record, state="interrupted"))

    @contextmanager
    def _noted(self) -> Iterator[sqlite3.Cursor]:
        """A transaction, on the disk when the block ends; undone where the block fails."""
        with self._mutex, journal_file.as_usage_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.cursor()
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        with self._mutex, journal_file.as_usage_errors(self.path):
            return self._connection.execute(statement, values).fetchall()


def open_journal(path: Path) -> Journal:
    """Open the journal to run a batch, and create it if it does not exist.

    Raises UsageError where it cannot be written, is something else, or another run uses it.
    """
    lock = Lock(path)
    lock.take()
    try:
        return Journal(journal_file.connect(path, make=True), path, lock)
    except BaseException:
        lock.release()
        raise


def read_journal(path: Path) -> Journal:
    """Open the journal to read it, also while a batch runs. Raises UsageError if it is none."""
    return Journal(journal_file.connect(path, make=False), path)


def _place(cursor: sqlite3.Cursor, position: int, task: Task) -> None:
    waiting = records.to_json(TaskRecord(task.key, "waiting"))
    cursor.execute(
        "INSERT INTO tasks (key, position, name, source, state, record) VALUES (?, ?, ?, ?, 'waiting', ?)"
        " ON CONFLICT (key) DO UPDATE SET position = excluded.position, name = excluded.name",
        (task.key, position, task.name, _text(task.source), waiting),
    )


def _text(path: Path | str) -> str:
    return escape_bytes(str(path))
