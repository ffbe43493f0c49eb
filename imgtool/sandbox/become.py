"""A program that the server's child becomes, confined: what imgtool asks for, and what the child does.

The server has an interpreter and all that confines ready, so that this takes two milliseconds; launch.py,
which does the same for a program that nobody waits for, needs an interpreter of its own.
"""

import os
import resource
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from imgtool.sandbox import kernel, seccomp
from imgtool.sandbox.child import move
from imgtool.sandbox.launch import STATUS_NOT_CONFINED, tell_not_confined
from imgtool.util import fork_server
from imgtool.util.fork_server import ENDING_SIGNALS

_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


@dataclass(frozen=True, slots=True)
class Program:
    """What to become."""

    argv: Sequence[str]
    """The program by its path, and its arguments."""
    environment: Mapping[str, str]
    """All of it."""
    rules: Sequence[str]
    """What it may open: see kernel.confine_program."""
    limits: Sequence[tuple[int, int, int]]
    """setrlimit(2): the kind, the soft and the hard limit."""
    numbers: Sequence[int]
    """Those of the descriptors that it gets; the first two are its stdout and stderr."""


def request(channel: socket.socket, program: Program, descriptors: Sequence[int]) -> socket.socket:
    """Ask the server for it; `descriptors` become `program.numbers`. Return our end of its control socket."""
    return fork_server.request(channel, {"program": asdict(program)}, descriptors)


def prepare() -> None:
    """Make in the server what each of its children needs."""
    _filter()


def become(program: Mapping[str, Any], server: int, descriptors: Sequence[int]) -> NoReturn:
    """Be the program, as the child of the process `server`. What fails is said on stderr."""
    try:
        kernel.die_with_parent(signal.SIGKILL)
        if os.getppid() != server:  # it ended before the kernel was told
            raise ProcessLookupError
        os.setsid()
        _restore_signals()
        move(descriptors, program["numbers"], inheritable=True)
        for kind, soft, hard in program["limits"]:
            resource.setrlimit(kind, (soft, hard))
        kernel.confine_program(_filter(), program["rules"])
        os.execve(program["argv"][0], program["argv"], program["environment"])  # noqa: S606 - a list
    except (OSError, ValueError) as error:
        tell_not_confined(error)
    finally:
        os._exit(STATUS_NOT_CONFINED)


def _filter() -> bytes:
    """Empty where there is none for this machine."""
    return seccomp.program(rules=seccomp.PROGRAM) or b""


def _restore_signals() -> None:
    """Ignore nothing of what the server and Python ignore, as a program that a shell starts."""
    for number in (*ENDING_SIGNALS, *_IGNORED_BY_PYTHON):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
