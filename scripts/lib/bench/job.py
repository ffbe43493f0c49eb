"""A job, and a way to do it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.model import Task

Argv = list[str]


@dataclass(frozen=True, slots=True)
class Job:
    """What has to be done."""

    source: Path
    source_format: str
    target: Path
    virtual_bytes: int
    task: Task

    @property
    def target_format(self) -> str:
        """As qemu-img calls it."""
        return self.task.split()[0]

    @property
    def compression(self) -> str:
        """none, zlib or zstd."""
        return self.task.partition(" ")[2] or "none"


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way to do a job."""

    name: str
    programs: tuple[str, ...]
    command: Callable[[Job], Argv]
    prepare: Callable[[Job], Argv | None] = lambda _job: None
    """Runs before the clock does, in the peer's favour: nbdcopy wants a qcow2 that is there already."""
    ours: bool = False
    largest_bytes: int | None = None
    """A larger virtual disk is not given to it, for the reason in `why_not_larger`."""
    why_not_larger: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """The programs that are not installed."""
        return tuple(program for program in self.programs if shutil.which(program) is None)
