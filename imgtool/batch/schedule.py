"""How many images at once, in which order, and where: in threads that watch a child each, or on a cluster."""

import math
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imgtool.batch.monitor import Event, StopSignal
from imgtool.batch.task_runner import Settings, end_children, run_task
from imgtool.convert.engine import default_threads
from imgtool.errors import ImgtoolError, ToolFailedError
from imgtool.model.batch import GOOD_STATES, Task, TaskRecord
from imgtool.util.text import printable

JOB_BYTES = 250 << 20
"""Of memory, for one image: 70 MiB of a process, its buffers, and some of the page cache."""
BOOT_BYTES = 1664 << 20
"""More where it is booted: the guest's memory, the code that QEMU translated, and its own."""
BASE_ADDRESS_SPACE_BYTES = 4 << 30
"""What a child may map: Python and its libraries take 0.2 GiB of it, QEMU's tools more."""
THREAD_ADDRESS_SPACE_BYTES = 160 << 20
"""For each thread more: its stack, and an arena of malloc(3), which takes 128 MiB to choose 64 from."""
HASHING = 0.1
"""Of the time that data take, for the hash of the source alone: of its holes too."""

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


class Workers(Protocol):
    """Who does tasks."""

    @property
    def jobs(self) -> int:
        """How many at once."""

    def submit(self, task: Task, *, replace_output: bool) -> "Future[TaskRecord]":
        """Begins as soon as somebody has time."""

    def close(self) -> None:
        """Waits for those that run; what has not begun never does."""


@dataclass(frozen=True, slots=True)
class Local:
    """This machine: a thread for each job, which starts a child for each task and watches it."""

    jobs: int
    executor: Executor
    settings: Settings
    stop_signal: StopSignal
    on_event: Callable[[Task, Event], None]

    def submit(self, task: Task, *, replace_output: bool) -> "Future[TaskRecord]":
        """Raises in the thread only CancelledError, where nothing is to be begun any more."""
        return self.executor.submit(self._run, task, replace_output)

    def close(self) -> None:
        """All children are gone afterwards."""
        self.executor.shutdown(cancel_futures=True)
        end_children()

    def _run(self, task: Task, replace_output: bool) -> TaskRecord:  # noqa: FBT001 - as Executor passes it
        if self.stop_signal.begins_no_more:
            raise CancelledError
        record = run_task(
            task,
            self.settings,
            lambda event: self.on_event(task, event),
            stop_level=self.stop_signal.get,
            replace_output=replace_output,
        )
        self.stop_signal.has_failed |= record.state not in GOOD_STATES
        return record


def local(
    jobs: int, settings: Settings, stop_signal: StopSignal, on_event: Callable[[Task, Event], None]
) -> Workers:
    """`jobs` at a time."""
    return Local(jobs, ThreadPoolExecutor(jobs, "imgtool-job"), settings, stop_signal, on_event)


def workers(
    scheduler: str | None,
    jobs: int,
    settings: Settings,
    stop_signal: StopSignal,
    on_event: Callable[[Task, Event], None],
) -> Workers:
    """Return the workers of this machine or of the cluster. Raises UsageError, ToolMissingError."""
    if scheduler is None:
        return local(jobs, settings, stop_signal, on_event)
    from imgtool.batch.dask_client import connect  # noqa: PLC0415 - an extra, which need not be installed

    return connect(scheduler, settings, on_event)


def lost(task: Task, error: Exception) -> TaskRecord:
    """The record of a task whose worker never answered."""
    message = f"its worker was lost: {type(error).__name__}: {printable(str(error))}"
    hint = "see the log of the worker; run the same command again"
    if isinstance(error, ImgtoolError):
        message, hint = error.message, error.hint or hint
    return TaskRecord(task.key, "failed", exit_status=ToolFailedError.exit_status, message=message, hint=hint)


def address_space_bytes() -> int:
    """The limit of one child."""
    return BASE_ADDRESS_SPACE_BYTES + THREAD_ADDRESS_SPACE_BYTES * default_threads()


def default_jobs(tasks: Sequence[Task], folder: Path) -> int:
    """What this machine's cores, memory and free disk allow, where temporary files go into `folder`."""
    return max(1, min(_cores(), _by_memory(tasks), _by_disk(tasks, folder), len(tasks)))


def longest_first(tasks: Iterable[Task]) -> list[Task]:
    """So that no long one is begun last, and everybody waits for it. Of a URL nobody knows yet."""
    return sorted(tasks, key=lambda task: -_work_bytes(task.source))


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _by_memory(tasks: Sequence[Task]) -> int:
    each = JOB_BYTES + (BOOT_BYTES if any(task.boot for task in tasks) else 0)
    return max(_available_bytes(), each) // each


def _available_bytes() -> int:
    found = 1 << 62
    with suppress(OSError, ValueError, IndexError):
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        found = int(lines["MemAvailable"].split()[0]) << 10
    with suppress(OSError, ValueError):  # where there is no limit, it says `max`
        limit = int((_CGROUP / "memory.max").read_text())
        found = min(found, limit - int((_CGROUP / "memory.current").read_text()))
    return found


def _by_disk(tasks: Sequence[Task], folder: Path) -> int:
    """Each may need as much as the largest source has: a decompressed or converted copy of it."""
    largest = max((_allocated_bytes(task.source, unknown=0) for task in tasks), default=0)
    return shutil.disk_usage(folder).free // max(largest, 1)


def _work_bytes(source: str) -> float:
    """How much there is to do, in bytes of data that are read, converted and sent."""
    try:
        found = os.stat(source)  # noqa: PTH116 - a URL is no path
    except OSError:
        return math.inf if "://" in source else 0
    return found.st_blocks * 512 + found.st_size * HASHING


def _allocated_bytes(source: str, *, unknown: int) -> int:
    try:
        return os.stat(source).st_blocks * 512  # noqa: PTH116 - a URL is no path
    except OSError:
        return unknown if "://" in source else 0
