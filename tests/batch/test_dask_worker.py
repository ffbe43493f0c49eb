"""What travels to a worker, and which worker may take it; do_task itself runs in tests/integration."""

import json
from dataclasses import replace
from pathlib import Path

from support import batches

from imgtool import __version__
from imgtool.batch.dask_worker import Assignment, home_of, unfit
from imgtool.util import codec


def test_a_worker_that_sees_the_same_folder_is_fit(tmp_path: Path) -> None:
    assert unfit(codec.to_values(home_of(tmp_path))) == ""


def test_one_that_sees_none_or_another_is_not(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    assert "cannot see" in unfit(codec.to_values(replace(home, work=tmp_path / "none")))
    other = tmp_path / "other"
    other.mkdir()
    assert "another folder" in unfit(codec.to_values(replace(home, work=other)))


def test_one_with_another_imgtool_is_not(tmp_path: Path) -> None:
    why = unfit(codec.to_values(replace(home_of(tmp_path), version="0.0.1\x1b[2J")))
    assert __version__ in why
    assert "\x1b" not in why


def test_a_task_travels_whole_as_text(tmp_path: Path) -> None:
    task = batches.task("k", output=tmp_path / "o", properties={"hw_disk_bus": "virtio"})
    assigned = Assignment(home_of(tmp_path), "b", task, replace_output=True, log_level=20)
    text = codec.to_json(assigned)
    assert codec.from_json(text, Assignment) == assigned
    assert set(json.loads(text)) == {"home", "batch", "task", "replace_output", "log_level"}
