"""Every way of leaving: help, usage, expected errors, interruption, a bug."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.images import create
from support.in_process import imgtool_here
from support.processes import half_written

from imgtool.cli import group, main
from imgtool.formats import headers
from imgtool.pipeline import guest_reader
from imgtool.util.redaction import redact


def test_help_lists_every_command() -> None:
    run = imgtool("--help")
    assert run.returncode == 0
    assert all(f"  {name} " in run.stdout for name in group.COMMANDS)
    assert "Exit status" in run.stdout


@pytest.mark.parametrize("arguments", [(), ("convert",), ("prepare",), ("batch",)])
def test_too_little_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    run = imgtool(*arguments)
    assert_clean_failure(run, 2)
    assert len(run.stderr.splitlines()) == 2


@pytest.mark.parametrize("name", group.COMMANDS)
def test_the_short_help_in_the_list_is_that_of_the_command(name: str) -> None:
    command = group.cli.get_command(click.Context(group.cli), name)
    assert command is not None
    assert command.name == name
    assert command.help
    assert imgtool(name, "--help").returncode == 0


@pytest.mark.parametrize("name", group.COMMANDS)
def test_every_option_says_what_it_is_for(name: str) -> None:
    command = group.cli.get_command(click.Context(group.cli), name)
    assert command is not None
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


def test_help_loads_nothing_heavy() -> None:
    """What keeps `imgtool --help` instant."""
    code = (
        "import sys; from imgtool.cli.main import run; run(['--help']); "
        "print([name for name in sys.modules if name.partition('.')[0] in "
        "{'dissect', 'openstack', 'oslo_utils', 'yaml', 'ctypes', 'keystoneauth1', 'requests', "
        "'logging'}])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ast.literal_eval(run.stdout.splitlines()[-1]) == []


def test_the_sandbox_is_forked_before_click_is_loaded(tmp_path: Path) -> None:
    """They are loaded at the same time, by two processes."""
    code = (
        "import sys; from imgtool.cli.main import run; from imgtool import sandbox; start = sandbox.start\n"
        "def started(job): print('click' in sys.modules, job); start(job)\n"
        "sandbox.start = started; run(['inspect', '/nowhere/at/all'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == f"False {headers.JOB.name}\nFalse {guest_reader.JOB.name}\n"


def test_what_reads_guests_is_loaded_where_they_are_read() -> None:
    """By the sandbox's server, at the same time: it takes longer than all else."""
    code = (
        "import sys; import imgtool.cli.commands.inspect, imgtool.cli.commands.check; "
        "print([name for name in sys.modules if name == 'imgtool.guest.inspect' or 'filesystems' in name])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_conversion_loads_what_it_takes_only(tmp_path: Path) -> None:
    """Each of these takes a hundredth of the time in which 400 MiB are converted, or more."""
    create(tmp_path / "x.vdi", "vdi", "1M")
    argv = ["convert", "-f", "vdi", "-O", "raw", str(tmp_path / "x.vdi"), str(tmp_path / "y")]
    code = (
        f"import sys; from imgtool.cli.main import run; assert run({argv}) == 0; "
        "print([name for name in sys.modules if name in {'subprocess', 'shutil', 'tempfile', 'ctypes', "
        "'logging', 'isal', 'deflate', 'imgtool.process', 'imgtool.model.facts', "
        "'imgtool.formats.qcow2.header'}])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def test_inspection_does_not_load_the_cloud_client() -> None:
    code = (
        "import sys; import imgtool.cli.commands.inspect, imgtool.cli.commands.prepare; "
        "print([name for name in sys.modules if name.partition('.')[0] in {'openstack', 'keystoneauth1'}])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_sandbox_is_told_of_a_job_that_there_is() -> None:
    assert headers.JOB.name == main.HEADERS_JOB
    assert guest_reader.JOB.name == main.GUEST_JOB
    assert guest_reader.INSTALLED_JOB.name == main.INSTALLED_JOB
    assert group.COMMANDS.keys() >= main.READ_AN_IMAGE > main.READ_A_GUEST


def test_a_wrong_option_is_a_usage_error() -> None:
    assert_clean_failure(imgtool("inspect", "--nonsense", "x"), 2, "--nonsense", "imgtool inspect --help")


def test_a_wrong_command_is_a_usage_error() -> None:
    assert_clean_failure(imgtool("frobnicate"), 2, "frobnicate")


def test_a_usage_error_is_json_where_json_was_asked_for() -> None:
    run = imgtool("inspect", "--output", "json")
    assert run.returncode == 2
    assert json.loads(run.stdout)["error"]["code"] == "usage"


def test_a_bug_leaves_a_report_and_no_traceback(monkeypatch, tmp_path: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("password=hunter2")

    monkeypatch.setattr(group.cli, "main", broken)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    run = imgtool_here("inspect", "x")
    assert run.returncode == 70
    (report,) = tmp_path.glob("imgtool-bug-*.txt")
    assert str(report) in run.stderr
    assert "Traceback" not in run.stderr
    content = report.read_text()
    assert "ZeroDivisionError" in content
    assert "hunter2" not in content


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2 x", "password=*** x"),
        ("OS_PASSWORD: hunter2", "OS_PASSWORD: ***"),
        ("X-Auth-Token: gAAAA", "X-Auth-Token: ***"),
    ],
)
def test_secrets_are_masked(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize("delay_seconds", [0, 0.01, 0.1])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_a_conversion_and_leaves_nothing(
    how: signal.Signals, delay_seconds: float, tmp_path: Path
) -> None:
    source = tmp_path / "source.raw"
    with source.open("wb") as stream:
        for _ in range(96):
            stream.write(os.urandom(1 << 20))
    argv = [IMGTOOL, "convert", "-c", "-f", "raw", "source.raw", "target.qcow2"]
    child = subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not half_written(tmp_path):
        assert child.poll() is None, "it ended before it could be stopped"
    time.sleep(delay_seconds)
    child.send_signal(how)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == ["source.raw"]


@pytest.mark.parametrize("moment", ["limits.apply", "console.show_error"])
def test_a_signal_before_or_after_the_command_itself_ends_it_as_well(monkeypatch, moment: str) -> None:
    def signalled(*_: object, **__: object) -> None:
        monkeypatch.undo()
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(f"imgtool.cli.{moment}", signalled)
    run = imgtool_here("inspect")
    assert (run.returncode, run.stderr) == (130, "imgtool: error: interrupted\n")


LOSING = """
import signal, sys, time
from imgtool.cli import main

class Finalised:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

def lose(_):
    Finalised()
    time.sleep(60)

main.limits.apply = lose
main.main()
"""


def test_a_signal_that_comes_while_an_object_is_finalised_is_not_lost() -> None:
    """Python drops what is raised there."""
    run = subprocess.run(
        [sys.executable, "-c", LOSING, "explain"], capture_output=True, text=True, check=False, timeout=30
    )
    assert (run.returncode, run.stderr) == (130, "imgtool: error: interrupted\n")


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_was_ignored_before_is_ignored(how: signal.Signals, tmp_path: Path) -> None:
    source = tmp_path / "source.raw"
    source.write_bytes(os.urandom(32 << 20))
    ignoring = ["/bin/sh", "-c", f"trap '' {how:d}; exec \"$@\"", "sh"]
    argv = [*ignoring, IMGTOOL, "convert", "-c", "-f", "raw", "source.raw", "target.qcow2"]
    child = subprocess.Popen(argv, cwd=tmp_path)
    while not half_written(tmp_path):
        assert child.poll() is None, "it ended before it could be sent a signal"
    child.send_signal(how)
    assert child.wait(timeout=60) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"source.raw", "target.qcow2"}


def test_a_reader_that_went_away_is_no_error(tmp_path: Path) -> None:
    argv = f"{IMGTOOL} explain virtio-initramfs | true"
    run = subprocess.run(["/bin/sh", "-c", argv], capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr
    assert "BrokenPipe" not in run.stderr
