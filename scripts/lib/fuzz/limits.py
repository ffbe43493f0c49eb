"""What one input may take."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

MEMORY_BYTES = 512 << 20
"""Beyond what the worker had before its first input: initramfs may take 256 MiB for xz, and 128 for zstd."""
ADDRESS_BYTES = 2 << 30
CPU_SECONDS = 10.0
"""An intact fixture takes a tenth of a second, on a busy machine twice that."""
WALL_SECONDS = 180.0
"""Kept by the parent, for what Python cannot interrupt."""


class SlowError(BaseException):
    """The CPU time is up. Not an Exception: nothing that reads an image may catch it."""


def bind() -> None:
    """Limit this process's address space. Softly: programs that it starts may have more."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_BYTES, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def unbind() -> None:
    """For a program that is started here."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def peak_bytes() -> int:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@contextmanager
def cpu_limit() -> Iterator[None]:
    """Raise SlowError inside when the CPU time is up."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise SlowError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
