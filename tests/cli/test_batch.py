"""`imgtool batch --dry-run` and `--status`, as a process; and how a run leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.batches import batch, manifest

from imgtool.batch.journal import open_journal
from imgtool.model.batch import TaskRecord, TaskState


def imgtool(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("imgtool")
    return subprocess.run(
        [program, "batch", *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_a_dry_run_prints_the_plan_and_makes_nothing(tmp_path: Path) -> None:
    path = manifest(tmp_path, "images: [{source: '${SOURCE}', clouds: [x]}]\n", "a.raw")
    run = imgtool(path, "--dry-run", SOURCE="a.raw")
    assert (run.returncode, run.stderr) == (0, "")
    assert "1 image, 1 upload, 0 files, 0 problems" in run.stdout
    document = json.loads(imgtool(path, "--dry-run", "--output", "json", SOURCE="a.raw").stdout)
    assert [image["source"] for image in document["images"]] == [f"{tmp_path}/a.raw"]
    assert sorted(os.listdir(tmp_path)) == ["a.raw", "images.yaml"]


def test_what_is_wrong_is_a_usage_error(tmp_path: Path) -> None:
    path = manifest(tmp_path, "images: ['*.none']\n")
    run = imgtool(path, "--dry-run", "--output", "json")
    assert run.returncode == 2
    assert json.loads(run.stdout)["error"]["message"] == f"{path}:1: no file matches *.none"
    for arguments in (
        (),
        (path, "--status", "j"),
        (path, "--report", "sarif=x"),
        ("--status", tmp_path / "j"),
    ):
        run = imgtool(*arguments)
        assert (run.returncode, run.stdout) == (2, "")


def test_the_status_of_a_running_batch(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with open_journal(path) as journal:
        journal.begin(batch())
        journal.write(TaskRecord("t0", "failed", 1, message="it broke", report={"image": "t0"}))
        run = imgtool("--status", path)
        assert run.returncode == 0
        assert "running" in run.stdout
        assert "it broke" in run.stdout
        report = tmp_path / "report.json"
        document = json.loads(
            imgtool("--status", path, "--output", "json", "--report", f"json={report}").stdout
        )
        assert (document["phase"], document["counts"]) == ("running", {"failed": 1, "waiting": 2})
        told = json.loads(report.read_text())
        assert told["images"][0]["report"] == {"image": "t0"}
        text = imgtool("--status", path, "--report", "text=-").stdout
        assert text.count("it broke") == 1


EXITS: list[tuple[list[TaskState], int]] = [
    ([], 0), (["done", "skipped"], 0), (["done", "failed"], 7), (["refused"], 7), (["check-failed"], 7),
    (["done", "interrupted", "failed"], 130), (["waiting"], 130),
]  # fmt: skip


@pytest.mark.parametrize(("states", "status"), EXITS)
def test_how_a_run_leaves(states: list[TaskState], status: int) -> None:
    from imgtool.cli.batch_run import exit_status  # noqa: PLC0415 - it loads the pipeline

    assert exit_status([TaskRecord(str(number), state) for number, state in enumerate(states)]) == status
