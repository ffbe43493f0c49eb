"""What imgtool says of an image without starting it, against what becomes of it when it is started.

These are twelve rows of the table that `scripts/boot-table` runs as a whole; a full run tries half of them.
Good images pass and come up; spoiled ones fail by what was spoiled, and stop for that cause. Each row is one
boot under QEMU.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from boot_table import run, table
from boot_table.bases import Bases
from boot_table.model import UP, Outcome, Row
from boot_table.rows import ROWS
from support.cli import imgtool

PATIENCE_SECONDS = 1200
"""On an idle machine a good image takes 15 to 40 seconds; tests have neighbours."""
QUICK = [replace(row, patience_seconds=PATIENCE_SECONDS) for row in ROWS if row.quick]
GOOD = [row for row in QUICK if row.end == UP]
SPOILED = [row for row in QUICK if row.end != UP]
AS_QCOW2 = {"grub-bios", "dracut", "lvm"}
"""Bases that are started in that form."""
FAILS = {
    "grub-uefi: the vendor's loader only": "uefi-fallback",
    "grub-uefi: no kernel": "boot-loader",
    "grub-uefi: another root": "root-resolves",
    "grub-bios: the initramfs ends early": "initramfs-intact",
    "grub-bios: no virtio in the initramfs": "virtio-initramfs",
    "grub-bios: the agent is masked": "guest-agent-enabled",
}
"""The check that fails without a boot."""


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return Bases(tmp_path_factory.mktemp("bases"))


@dataclass(frozen=True)
class Made:
    """A row, and its image."""

    row: Row
    image: Path


@pytest.fixture
def made(request: pytest.FixtureRequest, bases: Bases, tmp_path: Path) -> Iterator[Made]:
    """A copy of the base, gone after the test."""
    row: Row = request.param
    image = run.make(row, bases.image(row.base), tmp_path)
    yield Made(row, image)
    image.unlink()


def in_form(made: Made) -> Path:
    """The image itself, or the same disk as a qcow2."""
    if made.row.base not in AS_QCOW2:
        return made.image
    target = made.image.with_suffix(".qcow2")
    assert imgtool("convert", made.image, target).returncode == 0
    return target


@pytest.mark.series(2)
@pytest.mark.parametrize("made", GOOD, ids=str, indirect=True)
def test_what_passes_comes_up(made: Made) -> None:
    row, image = made.row, in_form(made)
    options = ("--boot", "--bus", row.bus, "--boot-timeout", str(row.patience_seconds), "--output", "json")
    done = imgtool("check", image, *options, timeout=2 * row.patience_seconds)
    (result,) = json.loads(done.stdout)["results"]
    (boot,) = result["boots"]
    assert boot["answered"], boot["diagnosis"]
    assert (boot["bus"], boot["firmware"]) == (row.bus, row.by)
    outcome = Outcome(row, run.foretold(run.inspect(image), row), run.seen(result), boot["seconds"])
    assert outcome.agrees, table.text(outcome)
    not_passed = {one["check"] for one in result["findings"] if one["outcome"] not in {"pass", "skipped"}}
    assert not_passed <= {"root-grows"}  # the image on Btrfs has no btrfs-progs
    passed = {one["check"] for one in result["findings"] if one["outcome"] == "pass"}
    assert passed >= {f"boots-on-{row.bus}", "agent-answers", "cloud-init-runs", "boot-agrees"}
    assert done.returncode == 0


@pytest.mark.series(2)
@pytest.mark.parametrize("made", SPOILED, ids=str, indirect=True)
def test_what_fails_stops_where_the_inspection_says(made: Made) -> None:
    row, image = made.row, made.image
    checked = imgtool("check", image, "--boot", "--output", "json")
    (result,) = json.loads(checked.stdout)["results"]
    assert FAILS[str(row)] in {one["check"] for one in result["findings"] if one["outcome"] == "fail"}
    assert checked.returncode == 1
    assert "boots" not in result, "what fails already is not started"

    document = run.boot(row, image)
    outcome = Outcome(row, run.foretold(run.inspect(image), row), run.seen(document), 0)
    assert outcome.agrees, table.text(outcome)
    (boot,) = document["boots"]
    assert boot["diagnosis"]["evidence"]
    assert boot["diagnosis"]["remedy"]
    assert boot["seconds"] < row.patience_seconds, "its end shows before its time is over"
    outcomes = {one["check"]: one["outcome"] for one in document["findings"]}
    silent = {"fail"} if boot["doubt"] is None else {"fail", "unknown"}  # a time-out on a busy machine
    assert outcomes["boots-on-virtio-blk"] in ({"pass"} if row.end == "agent" else silent)
    assert outcomes["agent-answers"] in silent
