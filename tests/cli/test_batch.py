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


def test_a_dry_run_with_a_problem_ends_with_1(tmp_path: Path) -> None:
    run = imgtool(manifest(tmp_path, "images: [{source: a.raw, clouds: [x]}]\n"), "--dry-run")
    assert run.returncode == 1
    assert "there is no such file" in run.stdout


@pytest.mark.parametrize(
    ("states", "status"),
    [(["failed", "waiting"], 7), (["failed", "running"], 130), (["done", "waiting"], 130), (["done"], 0)],
)
def test_how_a_run_leaves_that_ends_with_the_first_failure(states: list[TaskState], status: int) -> None:
    from imgtool.cli.batch_run import exit_status  # noqa: PLC0415 - it loads the pipeline

    records = [TaskRecord(str(number), state) for number, state in enumerate(states)]
    assert exit_status(records, fail_fast=True) == status


def test_images_are_judged_and_nothing_is_made_of_them(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "defaults: {clouds: [x], policy: data}\n"
        "images: [data.raw, {source: data.raw, name: strict, policy: openstack}, missing.raw]\n",
    )
    subprocess.run(["mke2fs", "-q", "-t", "ext4", tmp_path / "data.raw", "16M"], check=True)
    run = imgtool(
        path, "--check-only", "--report", f"json={tmp_path}/r.json", "--report", f"html={tmp_path}/p"
    )
    assert (run.returncode, run.stderr) == (3, "")
    lines = run.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["data", "PASS"],
        ["strict", "FAIL"],
        ["missing", "FAIL"],
    ]
    assert lines[-1] == "3 images: 1 pass, 2 fail"
    results = json.loads((tmp_path / "r.json").read_text())["results"]
    assert [one["policy"] for one in results] == ["data", "openstack", "data"]
    assert sorted(os.listdir(tmp_path)) == ["data.raw", "images.yaml", "p", "r.json"]
    some = imgtool(path, "--check-only", "--only", "str*", "--output", "json")
    assert some.returncode == 1
    assert len(json.loads(some.stdout)["results"]) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--check-only", "--journal", "j"], "--journal cannot be used with --check-only"),
        (["--check-only", "--metrics", "m"], "--metrics cannot be used with --check-only"),
        (["--check-only", "--boot"], "--boot cannot be used with --check-only"),
        (["--fail-fast", "--scheduler", "tls://h:1"], "--fail-fast cannot be used with --scheduler"),
        (["--only", "nothing"], "--only nothing: no image of"),
    ],
)
def test_options_that_make_no_sense(options: list[str], words: str, tmp_path: Path) -> None:
    run = imgtool(manifest(tmp_path, "images: [a.raw]\n", "a.raw"), *options)
    assert run.returncode == 2
    assert words in run.stderr
    assert "imgtool: hint: " in run.stderr
