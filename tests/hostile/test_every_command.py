"""Every hostile image, by every command: status 3, one line, no output, and nothing of the host is opened.

What was opened is the kernel's word (strace): the image, and files of the program. No other program ran.
"""

import re
import resource
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.hostile import CLUSTER_ROWS, INFLATED_ROWS, ROWS
from support.hostile.rows import Hostile
from support.traced import Traced, lines_of_error, traced

MAX_CPU_SECONDS = 2.0
COMMANDS: dict[str, Sequence[str]] = {
    "convert": ("convert", "IMAGE", "OUT", "-O", "raw"),
    "convert by qemu-img": ("convert", "IMAGE", "OUT", "--engine", "qemu-img"),
    "convert as it is": ("convert", "IMAGE", "OUT", "-O", "raw", "--force"),
    "convert as it is by qemu-img": ("convert", "IMAGE", "OUT", "--engine", "qemu-img", "--force"),
    "inspect": ("inspect", "IMAGE"),
    "check": ("check", "IMAGE", "--report", "text=REPORT"),
    "upload": ("upload", "IMAGE", "--cloud", "none-such", "--dry-run"),
    "prepare": ("prepare", "IMAGE", "-O", "qcow2", "--cloud", "none-such", "--dry-run"),
}
AS_IT_IS = ("convert as it is", "convert as it is by qemu-img")
EACH = [name for name in COMMANDS if name not in AS_IT_IS]
GATE = [(name, EACH[number % len(EACH)]) for number, name in enumerate(ROWS)]
"""Each row by one of the commands in turn: that they all use the one gate is test_wherever_it_comes_from."""
CLUSTERS = [
    (name, EACH[(number + turn) % len(EACH)]) for turn in (0, 1) for number, name in enumerate(CLUSTER_ROWS)
]
INFLATED = [(name, command) for name in INFLATED_ROWS for command in AS_IT_IS]
"""Without --force `qemu-img check` of a qcow2 says it first."""


@contextmanager
def two_seconds() -> Iterator[None]:
    """Of the processor, for imgtool and strace together."""
    before = _cpu_seconds()
    yield
    assert _cpu_seconds() - before < MAX_CPU_SECONDS


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command: str, image: Path, folder: Path) -> Traced:
    places = {"IMAGE": image, "OUT": folder / "out", "REPORT": folder / "report.txt"}
    words = [places.get(word, word) for word in COMMANDS[command]]
    words = [str(word).replace("REPORT", str(places["REPORT"])) for word in words]
    with two_seconds():
        return traced(*words, trace=folder / "trace", cwd=folder)


@pytest.mark.series(3)
@pytest.mark.parametrize(("name", "command"), [*GATE, *CLUSTERS, *INFLATED])
def test_it_is_refused(name: str, command: str, hostile: Hostile, canary: Path, tmp_path: Path) -> None:
    says = {**ROWS, **CLUSTER_ROWS, **INFLATED_ROWS}[name][1]
    (tmp_path / "in").mkdir()
    image = hostile(name, tmp_path / "in")
    found = run(command, image, tmp_path)
    assert_refused(found.run, command, says)
    assert found.executed == ()
    assert str(canary) not in found.read
    assert found.read - of_the_report(tmp_path, found) <= {str(image)}
    assert_nothing_left(found, command, tmp_path)
    assert "CANARY" not in said(found, tmp_path)


def assert_refused(run: "subprocess.CompletedProcess[str]", command: str, says: str) -> None:
    assert run.returncode == 3, run.stderr
    assert "Traceback" not in run.stderr
    if command == "check":  # its result says so, and is a result
        assert re.search(says, run.stdout)
        return
    (line,) = lines_of_error(run)
    assert re.search(says, line)
    assert run.stdout == ""


def of_the_report(folder: Path, found: Traced) -> set[str]:
    """What is opened to sync a report that is written."""
    return {str(folder), *found.written}


def assert_nothing_left(found: Traced, command: str, folder: Path) -> None:
    """Nothing was opened for writing but a target or a report, as a file without a name."""
    assert found.written <= {str(folder)}
    assert {path.name for path in folder.iterdir()} - {"report.txt"} == {"in", "trace"}
    assert (folder / "report.txt").exists() == (command == "check")


def said(found: Traced, folder: Path) -> str:
    report = folder / "report.txt"
    return found.run.stdout + found.run.stderr + (report.read_text() if report.exists() else "")
