"""Runs a batch for the command line: shows how it goes, writes its reports, and says how it leaves.

On stderr there is a line for each image that ended, one bar for all, and one for each worker. A report
(`--report FORMAT=PATH`) has the whole batch in one file, and is made from the journal.
"""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from imgtool.batch.journal import read_journal
from imgtool.batch.monitor import Event
from imgtool.batch.status import BatchStatus, read_status
from imgtool.cli import checkout, console, quiet_tqdm
from imgtool.cli.bars import When
from imgtool.cli.reports import ReportRequest, check_paths, need_bill, option_of, write_text
from imgtool.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_PART_FAILED
from imgtool.model.batch import FINAL_STATES, GOOD_STATES, BatchOptions, BatchPlan, Task, TaskRecord
from imgtool.report.registry import BATCH_REPORTS, RELATIVE_PATHS
from imgtool.util.text import printable

if TYPE_CHECKING:
    from tqdm import tqdm

NAME_CHARACTERS = 24


class BatchBars:
    """Lines unless `when` is never; bars on a terminal, or when `when` is always. For many threads."""

    def __init__(self, when: When) -> None:
        self._lines = when != "never" and not console.is_logged()
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


__all__ = ["ReportRequest", "check_paths", "option", "show", "write"]

option = option_of(BATCH_REPORTS)


def write(wanted: Sequence[ReportRequest], journal: Path) -> None:
    """Write each; an older report of that name is replaced."""
    if not wanted:
        return
    status = read_status(journal)
    with read_journal(journal) as opened:
        for report_format, path in wanted:
            relative = report_format in RELATIVE_PATHS
            report_of = checkout.reports(opened.report) if relative else opened.report
            write_text(report_format, path, BATCH_REPORTS[report_format](status, report_of))


def show(status: BatchStatus, output: str) -> None:
    """Show the status on stdout."""
    if output == "json":
        from imgtool.report.as_json import batch as as_json  # noqa: PLC0415 - seldom needed
        from imgtool.report.as_json import to_text  # noqa: PLC0415 - the same

        console.show(to_text(as_json.status(status)))
    else:
        from imgtool.report.as_text import batch as as_text  # noqa: PLC0415 - the other form

        console.tell(as_text.status(status, console.paint))


def show_plan(plan: BatchPlan, output: str) -> int:
    """Show what a batch would do, on stdout; the exit status."""
    if output == "json":
        from imgtool.report.as_json import batch as as_json  # noqa: PLC0415 - seldom needed
        from imgtool.report.as_json import to_text  # noqa: PLC0415 - the same

        console.print_out(to_text(as_json.plan(plan)))
    else:
        from imgtool.report.as_text import batch as as_text  # noqa: PLC0415 - the other form

        console.print_out(as_text.plan(plan, console.paint))
    return EXIT_OK


def run_batch(
    plan: BatchPlan,
    chosen: BatchOptions,
    reports: Sequence[ReportRequest],
    output: str,
    when: When,
) -> int:
    """The exit status: 0, 7 when part of it failed, 130 when it was stopped."""
    from imgtool.batch.run import run  # noqa: PLC0415 - the pipeline, which no plan needs

    plan = _with_bills(plan) if need_bill(reports) else plan
    with contextlib.closing(BatchBars(when)) as bars:
        records = run(plan, chosen, bars)
    write(reports, chosen.journal)
    show(read_status(chosen.journal), output)
    return exit_status(records)


def _with_bills(plan: BatchPlan) -> BatchPlan:
    """Let each image's packages be kept in the journal, from which reports are made."""
    wanted = (replace(task, options=replace(task.options, bill=True)) for task in plan.tasks)
    return replace(plan, tasks=tuple(wanted))


def exit_status(records: Sequence[TaskRecord]) -> int:
    """Return the exit status for these records."""
    states = {record.state for record in records}
    if states - FINAL_STATES:
        return EXIT_INTERRUPTED
    return EXIT_PART_FAILED if states - GOOD_STATES else EXIT_OK
