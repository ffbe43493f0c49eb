"""-v, -vv, --log-file, and the journal of systemd."""

import json
import logging
import os
import re
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.images import create
from support.in_process import imgtool_here

from imgtool.cli import logs
from imgtool.cli.group import COMMANDS, cli
from imgtool.util import log

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) imgtool[\w.]*: \S.*")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    logs.close()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return create(tmp_path / "x.qcow2", "qcow2", "4M")


def levels(text: str) -> set[str]:
    """Of the lines, which have to be lines of the log."""
    found = [LINE.fullmatch(one) for one in text.splitlines()]
    assert all(found), text
    return {one[1] for one in found if one is not None}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in {"completion", "explain", "help"}])
def test_every_command_that_works_has_a_log(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = {option for one in command.params for option in one.opts}
    assert options >= {"-v", "--verbose", "--log-file"}


def test_without_an_option_there_is_none(image: Path, tmp_path: Path) -> None:
    run = imgtool("convert", image, tmp_path / "y.raw")
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("options", "expected"),
    [(["-v"], {"INFO"}), (["-vv"], {"DEBUG", "INFO"}), (["-v", "--verbose"], {"DEBUG", "INFO"})],
)
def test_it_is_on_stderr(options: list[str], expected: set[str], image: Path, tmp_path: Path) -> None:
    run = imgtool("convert", image, tmp_path / "y.qcow2", "--output", "json", *options)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["target_format"] == "qcow2"
    assert levels(run.stderr) == expected
    assert " imgtool.formats.gate: " in run.stderr
    assert " imgtool.convert.convert: " in run.stderr
    assert run.stderr.splitlines()[0].endswith("version=0.1.0")
    assert " status=0 seconds=" in run.stderr.splitlines()[-1]
    assert ("qemu-img" in run.stderr) == ("DEBUG" in expected)


def test_a_stage_is_said_once(image: Path) -> None:
    """As a record, and not as a line of the progress besides."""
    run = imgtool("check", image, "--boot", "-v", "--policy", "data")
    assert levels(run.stderr) <= {"INFO", "WARNING"}
    assert len(re.findall(r"\binspect: ", run.stderr)) == 1


def test_a_file_has_everything_and_is_its_owner_s(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "log"
    for target in ("a.qcow2", "b.qcow2"):
        run = imgtool("convert", image, tmp_path / target, "--log-file", path)
        assert (run.returncode, run.stderr) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert levels(path.read_text()) == {"DEBUG", "INFO"}
    assert path.read_text().count("imgtool.cli.main: exit status 0") == 2


@pytest.mark.parametrize("name", ["missing/log", "folder", "/dev/stdout"])
def test_a_file_that_cannot_be_written_is_told_before_any_work(
    name: str, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    target = tmp_path / "y.raw"
    run = imgtool("convert", image, target, "--log-file", tmp_path / name)
    assert_clean_failure(run, 2, name.rpartition("/")[2])
    assert not target.exists()


@pytest.mark.parametrize("kind", ["qcow2", "raw"])
def test_an_image_is_not_taken_for_a_log(kind: str, tmp_path: Path) -> None:
    image = create(tmp_path / f"x.{kind}", kind, "4M")
    before = image.read_bytes()
    assert_clean_failure(imgtool("inspect", image, "--log-file", image), 2, "is no text")
    assert image.read_bytes() == before


def test_a_full_disk_is_said_once_and_stops_nothing(image: Path, tmp_path: Path) -> None:
    run = imgtool("convert", image, tmp_path / "y.qcow2", "--log-file", "/dev/full")
    assert run.returncode == 0
    assert run.stderr == "imgtool: the log is incomplete: [Errno 28] No space left on device\n"


def test_an_error_is_a_record_of_the_file_and_shown_once(tmp_path: Path) -> None:
    run = imgtool("inspect", "/nowhere/at/all", "-v", "--log-file", tmp_path / "log")
    assert run.returncode == 3
    assert run.stderr.count("/nowhere/at/all: ") == 1
    (line,) = [one for one in (tmp_path / "log").read_text().splitlines() if " ERROR " in one]
    assert " imgtool.cli.console: /nowhere/at/all: " in line
    assert " code=image-unreadable" in line


def test_nothing_of_it_is_left_in_the_process(image: Path, tmp_path: Path) -> None:
    run = imgtool_here("inspect", image, "-v", "--log-file", tmp_path / "log")
    assert run.returncode == 0
    root = logging.getLogger(log.ALL)
    assert [type(one) for one in root.handlers] in ([], [logging.NullHandler])
    assert root.level == logging.NOTSET


def record(message: str = "a message", level: int = log.INFO, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("imgtool.test", level, "", 0, message, None, None)
    made.created = 86400.25
    made.__dict__["fields"] = fields
    return made


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"), ("two words", '"two words"'), ('a"b', '"a\\"b"'), ("a=b", '"a=b"'), ("", '""'),
        (7, "7"), (1.23456, "1.235"), ("ä", "ä"),
    ],
)  # fmt: skip
def test_a_line(value: object, shown: str) -> None:
    expected = f"1970-01-02T00:00:00.250Z INFO imgtool.test: a message field={shown}"
    assert logs.line(record(field=value)) == expected


def test_a_datagram_has_a_field_a_line() -> None:
    assert logs.datagram(record("again", log.WARNING, image="x.raw", status=503)).decode() == (
        "MESSAGE=again\nPRIORITY=4\nSYSLOG_IDENTIFIER=imgtool\nLOGGER=imgtool.test\n"
        "IMGTOOL_IMAGE=x.raw\nIMGTOOL_STATUS=503\n"
    )
    assert len(logs.datagram(record("x" * (1 << 20)))) < 2 * logs.JOURNAL_CHARACTERS


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "journal"))
        channel.settimeout(10)
        yield channel


def under_journal(image: Path, folder: Path, stream: str) -> str:
    """What goes to stderr, a file that JOURNAL_STREAM names where `stream` has its place in braces."""
    code = (
        "import sys; from imgtool.cli import logs, main; "
        f"logs.JOURNAL_SOCKET = {str(folder / 'journal')!r}; sys.exit(main.run(sys.argv[1:]))"
    )
    with (folder / "stderr").open("w+") as stderr:
        there = os.fstat(stderr.fileno())
        names = {"JOURNAL_STREAM": stream.format(f"{there.st_dev}:{there.st_ino}")}
        argv = [IMGTOOL.with_name("python"), "-c", code, "inspect", image, "-v"]
        done = subprocess.run(
            argv, env={**os.environ, **names}, stdout=subprocess.PIPE, stderr=stderr, check=False
        )
        assert done.returncode == 0
        stderr.seek(0)
        return stderr.read()


def test_the_journal_gets_records_with_fields(image: Path, tmp_path: Path, journal: socket.socket) -> None:
    assert under_journal(image, tmp_path, "{}") == ""
    found = []
    while not found or "IMGTOOL_STATUS" not in found[-1]:
        text = journal.recv(1 << 16).decode()
        found.append(dict(one.split("=", 1) for one in text.splitlines()))
    assert {one["SYSLOG_IDENTIFIER"] for one in found} == {"imgtool"}
    assert {one["PRIORITY"] for one in found} == {"6"}
    (stage,) = [one for one in found if "IMGTOOL_STAGE" in one]
    assert (stage["IMGTOOL_STAGE"], stage["IMGTOOL_IMAGE"]) == ("inspect", str(image))


def test_another_stderr_than_the_journal_s_gets_lines(
    image: Path, tmp_path: Path, journal: socket.socket
) -> None:
    assert levels(under_journal(image, tmp_path, "1:2")) == {"INFO"}
    journal.setblocking(False)
    with pytest.raises(BlockingIOError):
        journal.recv(1)


def test_a_journal_that_is_not_there_leaves_lines(image: Path, tmp_path: Path) -> None:
    assert levels(under_journal(image, tmp_path, "{}")) == {"INFO"}
