"""Which descriptors a forked process has."""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress

FIRST = 3
"""Behind stdin, stdout and stderr."""


def arrange(kept: Sequence[int]) -> None:
    """Make `kept` 3, 4, ...; stdin, stdout and stderr become /dev/null, and all others are closed."""
    above = FIRST + len(kept)
    # First out of the way, so that none is overwritten before it is moved.
    moved = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, above) for one in kept]
    for number, one in enumerate(moved, FIRST):
        os.dup2(one, number, inheritable=False)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(FIRST):
        os.dup2(null, stream)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers
        if int(name) >= above:
            with suppress(OSError):  # the one by which they were listed is closed already
                os.close(int(name))
