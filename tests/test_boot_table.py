"""scripts/boot-table: what counts as agreement, and how it ends. tests/integration boots some of its rows."""

import argparse
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from boot_table import cli, table
from boot_table.bases import Bases
from boot_table.model import Foretold, Outcome, Row, Seen
from boot_table.rows import ROWS
from boot_table.run import RowError, foretold, seen

SCRIPT = Path(__file__).parents[1] / "scripts/boot-table"
STAGES = ("firmware", "boot-loader", "kernel", "initramfs", "user-space", "agent")
ROW = Row("no root", "grub-uefi", "root", cause="is not on it")
STOPPED = Seen("initramfs", STAGES[:4], "the root is not on it", 12.3, None, ())
CAME_UP = Seen("up", STAGES, "", 20.0, None, ())


def outcome(row: Row = ROW, said: str = "root", was: Seen = STOPPED) -> Outcome:
    return Outcome(row, Foretold(said, "in words"), was, 30.0)


def seen_as(**changed: Any) -> Seen:
    return Seen(**{**STOPPED.__dict__, **changed})


# ---------------------------------------------------------------- agreement


@pytest.mark.parametrize(
    ("row", "said", "was"),
    [
        (ROW, "root", STOPPED),
        (ROW, "root", seen_as(reached=STAGES[:3])),
        (Row("good", "grub-bios"), "up", CAME_UP),
        (Row("silent", "lvm", "agent"), "agent", seen_as(end="agent", reached=STAGES[:5])),
        (Row("alone", "lvm", "cloud-init"), "cloud-init", seen_as(end="cloud-init", reached=STAGES)),
    ],
)
def test_what_agrees(row: Row, said: str, was: Seen) -> None:
    assert outcome(row, said, was).troubles == ()


@pytest.mark.parametrize(
    ("said", "was", "trouble"),
    [
        ("up", STOPPED, "foretold up (in words), the row says root"),
        ("unknown: root", STOPPED, "foretold unknown: root (in words), the row says root"),
        ("root", seen_as(end="kernel"), "seen kernel (the root is not on it), the row says initramfs"),
        ("root", seen_as(cause="it hangs"), "seen 'it hangs', the row says 'is not on it'"),
        ("root", seen_as(reached=("firmware", "kernel")), "boot-loader was not seen"),
        ("root", seen_as(reached=STAGES[:5]), "user-space was reached"),
        ("root", seen_as(differences=("boot-agrees: kernel",)), "boot-agrees: kernel"),
    ],
)
def test_what_does_not(said: str, was: Seen, trouble: str) -> None:
    one = outcome(said=said, was=was)
    assert not one.agrees
    assert one.troubles == (trouble,)


def path(*steps: tuple[str, str], firmware: str = "uefi") -> Mapping[str, Any]:
    buses = {"initramfs": {"buses": ["virtio-scsi"]}}
    told = [{"step": name, "outcome": end, "summary": "", **buses.get(name, {})} for name, end in steps]
    other = {"firmware": "bios", "used": False, "steps": []}
    return {"guest": {"boot": [other, {"firmware": firmware, "used": True, "steps": told}]}}


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ((("firmware", "goes-on"), ("agent", "goes-on")), "up"),
        ((("firmware", "goes-on"), ("entry", "waits"), ("agent", "stops")), "entry"),
        ((("cloud-init", "stops"), ("agent", "goes-on")), "cloud-init"),
        ((("cloud-init", "stops"), ("agent", "stops")), "agent"),
        ((("cloud-init", "stops"), ("agent", "unknown")), "unknown: agent"),
        ((("initramfs", "goes-on"), ("agent", "goes-on")), "initramfs"),
    ],
)
def test_what_is_foretold(steps: tuple[tuple[str, str], ...], end: str) -> None:
    assert foretold(path(*steps), ROW).end == end


def test_another_bus_is_reached_and_another_firmware_is_not_the_row_s() -> None:
    there = path(("initramfs", "goes-on"))
    assert foretold(there, Row("scsi", "grub-uefi", bus="virtio-scsi")).end == "up"
    assert foretold(path(firmware="bios"), ROW).end == "unknown: firmware"


def booted(**changed: Any) -> Mapping[str, Any]:
    stages = [{"stage": one, "seconds": 1.0} for one in STAGES]
    run = {"answered": True, "diagnosis": None, "cloud_init": {"done": True}, "stages": stages}
    return {"boots": [{**run, "seconds": 20.0, "differences": [], **changed}]}


def test_what_is_seen() -> None:
    assert seen(booted()) == CAME_UP
    assert seen(booted(cloud_init=None)).end == "cloud-init"
    silent = booted(answered=False, diagnosis={"stage": "agent", "cause": "it does not answer"})
    assert (seen(silent).end, seen(silent).cause) == ("agent", "it does not answer")
    differs = booted(differences=[{"fact": "kernel", "inspected": "1", "booted": "2"}])
    assert seen(differs).differences == ("boot-agrees: kernel: read 1, running 2",)


# ---------------------------------------------------------------- the rows


def test_the_rows_are_many_and_each_has_a_name_of_its_own() -> None:
    assert len(ROWS) >= 40
    assert len({str(row) for row in ROWS}) == len(ROWS)
    assert {row.by for row in ROWS} == {"bios", "uefi"}
    assert {row.bus for row in ROWS} == {"virtio-blk", "virtio-scsi"}
    steps = {"firmware", "loader", "entry", "kernel", "initramfs", "root", "init", "target", "agent"}
    assert {row.end for row in ROWS} == {*steps, "cloud-init", "up"}


# ---------------------------------------------------------------- the command


def test_it_explains_itself_and_lists_rows() -> None:
    shown = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=False)
    assert (shown.returncode, "--markdown" in shown.stdout) == (0, True)
    rows = subprocess.run([SCRIPT, "--list", "--only", "lvm"], capture_output=True, text=True, check=False)
    assert rows.stdout == "lvm: as it is built: up\n"


@pytest.mark.parametrize("options", [["--only", "no such row"], ["--jobs", "0"], ["extra"]])
def test_it_refuses_what_makes_no_sense(options: list[str]) -> None:
    assert subprocess.run([SCRIPT, *options], capture_output=True, check=False).returncode == 2


def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *answers: Outcome | Exception) -> int:
    """The exit status where rows end so, one after the other."""
    left = list(answers)

    def run_row(row: Row, _bases: Bases) -> Outcome:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Outcome(row, answer.foretold, answer.seen, answer.seconds)

    monkeypatch.setattr(cli, "run_row", run_row)
    options = argparse.Namespace(dir=tmp_path, jobs=1, markdown=True)
    status = cli.run([ROW], options)
    assert left == []
    return status


def test_it_ends_with_0_where_all_agree(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert running(monkeypatch, tmp_path, outcome()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "| grub-uefi: no root | UEFI | virtio-blk | root | initramfs | yes | 12 |" in lines
    assert lines[-1] == "1 of 1 rows agree"


def test_a_row_that_does_not_agree_and_one_without_an_answer_end_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert running(monkeypatch, tmp_path, outcome(said="up")) == 1
    assert "    foretold up (in words), the row says root" in capsys.readouterr().out.splitlines()
    assert running(monkeypatch, tmp_path, RowError("imgtool boot: no QEMU")) == 1
    assert "0 of 1 rows agree; 1 could not be run" in capsys.readouterr().out


def test_a_row_in_doubt_is_run_once_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    doubted = outcome(was=seen_as(end="kernel", doubt="a busy machine"))
    assert running(monkeypatch, tmp_path, doubted, outcome()) == 0
    assert running(monkeypatch, tmp_path, doubted, doubted) == 1
    assert "in doubt: a busy machine" in table.text(doubted)
