"""What a process in the box may use: setrlimit(2)."""

import resource
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = resource.getpagesize()
_NONE = (
    resource.RLIMIT_CORE,  # a core file would hold the image's secrets, and fill the disk
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NPROC,
    resource.RLIMIT_MSGQUEUE,
    resource.RLIMIT_MEMLOCK,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one box."""

    cpu_seconds: int
    memory_bytes: int
    """Address space beyond what it was forked with."""
    deadline_seconds: float
    """Kept by imgtool, which then kills the box."""


def apply(limits: Limits, highest_descriptor: int) -> None:
    """Bind this process; nothing can be opened beyond `highest_descriptor`. A limit is never raised."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE_BYTES
    _lower(resource.RLIMIT_AS, used + limits.memory_bytes)
    # The soft limit tells by its signal, SIGXCPU, what happened; SIGKILL of the hard one would not.
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1)
    _lower(resource.RLIMIT_NOFILE, highest_descriptor + 1)
    for kind in _NONE:
        _lower(kind, 0)


def _lower(kind: int, soft: int, hard: int | None = None) -> None:
    _, ours = resource.getrlimit(kind)
    wanted = (soft, soft if hard is None else hard)
    if ours != resource.RLIM_INFINITY:
        wanted = (min(wanted[0], ours), min(wanted[1], ours))
    resource.setrlimit(kind, wanted)
