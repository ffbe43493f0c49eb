"""A scheduler and workers of dask.distributed as processes of this machine, on loopback.

They die with the thread that started them, whatever ends it (prctl(2), PR_SET_PDEATHSIG).
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 60.0
END_SECONDS = 20.0
MEMORY = "512MiB"
"""Of a worker itself; the children that do the work have limits of their own."""
_POLL_SECONDS = 0.05

Process = subprocess.Popen[bytes]


class ClusterFailedError(Exception):
    """A process did not start; the message has the end of its log."""


@dataclass(slots=True)
class Cluster:
    """Processes that run."""

    folder: Path
    """Of their logs and their own files."""
    options: Sequence[str]
    """What scheduler and workers are given both: the options of TLS."""
    scheduler: Process
    address: str
    workers: dict[str, Process] = field(default_factory=dict)
    """By name."""

    def add_worker(self, name: str, *options: str, resources: str = "disk=1") -> Process:
        """One more, that does one image at a time; `resources` may be empty."""
        given = ["--resources", resources] if resources else []
        command = [
            "distributed.cli.dask_worker", self.address, "--name", name, "--nthreads", "1", "--no-nanny",
            "--no-dashboard", "--host", "127.0.0.1", "--memory-limit", MEMORY,
            "--local-directory", str(self.folder / name), *given, *self.options, *options,
        ]  # fmt: skip
        self.workers[name] = _start(command, self.folder / f"{name}.log")
        return self.workers[name]

    def wait_for(self, *names: str) -> None:
        """Until they have said that they are registered. Raises ClusterFailedError."""
        for name in names or list(self.workers):
            _wait(self.workers[name], self.folder / f"{name}.log", "Registered to:")


@contextmanager
def cluster(folder: Path, *options: str) -> Iterator[Cluster]:
    """A scheduler that answers, without workers yet; all is ended with the block."""
    protocol = ["--protocol", "tls"] if options else []
    file = folder / "scheduler.json"
    command = [
        "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
        "--scheduler-file", str(file), *protocol, *options,
    ]  # fmt: skip
    with ExitStack() as running:
        scheduler = _start(command, folder / "scheduler.log")
        running.callback(end, scheduler)
        _wait(scheduler, folder / "scheduler.log", "Scheduler at:")
        found = Cluster(folder, options, scheduler, _address(file))
        running.callback(lambda: end(*found.workers.values()))
        yield found


def end(*processes: Process) -> None:
    """Ask them to end, then make them."""
    for process in processes:
        with suppress(ProcessLookupError):
            process.terminate()
    for process in processes:
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(command: list[str], log: Path) -> Process:
    setpriv = shutil.which("setpriv") or "setpriv"
    with log.open("wb") as output:
        return subprocess.Popen(
            [setpriv, "--pdeathsig", "KILL", sys.executable, "-m", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "TMPDIR": str(log.parent)},
            start_new_session=True,  # ^C is for the batch; they are ended after it
        )


def _wait(process: Process, log: Path, words: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while words not in (said := log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ClusterFailedError(f"{log.stem} did not start:\n{said[-2000:]}")
        time.sleep(_POLL_SECONDS)


def _address(file: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(OSError, ValueError, KeyError):
            return str(json.loads(file.read_text())["address"])
        if time.monotonic() > deadline:
            raise ClusterFailedError(f"{file} was not written")
        time.sleep(_POLL_SECONDS)
