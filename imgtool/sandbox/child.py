"""The process in the sandbox: it shuts itself in, answers one question, and ends."""

import fcntl
import os
import signal
from collections.abc import Sequence
from typing import Any, NoReturn

from imgtool.sandbox import confine, kernel, protocol
from imgtool.sandbox.job import Job
from imgtool.sandbox.modules import Asking
from imgtool.sandbox.protocol import Failure
from imgtool.util import codec
from imgtool.util.fork_server import ENDING_SIGNALS, close_all_but

FIRST = 3
"""Behind stdin, stdout and stderr."""


def arrange(kept: Sequence[int]) -> None:
    """Make `kept` 3, 4, ...; stdin, stdout and stderr become /dev/null, and all others are closed."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(FIRST):
        os.dup2(null, stream)
    move(kept, range(FIRST, FIRST + len(kept)), inheritable=False)


def move(descriptors: Sequence[int], numbers: Sequence[int], *, inheritable: bool) -> None:
    """Make `descriptors` have `numbers`, and close all others but stdin, stdout and stderr."""
    above = max(FIRST, *numbers) + 1
    # First out of the way, so that none is overwritten before it is moved.
    moved = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, above) for one in descriptors]
    for number, one in zip(numbers, moved, strict=True):
        os.dup2(one, number, inheritable=inheritable)
    close_all_but({*range(FIRST), *numbers})


CHANNEL, DISK = FIRST, FIRST + 1
"""What is open, besides /dev/null."""


def become_child(job: Job[Any, Any], server: int, descriptors: Sequence[int]) -> NoReturn:
    """Do `job` and end. `descriptors`: the channel to imgtool, and what is to be read."""
    try:
        kernel.die_with_parent(signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
        arrange(descriptors)
        protocol.write(CHANNEL, *_work(job, server))
    finally:
        os._exit(0)  # whatever was raised: what counts is what was answered


def _work(job: Job[Any, Any], server: int) -> tuple[bytes, bytes]:
    """The frame that ends the conversation."""
    try:
        _, content = protocol.read(CHANNEL)
        question = codec.from_json(content, job.question)
        confine.confine(job.limits, server, DISK)
        Asking(_module).install()
        return protocol.ANSWER, codec.to_json(job.work(question, DISK))
    except BaseException as error:
        return protocol.FAILURE, codec.to_json(Failure.of(error))


def _module(name: bytes) -> bytes:
    """Return the module's code, from imgtool, which reads it."""
    protocol.write(CHANNEL, protocol.MODULE, name)
    return protocol.read(CHANNEL)[1]
