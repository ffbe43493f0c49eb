"""How a batch goes, on stderr: a line for each image that ended, one bar for all, and one for each worker."""

import sys
from threading import Lock
from typing import TYPE_CHECKING, Any

from imgtool.batch.watching import Event
from imgtool.cli import console, quiet_tqdm
from imgtool.cli.bars import When
from imgtool.model.batch import GOOD_STATES, Task, TaskRecord
from imgtool.text import printable

if TYPE_CHECKING:
    from tqdm import tqdm

NAME_CHARACTERS = 24


class BatchBars:
    """Lines unless `when` is never; bars on a terminal, or when `when` is always. For many threads."""

    def __init__(self, when: When) -> None:
        self._lines = when != "never"
        self._bars = when == "always" or (when == "auto" and sys.stderr.isatty())
        self._lock = Lock()
        self._all: tqdm[Any] | None = None
        self._of_task: dict[str, tqdm[Any]] = {}
        self._free: list[int] = []
        self._total = 0
        self._ended = 0

    def begin(self, tasks: int, jobs: int) -> None:
        """The bar of all."""
        self._total = tasks
        self._log(f"{console.paint('batch'.ljust(8), 'title')} {tasks} images, {jobs} at a time")
        if self._bars:
            self._free = list(range(jobs, 0, -1))
            self._all = _bar("batch", tasks, 0, unit=" images", bytes_=False)

    def event(self, task: Task, event: Event) -> None:
        """The bar of the worker that does the task."""
        with self._lock:
            if self._all is None or ("attempt" not in event and task.key not in self._of_task):
                return
            if "attempt" in event:
                self._show(task)
            elif "stage" in event:
                self._of_task[task.key].set_description_str(_label(task, event["stage"]))
            elif "meter" in event:
                bar = self._of_task[task.key]
                bar.total = event["total"] or None
                bar.n = event["done"]
                bar.set_description_str(_label(task, event["meter"]))

    def ended(self, task: Task, record: TaskRecord) -> None:
        """A line, and one step of the bar of all."""
        with self._lock:
            self._ended += 1
            bar = self._of_task.pop(task.key, None)
            if bar is not None:
                self._free.append(-bar.pos)
                bar.close()
            self._log(self._line(task, record))
            if self._all is not None:
                self._all.update(1)
                if self._ended == self._total:
                    self._all.close()

    def notice(self, message: str) -> None:
        """A line."""
        with self._lock:
            self._log(f"{console.paint('batch'.ljust(8), 'title')} {printable(message)}")

    def close(self) -> None:
        """Take what is left of the bars away."""
        with self._lock:
            for bar in (*self._of_task.values(), *([self._all] if self._all is not None else [])):
                bar.close()
            self._of_task.clear()
            self._all = None

    def _show(self, task: Task) -> None:
        if task.key in self._of_task:  # another attempt
            self._of_task[task.key].reset()
        elif self._free:
            self._of_task[task.key] = _bar(_label(task, "start"), None, self._free.pop())

    def _line(self, task: Task, record: TaskRecord) -> str:
        role = "good" if record.state in GOOD_STATES else "bad"
        place = f"[{self._ended}/{self._total}]"
        message = f": {printable(record.message)}" if record.message else f", {record.seconds:.1f} s"
        if record.state == "skipped":
            message = ": an earlier run made it, and it is there"
        return f"{place} {console.paint(record.state, role)} {printable(task.name)}{message}"

    def _log(self, line: str) -> None:
        if not self._lines:
            return
        if self._all is None:
            console.log(line)
            return
        with quiet_tqdm.load().external_write_mode(sys.stderr):
            console.log(line)


def _label(task: Task, stage: str) -> str:
    return f"{printable(task.name)[:NAME_CHARACTERS].ljust(NAME_CHARACTERS)} {stage.ljust(8)}"


def _bar(
    label: str, total: int | None, position: int, *, unit: str = "B", bytes_: bool = True
) -> "tqdm[Any]":
    return quiet_tqdm.load()(
        total=total,
        desc=label,
        unit=unit,
        unit_scale=bytes_,
        unit_divisor=1024,
        position=position,
        file=sys.stderr,
        leave=False,
        dynamic_ncols=True,
    )
