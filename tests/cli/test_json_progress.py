"""`--progress json`: every line of stderr is an object, whatever happens."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.batches import task
from support.cli import imgtool
from support.in_process import imgtool_here

from imgtool.cli import json_progress
from imgtool.cli.json_progress import JsonBatch, JsonProgress
from imgtool.model.batch import TaskRecord


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "data.raw"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", path, "16M"], check=True)
    return path


@pytest.mark.parametrize("option", [["--progress", "json"], ["--progress=json"], ["-p", "json"]])
def test_a_conversion_tells_how_far_it_is(option: list[str], raw: Path) -> None:
    run = imgtool("convert", *option, raw, raw.with_suffix(".qcow2"))
    assert run.returncode == 0
    told = objects(run.stderr)
    assert {one["message_type"] for one in told} == {"status"}
    states = [one for one in told if one["message_type"] == "status" and one["stage"] == "convert"]
    assert set(states[0]) == {
        "message_type", "stage", "seconds_elapsed", "seconds_remaining", "percent_done", "bytes_done",
        "total_bytes",
    }  # fmt: skip
    assert (states[0]["percent_done"], states[-1]["percent_done"]) == (0.0, 1.0)
    assert states[-1]["bytes_done"] == states[-1]["total_bytes"] > 0


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["inspect", "/no/such.raw"], 3, "image-unreadable"),
        (["inspect", "/no/such.raw", "--nonsense"], 2, "usage"),
        (["convert", "/no/such.raw", "x.raw"], 3, "image-unreadable"),
        (["check", "x", "-v"], 2, "usage"),
        (["batch", "/no/such.yaml", "-v"], 2, "usage"),
    ],
)
def test_an_error_is_an_object_too(words: list[str], status: int, code: str) -> None:
    run = imgtool_here(*words, "--progress", "json")
    assert (run.returncode, run.stdout) == (status, "")
    lines = [line for line in run.stderr.splitlines() if " INFO " not in line and " ERROR " not in line]
    told = json.loads(lines[-1])
    assert (told["message_type"], told["code"], told["exit_status"]) == ("error", code, status)
    assert told["message"]
    assert told["hint"]


def test_an_error_is_an_object_where_the_environment_asks_for_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IMGTOOL_INSPECT_PROGRESS", "json")
    run = imgtool_here("inspect", "/no/such.raw")
    assert objects(run.stderr)[-1]["exit_status"] == 3
    monkeypatch.delenv("IMGTOOL_INSPECT_PROGRESS")
    assert imgtool_here("inspect", "/no/such.raw").stderr.startswith("imgtool: error: ")


def test_notices_are_objects(raw: Path, tmp_path: Path) -> None:
    """What is said of a baseline, for one; with colours it would be no text for a program."""
    file = tmp_path / "baseline.json"
    imgtool_here("check", raw, "--write-baseline", file)
    run = imgtool_here("check", raw, "--policy", "data", "--baseline", file, "-p", "json")
    (notice,) = [one for one in objects(run.stderr) if one["message_type"] == "notice"]
    assert "known finding is gone" in notice["message"]
    assert run.stdout.startswith("PASS  ")


def test_a_batch_tells_each_image(raw: Path) -> None:
    (raw.parent / "out").mkdir()
    manifest = raw.parent / "images.yaml"
    manifest.write_text("defaults: {output: out/}\nimages: [data.raw, {source: missing.raw, retries: 0}]\n")
    run = imgtool("batch", manifest, "--progress", "json")
    assert run.returncode == 7
    told = objects(run.stderr)
    ended = {one["image"]: one["state"] for one in told if one["message_type"] == "image"}
    assert ended == {"data": "done", "missing": "refused"}
    states = [one for one in told if one["message_type"] == "status"]
    assert (states[0]["images_done"], states[0]["total_images"]) == (0, 2)
    last = states[-1]
    assert (last["images_done"], last["images_failed"], last["percent_done"], last["current"]) == (
        2,
        1,
        1.0,
        [],
    )
    assert {one["stage"] for one in told if one["message_type"] == "stage"} >= {"convert"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("time.monotonic", made)
    return made


def test_what_was_there_is_no_speed(clock: Clock) -> None:
    told: list[Any] = []
    watcher = JsonBatch(told.append)
    watcher.begin(12, 1)
    for number in range(10):
        watcher.ended(task(str(number)), TaskRecord(str(number), "skipped"))
    watcher.event(task("a"), {"attempt": 1})
    clock.now += 30
    watcher.event(task("a"), {"meter": "convert", "done": 5, "total": 10})
    assert told[-1]["seconds_remaining"] is None
    assert told[-1]["current"] == [
        {
            "image": "a",
            "stage": "convert",
            "attempt": 1,
            "bytes_done": 5,
            "total_bytes": 10,
            "percent_done": 0.5,
        }
    ]
    watcher.ended(task("a"), TaskRecord("a", "done"))
    watcher.event(task("b"), {"attempt": 1})
    clock.now += 1
    watcher.event(task("b"), {"stage": "convert", "detail": "x"})
    assert told[-1]["seconds_remaining"] == 31.0
    assert (told[-1]["images_skipped"], told[-1]["images_done"]) == (10, 11)
    watcher.notice("the end")
    watcher.close()
    assert told[-1] == {"message_type": "notice", "message": "the end"}


def test_a_status_comes_now_and_then(clock: Clock) -> None:
    told: list[Any] = []
    progress = JsonProgress(told.append)
    clock.now += 7
    with progress.meter("convert", 1000) as meter:
        for _ in range(100):
            clock.now += json_progress.STATUS_SECONDS / 10
            meter.advance(10)
    assert 10 <= len(told) <= 12
    assert [one["percent_done"] for one in (told[0], told[-1])] == [0.0, 1.0]
    assert told[0]["seconds_elapsed"] == 7.0
    with progress.meter("unpack", None) as meter:
        meter.advance(5)
    assert (told[-1]["percent_done"], told[-1]["bytes_done"], told[-1]["total_bytes"]) == (1.0, 5, 5)
    assert told[-2]["total_bytes"] is None


def test_no_command_has_bars_alone() -> None:
    """Each takes what `watch` gives it: bars, or objects."""
    commands = Path(json_progress.__file__).with_name("commands")
    assert [one.name for one in commands.glob("*.py") if "TerminalProgress" in one.read_text()] == []
