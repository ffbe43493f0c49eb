"""What travels to a worker, and which worker may take it; do_task itself runs in tests/integration."""

import json
from dataclasses import replace
from pathlib import Path

from support import batches

from imgtool import __version__
from imgtool.batch import wire
from imgtool.batch.dask_worker import home_of, to_json, unfit


def test_a_worker_that_sees_the_same_folder_is_fit(tmp_path: Path) -> None:
    assert unfit(home_of(tmp_path).to_values()) == ""


def test_one_that_sees_none_or_another_is_not(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    assert "cannot see" in unfit(replace(home, work=tmp_path / "none").to_values())
    other = tmp_path / "other"
    other.mkdir()
    assert "another folder" in unfit(replace(home, work=other).to_values())


def test_one_with_another_imgtool_is_not(tmp_path: Path) -> None:
    why = unfit(replace(home_of(tmp_path), version="0.0.1\x1b[2J").to_values())
    assert __version__ in why
    assert "\x1b" not in why


def test_a_task_travels_whole_as_text(tmp_path: Path) -> None:
    task = batches.task("k", output=tmp_path / "o", properties={"hw_disk_bus": "virtio"})
    values = json.loads(to_json(task, home_of(tmp_path), "b", replace_output=True))
    assert wire.task_from_json(values["task"]) == task
    assert set(values) == {"home", "batch", "task", "replace_output"}
    assert values["replace_output"] is True
