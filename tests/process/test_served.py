"""A program that the sandbox's server starts: how it ends, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest
from support.processes import children, wait_for

from imgtool import sandbox
from imgtool.errors import ToolFailedError
from imgtool.process import confined, programs
from imgtool.process.confined import Access
from imgtool.process.programs import Limits
from imgtool.sandbox import handle

SHELL = "/bin/sh"
"""A program like any other: of the calls of the filter it needs those for reading and writing."""


def shell(
    script: str,
    access: Access | None = None,
    limits: Limits | None = None,
    timeout_seconds: float = 30.0,
    accept: tuple[int, ...] = (0,),
) -> programs.Completed:
    argv = [SHELL, "-c", script]
    return confined.run(
        argv, access or Access(), limits=limits, timeout_seconds=timeout_seconds, accept=accept
    )


def test_what_it_writes_and_its_status() -> None:
    done = shell("echo out; echo err >&2; exit 7", accept=(7,))
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_it_ends_by_a_signal(tmp_path: Path) -> None:
    """SIGXFSZ, which Python ignores, and which is not ignored by a program."""
    with (
        (tmp_path / "x").open("wb") as file,
        pytest.raises(ToolFailedError, match=r"^sh was killed by signal 25$"),
    ):
        number = file.fileno()
        shell(f"echo >/proc/self/fd/{number}", Access(write=(number,)), Limits(file_size_bytes=0))


def test_its_time_is_limited() -> None:
    with pytest.raises(ToolFailedError, match="sh used more than 1 seconds of CPU time, and was killed"):
        shell("while :; do :; done", limits=Limits(cpu_seconds=1))
    began = time.monotonic()
    with pytest.raises(ToolFailedError, match="did not end within 0 seconds, and was killed"):
        shell("while :; do :; done", timeout_seconds=0.3)
    assert time.monotonic() - began < 10
    wait_for(lambda: children(handle.state.server) == [])


def test_its_limits_are_those_that_were_asked_for() -> None:
    done = shell("ulimit -v; ulimit -f; ulimit -c", limits=Limits(None, 1 << 30, 4096, 0))
    assert done.stdout.split() == [b"1048576", b"8", b"0"]


NUMBERED = """
import os, sys
from imgtool import sandbox
from imgtool.process import confined
numbers = tuple(os.open(path, os.O_RDONLY) for path in sys.argv[1:])
read = "; ".join(f"read line </proc/self/fd/{one}; echo $line" for one in numbers)
script = f"{read}; echo {numbers[0]} /proc/self/fd/{max(numbers) + 1}*"
with sandbox.running():  # the server has one descriptor, 3, and gets these as 4, 5, ...
    done = confined.run(["/bin/sh", "-c", script], confined.Access(read=numbers), timeout_seconds=30)
sys.stdout.write(done.stdout.decode())
"""


def test_it_gets_descriptors_under_their_numbers_and_no_others(tmp_path: Path) -> None:
    """Also where these are the numbers of what the server has open."""
    paths = [tmp_path / str(number) for number in range(3, 9)]
    for path in paths:
        path.write_text(f"{path.name}\n")
    argv = [sys.executable, "-c", NUMBERED, *map(str, paths)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [*(path.name for path in paths), "3", "/proc/self/fd/9*"], done.stderr


def test_no_signal_is_ignored() -> None:
    found: list[str] = []

    def is_shell(pid: int) -> bool:
        """And not the server's child, which is about to become it."""
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(SHELL.encode())

    def look() -> None:
        wait_for(lambda: any(map(is_shell, children(handle.state.server))))
        found.extend(Path(f"/proc/{children(handle.state.server)[0]}/status").read_text().splitlines())

    with sandbox.running():
        looking = Thread(target=look)
        looking.start()
        with pytest.raises(ToolFailedError, match="did not end"):
            shell("while :; do :; done", timeout_seconds=3)
        looking.join()
    ignored = next(line for line in found if line.startswith("SigIgn"))
    assert int(ignored.split()[1], 16) == 0


def test_it_ends_with_its_server() -> None:
    with sandbox.running():
        sandbox.start()
        server = handle.state.server
        with pytest.raises(ToolFailedError, match="did not end within"):
            confined.run([SHELL, "-c", f"kill -9 {server}; while :; do :; done"], Access(), timeout_seconds=1)
        os.kill(server, signal.SIGKILL)
        with pytest.raises(ToolFailedError, match="sh could not be started: what starts it has ended"):
            shell("exit")
        assert shell("exit 0").returncode == 0  # by the next one


def test_what_cannot_be_started_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tool"
    program.write_bytes(b"\x7fELF and no more")
    program.chmod(0o755)
    monkeypatch.setattr(confined, "_libraries", lambda _: ((), ()))
    with pytest.raises(ToolFailedError, match="tool failed with status 125: it was not started"):
        confined.run([str(program)], Access(), timeout_seconds=30)
