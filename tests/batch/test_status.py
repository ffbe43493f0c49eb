"""Where a batch stands: running, ended, or killed; and how long it will take."""

from dataclasses import replace
from pathlib import Path

from support.batches import batch

from imgtool.batch.journal import open_journal
from imgtool.batch.status import read_status
from imgtool.model.batch import StageRecord, TaskRecord


def test_none_running_stopped_and_ended(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with open_journal(path) as journal:
        assert read_status(path).phase == "none"
        journal.begin(batch())
        journal.stage(StageRecord("t1", 1, "convert", "raw -> qcow2", 5.0))
        journal.write(TaskRecord("t1", "running", 1))
        found = read_status(path)
        assert (found.phase, found.manifest, found.ended_count) == ("running", "/images/images.yaml", 0)
        assert found.stages["t1"].stage == "convert"
        assert found.names == {"t0": "t0", "t1": "t1", "t2": "t2"}
    assert read_status(path).phase == "stopped before its end"
    with open_journal(path) as journal:
        journal.begin(batch())
        journal.end()
    assert read_status(path).phase == "ended"


def test_the_time_left_is_by_what_this_run_did(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with open_journal(path) as journal:
        journal.begin(batch(10))
        began = (journal.last_run() or ("", 0.0, None))[1]
        assert read_status(path, began + 100).seconds_left is None
        journal.write(TaskRecord("t0", "done", ended=began - 1000))
        journal.write(TaskRecord("t1", "skipped", ended=began + 1))
        assert read_status(path, began + 100).seconds_left is None
        journal.write(TaskRecord("t2", "done", ended=began + 50))
        journal.write(TaskRecord("t3", "failed", ended=began + 100))
        found = read_status(path, began + 100)
        assert found.seconds_left == 6 * 50
        assert replace(found, phase="ended").seconds_left is None
