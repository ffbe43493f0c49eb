"""Shuts this process in, for good. Each means stands alone: where a kernel lacks one, the others hold."""

import os
import signal
from dataclasses import dataclass

from imgtool.sandbox import job, kernel, seccomp
from imgtool.sandbox.job import Limits


@dataclass(frozen=True, slots=True)
class Means:
    """What a kernel offers."""

    landlock_abi: int
    """0: none."""
    seccomp: bool


ALL = Means(landlock_abi=1 << 16, seccomp=True)
"""As much as there is."""


def offered() -> Means:
    """Return what this kernel offers on this machine."""
    return Means(kernel.landlock_abi(), kernel.has_seccomp() and seccomp.program() is not None)


def confine(bounds: Limits, server: int, highest_descriptor: int, wanted: Means = ALL) -> None:
    """Bind this process, the child of `server`. Raises OSError where what the kernel offers fails.

    Afterwards it cannot open a file or a socket, start a process or a program, or get new rights.
    """
    means = offered()
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != server:  # it ended before the kernel was told
        raise ProcessLookupError
    kernel.forbid_new_privileges()
    kernel.forbid_dumps()
    job.apply(bounds, highest_descriptor + 1)  # Landlock's rules are a descriptor, for a moment
    if abi := min(means.landlock_abi, wanted.landlock_abi):
        kernel.forbid_all_by_landlock(abi)
    filtering = seccomp.program() if means.seccomp and wanted.seccomp else None
    if filtering is not None:
        kernel.install_filter(filtering)
