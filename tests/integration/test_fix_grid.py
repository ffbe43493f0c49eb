"""Debian guests of each kind repair each kind of fault.

IMGTOOL_FIX=all tries every case. IMGTOOL_FIX=chain does so too, but the faults that a guest has one at a time
come one after the other, each in what came of the repair before, and only the last is booted. With
IMGTOOL_FIX=pairs any two of a release, a program that makes the initramfs, a root, a firmware and a fault
come together. Without it, --whole-series boots what came of all faults at once, and tries two more.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest
from support.cli import imgtool
from support.fix_faults import ALWAYS, FAULTS, INITRAMFS, Fault, files_of
from support.fix_grid import CELLS, Cell, OpenGuest, fsck, opened, packages_of, taken_while_it_ran, tree
from support.pairs import with_every_pair

PATIENCE_SECONDS = 1500
WAY = os.environ.get("IMGTOOL_FIX")
AT_ONCE = tuple(
    fault for fault in FAULTS.values() if not fault.alone and (WAY or fault.changes is not INITRAMFS)
)
"""To make an initramfs takes minutes by TCG: a full run does so once, where it is damaged."""
ONE = Cell("bookworm", "initramfs-tools", "ext4", "bios")
CHEAP = replace(ONE, firmware="uefi")
CASES = tuple((*astuple(cell), check) for cell in CELLS for check in FAULTS)
Row = tuple[Cell, tuple[Fault, ...]]
"""A guest, and the faults that it repairs one after the other."""


def guests() -> tuple[Cell, ...]:
    """Those that repair all faults at once."""
    match WAY:
        case "all" | "chain":
            return CELLS
        case "pairs":
            return tuple(Cell(*row) for row in with_every_pair([astuple(cell) for cell in CELLS]))
    return (ONE,)


def one_by_one() -> list[Row]:
    """Guests with one fault at a time."""
    match WAY:
        case "all":
            rows = CASES
        case "chain":
            return [row for cell in CELLS for row in _chains(cell)]
        case "pairs":
            rows = with_every_pair(CASES)
        case _:
            return [(CHEAP, (FAULTS["initramfs-intact"],))]
    return [(Cell(*kind), (FAULTS[check],)) for *kind, check in rows]


def _chains(cell: Cell) -> list[Row]:
    """What makes the initramfs first: the boot at the end has to show what came of it."""
    booted = sorted(
        (fault for fault in FAULTS.values() if fault.boots), key=lambda one: one.changes is not INITRAMFS
    )
    return [(cell, tuple(booted)), *((cell, (fault,)) for fault in FAULTS.values() if not fault.boots)]


def chosen_by(value: Cell | tuple[Fault, ...]) -> str:
    """By what a case is chosen."""
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value)


def spoilt(
    good: Path, cell: Cell, faults: Sequence[Fault], folder: Path
) -> tuple[Path, dict[str, str], set[str]]:
    """A copy of a good image, with these faults; its files; and those of the packages handed over."""
    image, handed = folder / "old.raw", folder / "handed"
    subprocess.run(["cp", "--sparse=always", good, image], check=True)
    image.chmod(0o644)
    handed.mkdir()
    with opened(image, cell, folder / "guest") as guest:
        packages = _packages(guest, faults)
        for fault in faults:
            fault.spoil(guest)
        for package in packages:
            shutil.copy(package, handed)
        ran = any(fault.while_running for fault in faults)
        if ran:
            taken_while_it_ran(guest, folder / "taken.raw")
        before = tree(guest)
    if ran:
        (folder / "taken.raw").rename(image)
    return image, before, {file for package in packages for file in files_of(package)}


def _packages(guest: OpenGuest, faults: Sequence[Fault]) -> list[Path]:
    names = [fault.package for fault in faults if fault.package is not None]
    return [one for name in names for one in packages_of(guest, name)]


def repaired(cell: Cell, faults: Sequence[Fault], folder: Path, good: Path, *, boot: bool = True) -> Path:
    """The image that a good one becomes by these faults and their repair; nothing else in it has changed."""
    image, before, brought = spoilt(good, cell, faults, folder)
    digest = sha256(image)
    target = folder / "new.raw"
    words = ["fix", image, target, "--output", "json", "--timeout", str(PATIENCE_SECONDS)]
    if any(fault.package for fault in faults):
        words += ["--repository", folder / "handed"]
    boots = boot and all(fault.boots for fault in faults)
    words.append("--boot" if boots else "--no-boot")
    run = imgtool(*map(str, words), timeout=3 * PATIENCE_SECONDS)
    found = json.loads(run.stdout)
    assert run.returncode == 0, told(found, run.stderr)
    assert found["machine"]["clean"]
    assert [one["answered"] for one in found["boots"]] == [True][:boots]
    # XFS shows what its log holds only after the first mount, and then a second machine repairs it.
    done = {check for one in found["repairs"] for check in one["checks"]}
    assert done >= {fault.check for fault in faults if fault.check not in HIDDEN or len(faults) == 1}
    assert sha256(image) == digest
    judged = imgtool("check", target, "--output", "json")
    assert judged.returncode == 0
    outcomes = {one["check"]: one["outcome"] for one in json.loads(judged.stdout)["results"][0]["findings"]}
    assert {outcomes[fault.check] for fault in faults} == {"pass"}, outcomes
    fsck(target, cell)
    with opened(target, cell, folder / "guest", writable=False) as guest:
        after = tree(guest)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    named = tuple(prefix for fault in faults for prefix in fault.changes)
    other = [name for name in changed if not f"{name}/".startswith((*ALWAYS, *named))]
    assert [name for name in sorted(other) if name not in brought and "__pycache__" not in name] == []
    return target


def told(found: dict[str, Any], log: str) -> str:
    """What went wrong."""
    failed = [one for one in found.get("repairs", ()) if one["status"] != 0]
    shown = [
        found.get("problem") or found.get("error"),
        *(line for one in failed for line in (one["title"], one["status"], *one["output"])),
        found.get("machine"),
        *(one for one in found.get("after") or () if one["outcome"] not in {"pass", "skipped"}),
        *((one["diagnosis"], one["cloud_init"]) for one in found.get("boots", ())),
        log,
    ]
    return "\n".join(map(str, shown))


HIDDEN = {"guest-agent-enabled", "cloud-init-enabled", "cloud-init-clean", "virtio-initramfs"}
"""What another fault hides, where there are several."""


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.series(1 if WAY else 0)
@pytest.mark.parametrize("cell", guests(), ids=str)
def test_all_faults_at_once_are_repaired(cell: Cell, tmp_path: Path) -> None:
    repaired(cell, AT_ONCE, tmp_path, cell.image())


@pytest.mark.series(1 if WAY else 0)
@pytest.mark.parametrize(("cell", "faults"), one_by_one(), ids=chosen_by)
def test_a_fault_of_each_kind_is_repaired(cell: Cell, faults: tuple[Fault, ...], tmp_path: Path) -> None:
    good = cell.image()
    for number, fault in enumerate(faults, 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        good = repaired(cell, (fault,), folder, good, boot=WAY is not None and number == len(faults))
        shutil.rmtree(tmp_path / str(number - 1), ignore_errors=True)


@pytest.mark.series(1 if WAY else 0)
def test_a_fault_that_another_one_hides_is_repaired_as_well(tmp_path: Path) -> None:
    """Where UEFI finds no loader, nobody knows what the loader's menu says: fstab-stable has two repairs."""
    hidden = (FAULTS["uefi-fallback"], FAULTS["fstab-stable"])
    repaired(CHEAP, hidden, tmp_path, CHEAP.image(), boot=WAY is not None)
