"""What was noted is there after every KILL, and nothing is there that was not."""

import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.batches import batch

from imgtool.batch.journal import open_journal, read_journal
from imgtool.errors import UsageError
from imgtool.model.batch import StageRecord, TaskRecord
from imgtool.model.image import FileIdentity

KILLS = 20

WRITER = """
import sys
from pathlib import Path
from support.batches import batch
from imgtool.batch.journal import open_journal
from imgtool.model.batch import StageRecord, TaskRecord

with open_journal(Path(sys.argv[1])) as journal:
    plan = batch(50)
    journal.begin(plan)
    print("begun", flush=True)
    for attempt in range(1, 1000):
        for task in plan.tasks:
            journal.write(TaskRecord(task.key, "running", attempt))
            for stage in ("inspect", "convert"):
                journal.stage(StageRecord(task.key, attempt, stage, "x" * 500, float(attempt)))
            report = {"attempt": attempt, "text": "x" * 9000}
            journal.write(TaskRecord(task.key, "done", attempt, report=report))
            print(task.key, attempt, flush=True)
"""


def test_notes_are_read_as_they_were_written(tmp_path: Path) -> None:
    done = TaskRecord(
        "t1", "done", 2, 1.5, 2.5, 1.0, "a" * 64, FileIdentity(1, 2, 3, 4), 10, 5, {"one": "id"},
        FileIdentity(5, 6, 7, 8), 0, "message", "hint", {"image": "t1"},
    )  # fmt: skip
    with open_journal(tmp_path / "j") as journal:
        journal.begin(batch())
        journal.write(done)
        journal.stage(StageRecord("t1", 1, "inspect", "raw", 1.0))
        journal.stage(StageRecord("t1", 2, "inspect", "raw \udcff", 2.0))
        journal.end()
    assert os.listdir(tmp_path) == ["j"]
    with read_journal(tmp_path / "j") as journal:
        assert [(one.key, one.state) for one in journal.records()] == [
            ("t0", "waiting"), ("t1", "done"), ("t2", "waiting"),
        ]  # fmt: skip
        assert journal.record("t1") == replace(done, report=None)
        assert journal.report("t1") == {"image": "t1"}
        assert journal.record("t9") is journal.report("t0") is None
        assert [one.attempt for one in journal.stages("t1")] == [1, 2]
        assert journal.stages() == [StageRecord("t1", 2, "inspect", "raw \\udcff", 2.0)]
        manifest, began, ended = journal.last_run() or ("", 0, None)
        assert (manifest, ended is not None and ended >= began) == ("/images/images.yaml", True)


def test_the_next_run_keeps_what_is_done_and_forgets_nothing(tmp_path: Path) -> None:
    with open_journal(tmp_path / "j") as journal:
        journal.begin(batch(3))
        journal.write(TaskRecord("t0", "done", report={"a": 1}))
        journal.write(TaskRecord("t2", "running", 1))
    with open_journal(tmp_path / "j") as journal:
        journal.begin(batch(2))
        assert [(one.key, one.state) for one in journal.records()] == [("t0", "done"), ("t1", "waiting")]
        journal.write(TaskRecord("t0", "skipped"))
        assert journal.report("t0") == {"a": 1}
        journal.begin(batch(3))
        assert [one.state for one in journal.records()] == ["skipped", "waiting", "interrupted"]


def test_a_failure_shows_no_earlier_findings(tmp_path: Path) -> None:
    with open_journal(tmp_path / "j") as journal:
        journal.begin(batch())
        journal.write(TaskRecord("t0", "check-failed", report={"a": 1}))
        journal.write(TaskRecord("t0", "running", 2))
        assert journal.report("t0") == {"a": 1}
        journal.write(TaskRecord("t0", "failed", 2))
        assert journal.report("t0") is None


def test_a_failed_note_is_not_there(tmp_path: Path) -> None:
    with open_journal(tmp_path / "j") as journal:
        journal.begin(batch(1))
        with pytest.raises(TypeError):
            journal.write(TaskRecord("t0", "done", report={"cannot be noted": object()}))
        assert [one.state for one in journal.records()] == ["waiting"]
        journal.write(TaskRecord("t0", "done"))


def test_it_opens_after_every_kill(tmp_path: Path) -> None:
    """Each time with all that the killed process said was noted, also where nobody ran it again before."""
    path = tmp_path / "j"
    delays = random.Random(5)
    hot = 0
    for number in range(KILLS):
        said = _write_and_be_killed(path, delays.randrange(1, 40), delays.random() * 0.02)
        hot += Path(f"{path}-journal").exists()
        with read_journal(path) as journal:
            records = {one.key: one for one in journal.records()}
            assert len(records) == 50, f"kill {number}"
            for key, attempt in said.items():
                assert records[key].attempts >= attempt
                report = journal.report(key) or {}
                assert report["attempt"] == attempt or records[key].attempts > attempt
                assert {one.stage for one in journal.stages(key)} == {"inspect", "convert"}
            assert journal._rows("PRAGMA integrity_check") == [("ok",)]
    with open_journal(path) as journal:
        journal.begin(batch(50))
        assert "running" not in {one.state for one in journal.records()}
    assert os.listdir(tmp_path) == ["j"]
    assert hot > 0, "no kill fell into a transaction"


def _write_and_be_killed(path: Path, lines: int, delay: float) -> dict[str, int]:
    """The attempt that the writer said is noted, by key, when it was killed after so many lines."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": _support()},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        said += process.stdout.read().splitlines(keepends=True)
    assert process.returncode == -signal.SIGKILL
    whole = [line.split() for line in said[1:] if line.endswith("\n")]
    return {key: int(attempt) for key, attempt in whole}


def _support() -> str:
    return str(Path(__file__).parents[1])


@pytest.mark.parametrize("content", [b"", b"no database" * 999, b"SQLite format 3\0" + bytes(5000)])
def test_what_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(content)
    if not content:  # what a run leaves that is killed before its first note
        with read_journal(path) as journal:
            assert (list(journal.records()), journal.last_run()) == ([], None)
        assert path.read_bytes() == b""
        return
    for opened in (open_journal, read_journal):
        with pytest.raises(UsageError, match=str(path)):
            opened(path)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["j"]


def test_no_journal_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such journal"):
        read_journal(tmp_path / "j")
    with pytest.raises(UsageError, match="cannot be made"):
        open_journal(tmp_path / "no" / "j")
