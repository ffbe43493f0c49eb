"""TERM and ^C end the program at once, whatever became of the processes that read the image for it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.processes import children, is_shut, runs, wait_for

PROGRAM = """
import os, signal, sys, time
from dataclasses import replace
from imgtool.pipeline import guest_reader
from imgtool.sandbox import client, handle
from imgtool.cli.main import main

def ignore(_given, _descriptor):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(0.1)

asking = client._request

def request(job, *rest):
    if job is guest_reader.JOB:
        if "stopped" in os.environ:
            os.kill(handle.state.server, signal.SIGSTOP)
        print(handle.state.server, flush=True)
    return asking(job, *rest)

guest_reader.JOB = replace(guest_reader.JOB, work=ignore)
client._request = request
main()
"""


def stop_box(server: int) -> None:
    os.kill(children(server)[0], signal.SIGSTOP)


def stop_server(server: int) -> None:
    os.kill(server, signal.SIGSTOP)


def stop_both(server: int) -> None:
    stop_server(server)
    stop_box(server)


def kill_server(server: int) -> None:
    os.kill(server, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("act", [None, stop_box, stop_server, stop_both])
def test_it_ends_at_once(act: Callable[[int], None] | None, number: int, tmp_path: Path) -> None:
    """None: a sandbox that ignores every signal and never answers."""
    with start(tmp_path) as program:
        server = server_of(program)
        wait_for(lambda: bool(children(server)))
        boxed = children(server)
        if act is not None:
            act(server)
        end(program, number)
    wait_for(lambda: not any(map(runs, (server, *boxed))))


def test_it_ends_at_once_where_the_server_never_answers(tmp_path: Path) -> None:
    with start(tmp_path, {"stopped": "1"}) as program:
        server = server_of(program)
        time.sleep(0.1)
        end(program, signal.SIGTERM)
    wait_for(lambda: not runs(server))


@pytest.mark.parametrize("act", [stop_server, stop_both])
def test_what_was_stopped_ends_with_a_program_that_is_killed(
    act: Callable[[int], None], tmp_path: Path
) -> None:
    with start(tmp_path) as program:
        server = server_of(program)
        wait_for(lambda: any(map(is_shut, children(server))))
        boxed = children(server)
        act(server)
        program.kill()
    wait_for(lambda: not any(map(runs, (server, *boxed))))


def test_a_server_that_is_killed_is_told(tmp_path: Path) -> None:
    with start(tmp_path) as program:
        server = server_of(program)
        wait_for(lambda: bool(children(server)))
        kill_server(server)
        out, _ = program.communicate(timeout=10)
    assert b"the guest cannot be read: its reader" in out


def start(folder: Path, environment: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    """`imgtool inspect` of a guest whose sandbox does what it likes."""
    image = folder / "disk.raw"
    image.write_bytes(bytes(1 << 20))
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "inspect", str(image)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )


def server_of(program: "subprocess.Popen[bytes]") -> int:
    assert program.stdout is not None
    return int(program.stdout.readline())


def end(program: "subprocess.Popen[bytes]", number: int) -> None:
    """It has three seconds, and says that it was interrupted."""
    program.send_signal(number)
    _, errors = program.communicate(timeout=3)
    assert program.returncode == 130
    assert b"interrupted" in errors
    assert b"Traceback" not in errors
