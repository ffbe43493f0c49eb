"""What a sandbox can be asked for, and what a process in it may use: setrlimit(2)."""

import importlib
import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from imgtool.errors import ImageUnreadableError

_PAGE_BYTES = resource.getpagesize()
_NONE = (
    resource.RLIMIT_CORE,  # a core file would hold the image's secrets, and fill the disk
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NPROC,
    resource.RLIMIT_MSGQUEUE,
    resource.RLIMIT_MEMLOCK,
)
_MOST_EXPENDABLE = "1000"
"""OOM_SCORE_ADJ_MAX of linux/oom.h."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one sandbox."""

    cpu_seconds: int
    memory_bytes: int
    """Address space beyond what it was forked with."""
    deadline_seconds: float
    """Kept by imgtool, which then kills the sandbox."""


def apply(limits: Limits, highest_descriptor: int) -> None:
    """Bind this process; nothing can be opened beyond `highest_descriptor`. A limit is never raised."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE_BYTES
    _lower(resource.RLIMIT_AS, used + limits.memory_bytes)
    # The soft limit tells by its signal, SIGXCPU, what happened; SIGKILL of the hard one would not.
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1)
    _lower(resource.RLIMIT_NOFILE, highest_descriptor + 1)
    for kind in _NONE:
        _lower(kind, 0)
    with suppress(OSError):  # where the machine has no memory left, the kernel ends this and not imgtool
        Path("/proc/self/oom_score_adj").write_text(_MOST_EXPENDABLE)


def _lower(kind: int, soft: int, hard: int | None = None) -> None:
    _, ours = resource.getrlimit(kind)
    wanted = (soft, soft if hard is None else hard)
    if ours != resource.RLIM_INFINITY:
        wanted = (min(wanted[0], ours), min(wanted[1], ours))
    resource.setrlimit(kind, wanted)


Q = TypeVar("Q")
A = TypeVar("A")


class SandboxFailedError(ImageUnreadableError):
    """A sandbox gave no answer: it was killed, was too slow, or answered nonsense. The message says which."""


def nothing() -> None:
    """What needs no preparation."""


@dataclass(frozen=True, slots=True)
class Job(Generic[Q, A]):
    """A question that a sandbox answers: a constant of a module, so that the sandbox finds it by its name."""

    name: str
    """`package.module:CONSTANT`"""
    subject: str
    """What is read, for messages: `the guest`."""
    question: type[Q]
    answer: type[A]
    """Frozen dataclasses of what util/codec.py knows."""
    work: Callable[[Q, int], A]
    """Called in the sandbox, with the question and the descriptor. May raise what protocol.EXPECTED has."""
    limits: Limits
    prepare: Callable[[], object] = nothing
    """Called in the server, before hostile bytes are near: loads what only files can give."""


def find(name: str) -> Job[Any, Any]:
    """The job of this name."""
    module, _, constant = name.partition(":")
    found = getattr(importlib.import_module(module), constant)
    assert isinstance(found, Job)  # noqa: S101 - the name is a constant of ours
    return found
