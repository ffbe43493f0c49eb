"""stdin, stdout and stderr that are closed, full, not waited for, or read by nobody; for every command."""

import fcntl
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from support.cli import IMGTOOL, imgtool

from imgtool.cli.options import STDOUT, named_output

COMMANDS: dict[str, tuple[int, list[str]]] = {
    "help": (0, ["--help"]),
    "version": (0, ["--version"]),
    "help of a command": (0, ["boot", "--help"]),
    "explain": (0, ["explain"]),
    "explain json": (0, ["explain", "virtio-kernel", "--output", "json"]),
    "doctor": (0, ["doctor"]),
    "inspect": (0, ["inspect", "disk.raw"]),
    "inspect json": (0, ["inspect", "disk.raw", "--output", "json"]),
    "check": (1, ["check", "disk.raw"]),
    "check with a report": (1, ["check", "disk.raw", "--report", "github=/dev/stdout"]),
    "convert": (0, ["convert", "disk.raw", "out.qcow2", "--force", "-p", "always"]),
    "convert json": (0, ["convert", "disk.raw", "out.qcow2", "--force", "--output", "json"]),
    "convert to stdout": (0, ["convert", "disk.raw", "-O", "raw", "-"]),
    "upload": (0, ["upload", "disk.raw", "--dry-run"]),
    "prepare": (1, ["prepare", "disk.raw", "--dry-run", "--output", "json"]),
    "batch": (0, ["batch", "images.yaml", "--dry-run"]),
    "no such image": (3, ["inspect", "nothing.raw"]),
    "no such image json": (3, ["inspect", "nothing.raw", "--output", "json"]),
    "usage": (2, ["frobnicate"]),
}
"""The exit status where all is well, and the words."""
SILENT = {"no such image", "usage"}
"""They write nothing to stdout in any case."""
IN_JSON = {"no such image json"}
"""Their error goes to stdout, and to stderr where that fails: their status stays."""
FULL = [(name, ">/dev/full") for name in ("help", "doctor", "inspect json", "convert to stdout", "upload")]
UNHEARD = [("convert", "2>&-"), ("convert", "2>/dev/full"), ("check", "2>/dev/full"), ("usage", "2>&-")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bad-streams")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", path / "disk.raw", "4M"], check=True)
    (path / "images.yaml").write_text("images:\n  - source: disk.raw\n    output: out.raw\n")
    return path


def run(words: Sequence[str], redirected: str, folder: Path) -> tuple[int, str]:
    """The exit status, and what came out on stderr unless it is redirected."""
    argv = ["/bin/sh", "-c", f'exec "$@" {redirected}', "sh", IMGTOOL, *words]
    done = subprocess.run(
        argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120
    )
    errors = done.stderr.decode()
    assert "Traceback" not in errors
    assert "internal error" not in errors
    return done.returncode, errors


@pytest.mark.parametrize(("name", "redirected"), [*((name, ">&-") for name in COMMANDS), *FULL])
def test_a_result_that_cannot_be_written_is_an_error(name: str, redirected: str, folder: Path) -> None:
    usual, words = COMMANDS[name]
    status, errors = run(words, redirected, folder)
    assert status == (usual if name in SILENT | IN_JSON else 5)
    assert "imgtool: error: " in errors
    if status == 5:
        assert "cannot" in errors
        assert ("No space left" if "full" in redirected else "Bad file descriptor") in errors


@pytest.mark.parametrize(("name", "redirected"), [*((name, "<&- 2>&-") for name in COMMANDS), *UNHEARD])
def test_a_log_that_cannot_be_written_changes_nothing(name: str, redirected: str, folder: Path) -> None:
    usual, words = COMMANDS[name]
    assert run(words, redirected, folder)[0] == usual


@pytest.mark.parametrize("name", COMMANDS)
def test_nobody_reads_it(name: str, folder: Path) -> None:
    usual, words = COMMANDS[name]
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [IMGTOOL, *words], cwd=folder, stdout=write, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(write)
    assert done.returncode == (usual if name in SILENT | IN_JSON else 130)
    assert b"Broken pipe" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_nobody_reads_the_log(folder: Path) -> None:
    words = " ".join(COMMANDS["convert"][1])
    done = subprocess.run(
        ["/bin/bash", "-c", f"{IMGTOOL} {words} 2> >(:) | cat; exit ${{PIPESTATUS[0]}}"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert b"out.qcow2" in done.stdout


def test_what_is_converted_is_not_printed_into(folder: Path) -> None:
    """Without its three streams: the files that it opens do not get their numbers."""
    words = ["convert", "disk.raw", "--force", "-p", "always", "-O", "raw"]
    assert run([*words, "bare.raw"], "<&- >&- 2>&-", folder)[0] == 5
    assert run([*words, "usual.raw"], "", folder)[0] == 0
    assert (folder / "bare.raw").read_bytes() == (folder / "usual.raw").read_bytes()


@pytest.mark.parametrize(
    ("redirected", "words"),
    [("<&-", "stdin: cannot be read: it is closed"), ("</dev/null", "empty")],
)
@pytest.mark.parametrize("command", [["inspect", "-"], ["convert", "-", "out.qcow2", "--force"]])
def test_a_stdin_that_gives_nothing(command: list[str], redirected: str, words: str, folder: Path) -> None:
    status, errors = run(command, redirected, folder)
    assert status == 3
    assert words in errors


def test_a_pipe_that_does_not_wait_is_waited_for(folder: Path) -> None:
    """Whoever made it so, as some terminals and programs leave it behind: no byte is lost."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(write, False)
    argv = [IMGTOOL, *COMMANDS["convert to stdout"][1]]
    with subprocess.Popen(argv, cwd=folder, stdout=write, stderr=subprocess.DEVNULL) as child:
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            content = pipe.read()
    assert child.returncode == 0
    assert content == (folder / "disk.raw").read_bytes()


def test_an_error_in_json_is_said_in_words_where_stdout_fails(folder: Path) -> None:
    status, errors = run(COMMANDS["no such image json"][1], ">/dev/full", folder)
    assert (status, errors.splitlines()[0]) == (
        3, "imgtool: error: nothing.raw: cannot be opened: No such file or directory",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["/dev/stdout", "/proc/self/fd/1"])
def test_stdout_by_its_other_names_is_stdout(name: str, folder: Path) -> None:
    """As a file: what is put in place there would replace the link."""
    with (folder / "redirected").open("w") as file:
        words = [IMGTOOL, "check", "disk.raw", "--report", f"json={name}"]
        subprocess.run(words, cwd=folder, stdout=file, check=False)
    text = (folder / "redirected").read_text()
    assert json.JSONDecoder().raw_decode(text)[0]["schema_version"] == 1
    assert Path("/dev/stdout").is_symlink()
    converted = subprocess.run(
        [IMGTOOL, "convert", "disk.raw", "-O", "raw", name], cwd=folder, capture_output=True, check=True
    )
    assert converted.stdout == (folder / "disk.raw").read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ["check", "disk.raw", "--report", "json=/dev/stderr"],
        ["convert", "disk.raw", "/dev/stderr", "--force"],
        ["boot", "disk.raw", "--keep-log", "/dev/stdout"],
        ["prepare", "disk.raw", "--dry-run", "--keep", "/dev/stdin"],
        ["batch", "images.yaml", "--metrics", "/dev/fd/2"],
        ["batch", "images.yaml", "--journal", "/dev/stdout"],
    ],
)
def test_a_link_to_an_open_file_is_no_place_for_a_new_one(words: list[str], folder: Path) -> None:
    with (folder / "log").open("w") as file:
        done = subprocess.run([IMGTOOL, *words], cwd=folder, stdout=file, stderr=file, check=False)
    assert done.returncode == 2
    assert "is an open file" in (folder / "log").read_text()
    assert all(Path("/dev", name).is_symlink() for name in ("stdin", "stdout", "stderr"))


@pytest.mark.parametrize("name", ["/dev/full", "/dev/null", "fifo"])
def test_a_report_goes_into_a_file_only(name: str, folder: Path) -> None:
    """A pipe without a reader would be waited for without end."""
    if name == "fifo" and not (folder / name).exists():
        os.mkfifo(folder / name)
    done = imgtool("check", "disk.raw", "--report", f"html={name}", cwd=folder)
    assert done.returncode == 2
    assert "not a regular file" in done.stderr


@pytest.mark.parametrize("name", ["/dev/fd/1", "/dev/../dev//stdout", "-"])
def test_other_names_of_stdout(name: str) -> None:
    assert named_output(name, stdout=True) == STDOUT
    if name != "-":
        with pytest.raises(click.BadParameter):
            named_output(name, stdout=False)
