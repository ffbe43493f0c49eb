"""Sixty images, from a golden one to a hostile one, in one batch: to the end, and killed twenty times."""

import json
import os
import random
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support import sixty
from support.cli import IMGTOOL, imgtool
from support.cloud import Devcloud
from support.glance_client import images_that_begin_with
from support.processes import processes_in
from support.sixty import Sixty

KILLS = 20
SEED = 60
MINUTE = 60.0


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Sixty:
    return sixty.make(tmp_path_factory.mktemp("sixty") / "images")


@pytest.fixture
def place(tmp_path: Path, devcloud: Devcloud, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the batch is; temporary files of everybody go into a folder of its own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path


def prefix_of(place: Path) -> str:
    return f"sixty {os.getpid()} {place.name}"


def result(output: str, prefix: str) -> dict[str, dict[str, Any]]:
    """What became of each, by the source's stem."""
    return {one["name"].removeprefix(f"{prefix} "): one for one in json.loads(output)["images"]}


def assert_exactly_once(images: Sixty, prefix: str) -> None:
    """In Glance: all the good ones, nothing else, and each is active."""
    found = images_that_begin_with(prefix)
    assert Counter(one["name"] for one in found) == {f"{prefix} {stem}": 1 for stem in images.named("done")}
    assert {one["status"] for one in found} == {"active"}


def assert_tidy(place: Path) -> None:
    assert processes_in(place) == []
    assert list((place / "tmp").iterdir()) == []
    assert sorted(path.name for path in place.iterdir() if path.name != "state") == [
        "images.yaml",
        "images.yaml.journal",
        "tmp",
    ]


def test_all_of_them_end_and_the_bad_ones_are_explained(images: Sixty, place: Path) -> None:
    prefix = prefix_of(place)
    done = imgtool("batch", images.manifest(place / "images.yaml", prefix), "--output", "json")
    assert done.returncode == 7, done.stderr
    found = result(done.stdout, prefix)
    assert {stem: one["state"] for stem, one in found.items()} == images.expected
    for stem in [*images.named("check-failed"), *images.named("refused")]:
        error = found[stem]["error"]
        assert error["message"], stem
        assert error["hint"], stem
        assert found[stem]["exit_status"] == {"check-failed": 1, "refused": 3}[images.expected[stem]], stem
    assert_exactly_once(images, prefix)
    assert_tidy(place)


def test_killed_twenty_times_it_makes_the_same_images_exactly_once_each(images: Sixty, place: Path) -> None:
    prefix = prefix_of(place)
    manifest = images.manifest(place / "images.yaml", prefix)
    moments = random.Random(SEED)
    killed = [_killed_after(manifest, moments.uniform(0.2, 1.6)) for _ in range(KILLS)]
    assert killed == [True] * KILLS
    done = imgtool("batch", manifest, "--output", "json")
    found = {stem: one["state"] for stem, one in result(done.stdout, prefix).items()}
    assert {stem: "done" if one == "skipped" else one for stem, one in found.items()} == images.expected
    assert_exactly_once(images, prefix)
    assert_tidy(place)


def _killed_after(manifest: Path, seconds: float) -> bool:
    """Whether it still ran when it was killed; what it left is looked at, and waited for."""
    with subprocess.Popen(
        [IMGTOOL, "batch", manifest, "--progress", "never"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as batch:
        time.sleep(seconds)
        running = batch.poll() is None
        batch.kill()
    deadline = time.monotonic() + MINUTE
    while processes_in(manifest.parent):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    journal = manifest.with_name(f"{manifest.name}.journal")
    if journal.exists():
        standing = imgtool("batch", "--status", journal, "--output", "json")
        assert standing.returncode == 0, standing.stderr
        json.loads(standing.stdout)
    return running
