"""`imgtool check` as a person sees it: what needs attention, a verdict each, totals; colours and widths."""

import json
import os
import pty
import re
import signal
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.cli import IMGTOOL
from support.fixtures import fixture_path
from support.in_process import imgtool_here

from imgtool.cli import side_by_side

NO_SYSTEM = "cannot be judged: no Linux or Windows system was found on this disk (only data is on it)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One image that passes, one that passes with a warning, data alone, and what is no image."""
    path = tmp_path_factory.mktemp("check")
    for name, called in (("fedora-42", "good.raw"), ("ext4-gpt", "warned.raw"), ("data-disk", "data.raw")):
        subprocess.run(["cp", "--sparse=always", fixture_path(name), path / called], check=True)
    (path / "notes.txt").write_text("no disk at all\n" * 99)
    return path


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the working directory."""
    monkeypatch.chdir(folder)
    return folder


def test_a_good_image_is_one_line(inside: Path) -> None:
    run = imgtool_here("check", "good.raw")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "PASS  good.raw: 37 checks passed\n"


def test_what_needs_attention_then_the_verdict(inside: Path) -> None:
    lines = imgtool_here("check", "warned.raw").stdout.splitlines()
    assert lines[0] == str(inside / "warned.raw")
    assert lines[1].split()[:2] == ["warning", "root-grows"]
    assert lines[-1] == "PASS  warned.raw: 36 checks passed, 1 warning"
    assert not any(line.startswith("  pass ") for line in lines)


@pytest.mark.parametrize("jobs", [[], ["-j1"], ["-j", "3"]], ids=["cores", "one", "three"])
def test_several_images_have_a_line_each_and_totals(jobs: list[str], inside: Path) -> None:
    names = ["good.raw", "data.raw", "warned.raw", "notes.txt", "missing.raw", "good.raw"]
    run = imgtool_here("check", *names, *jobs, "--report", "json=r.json")
    assert run.returncode == 3
    verdicts = [line for line in run.stdout.splitlines() if line.startswith(("PASS", "FAIL"))]
    assert sorted(line.split()[1].rstrip(":") for line in verdicts) == sorted(names)
    assert run.stdout.splitlines()[-2:] == ["", "6 images: 3 pass, 3 fail"]
    reported = [Path(one["image"]).name for one in json.loads((inside / "r.json").read_text())["results"]]
    assert reported == names


def test_images_are_told_as_they_are_judged(folder: Path) -> None:
    """What waits for its file keeps nobody else from being told."""
    argv = [IMGTOOL, "check", "-q", "-j2", "-", "good.raw"]
    done = subprocess.run(argv, cwd=folder, input=b"", capture_output=True, check=False)
    assert done.stdout.splitlines()[0].startswith(b"FAIL  -: ")  # stdin has one reader: one by one, in order
    order = [position for position, _ in side_by_side.completed(_wait, [0.5, 0.0, 0.2], 3)]
    assert order == [1, 2, 0]


def _wait(seconds: float) -> float:
    import time  # noqa: PLC0415 - only here

    time.sleep(seconds)
    return seconds


def test_an_error_of_one_ends_all() -> None:
    def fail(number: int) -> int:
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"\d"):
        list(side_by_side.completed(fail, range(5), 2))


def test_an_interruption_ends_all_of_them(folder: Path) -> None:
    """Within seconds, with nothing left; those that were judged have been told."""
    argv = [IMGTOOL, "check", "-j4", *["good.raw"] * 60]
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(4) == b"PASS"
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=side_by_side.ENDING_SECONDS * 2)
    assert child.returncode == 130
    assert errors.strip() == b"imgtool: error: interrupted"


def test_verdicts_alone(inside: Path) -> None:
    run = imgtool_here("check", "-q", "-j1", "warned.raw", "data.raw", "notes.txt", "-p", "always")
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "PASS  warned.raw: 36 checks passed, 1 warning",
        f"FAIL  data.raw: {NO_SYSTEM}",
        "FAIL  notes.txt: not a disk image: it is ASCII text",
        "",
        "3 images: 1 pass, 2 fail",
    ]


def test_all_checks_with_v(inside: Path) -> None:
    run = imgtool_here("check", "-v", "warned.raw")
    assert sum(line.startswith("  pass ") for line in run.stdout.splitlines()) == 36
    assert run.stdout.splitlines()[-2:] == ["", "PASS  warned.raw: 36 checks passed, 1 warning"]
    assert " INFO imgtool.pipeline.judge: " in run.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-q", "-v"], "-q and -v exclude each other"),
        (["--boot", "-j", "2"], "--jobs cannot be used with --boot"),
        (["-j", "0"], "'--jobs'"),
    ],
)
def test_options_that_exclude_each_other(options: list[str], words: str, folder: Path) -> None:
    run = imgtool_here("check", folder / "good.raw", *options)
    assert (run.returncode, run.stdout) == (2, "")
    assert words in run.stderr
    assert "imgtool: hint: " in run.stderr


def test_a_baseline_counts_as_images_are_told(inside: Path, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    first = imgtool_here("check", "warned.raw", "data.raw", "-q", "--write-baseline", file)
    again = imgtool_here("check", "warned.raw", "data.raw", "-q", "--baseline", file)
    for run in (first, again):
        assert run.returncode == 0
        assert "1 known" in run.stdout
        assert run.stdout.splitlines()[-1] == "2 images: 2 pass"


COLOURS: list[tuple[Mapping[str, str], bool]] = [
    ({}, False),
    ({"FORCE_COLOR": "1"}, True),
    ({"CLICOLOR_FORCE": "1"}, True),
    ({"FORCE_COLOR": "0"}, False),
    ({"CLICOLOR_FORCE": "1", "CLICOLOR": "0"}, True),
    ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
]


@pytest.mark.parametrize(("environment", "coloured"), COLOURS)
def test_colour_without_a_terminal(
    environment: Mapping[str, str], *, coloured: bool, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    run = imgtool_here("check", "notes.txt")
    assert ("\x1b[31m" in run.stdout) is coloured


def on_a_terminal(folder: Path, width: int, *words: str, **environment: str) -> str:
    """What a terminal of that width gets on stdout and stderr."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, width))
    kept = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "NO_COLOR"}}
    argv = [IMGTOOL, *words]
    with subprocess.Popen(
        argv, cwd=folder, stdout=theirs, stderr=theirs, env={**kept, "TERM": "xterm", **environment}
    ) as child:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 1 << 16):
                shown += more
        except OSError:  # Linux tells the end of a terminal so
            pass
        child.wait()
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"CLICOLOR": "0"}, False), ({"TERM": "dumb"}, False)],
)
def test_colour_on_a_terminal(environment: Mapping[str, str], *, coloured: bool, folder: Path) -> None:
    assert ("\x1b[31m" in on_a_terminal(folder, 80, "check", "notes.txt", **environment)) is coloured


SCREENS: list[tuple[int, list[str]]] = [
    (60, ["check", "warned.raw", "data.raw", "-j1"]),
    (80, ["check", "warned.raw", "data.raw", "-j1"]),
    (120, ["check", "warned.raw"]),
    (60, ["inspect", "warned.raw"]),
    (60, ["explain"]),
    (60, ["doctor"]),
    (60, ["check", "good.raw", "--policy", "no-such-policy"]),
]


@pytest.mark.parametrize(("width", "words"), SCREENS, ids=str)
def test_every_line_fits_the_terminal(width: int, words: list[str], folder: Path) -> None:
    """But for a word that is longer than what is left for it: a path, or a command to be pasted."""
    shown = on_a_terminal(folder, width, *words, NO_COLOR="1")
    assert shown
    for line in shown.splitlines():
        column = re.split(r"\s{2,}", line)[-1]
        assert len(line) <= width or re.fullmatch(r"\S+|\S*`[^`]+`\S*", column), line


def test_columns_of_the_environment_count_more_than_the_terminal(folder: Path) -> None:
    wide = on_a_terminal(folder, 60, "check", "warned.raw", NO_COLOR="1", COLUMNS="400")
    assert max(map(len, wide.splitlines())) > 120
