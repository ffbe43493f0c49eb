"""What the sandbox keeps from a process on this machine: not what the kernel promises, but what was tried."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from imgtool.sandbox.client import ask
from imgtool.sandbox.job import Job, Limits


@dataclass(frozen=True, slots=True)
class Asked:
    """What to try."""

    file: str
    """One that anybody may read."""


@dataclass(frozen=True, slots=True)
class Found:
    """What failed for the process in the sandbox, as it should."""

    no_file: bool
    no_socket: bool
    no_process: bool


def look() -> Found:
    """Try it. Raises SandboxFailedError where no sandbox can be had."""
    with open(__file__, "rb") as something:  # noqa: PTH123 - a descriptor to give away
        return ask(JOB, Asked(__file__), something.fileno())


def _try(asked: Asked, _descriptor: int) -> Found:
    return Found(
        no_file=_refused(lambda: os.close(os.open(asked.file, os.O_RDONLY))),
        no_socket=_refused(lambda: socket.socket().close()),
        no_process=_refused(_fork),
    )


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _refused(action: Callable[[], None]) -> bool:
    try:
        action()
    except OSError:
        return True
    return False


JOB = Job(
    name=f"{__name__}:JOB",
    subject="the sandbox",
    question=Asked,
    answer=Found,
    work=_try,
    limits=Limits(cpu_seconds=5, memory_bytes=64 << 20, deadline_seconds=30.0),
)
