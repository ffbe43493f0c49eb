"""Runs a batch for the command line: shows how it goes, writes its reports, and says how it leaves.

A report (`--report FORMAT=PATH`) has the whole batch in one file, and is made from the journal.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imgtool.batch.journal import read_journal
from imgtool.batch.status import BatchStatus, read_status
from imgtool.cli import checkout, console
from imgtool.cli.bars import When
from imgtool.cli.batch_bars import watch_batch
from imgtool.cli.reports import ReportRequest, check_paths, need_bill, option_of, write_text
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_PART_FAILED
from imgtool.model.batch import FINAL_STATES, GOOD_STATES, BatchOptions, BatchPlan, TaskRecord
from imgtool.report.registry import BATCH_REPORTS, RELATIVE_PATHS

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

        console.tell(as_text.status(status, console.paint, console.width()))


def show_plan(plan: BatchPlan, output: str) -> int:
    """Show what a batch would do, on stdout; the exit status: 1 where something will go wrong."""
    if output == "json":
        from imgtool.report.as_json import batch as as_json  # noqa: PLC0415 - seldom needed
        from imgtool.report.as_json import to_text  # noqa: PLC0415 - the same

        console.print_out(to_text(as_json.plan(plan)))
    else:
        from imgtool.report.as_text import batch as as_text  # noqa: PLC0415 - the other form
        from imgtool.report.as_text.fitting import fitted  # noqa: PLC0415 - the same

        width = console.width()
        console.print_out(fitted(as_text.plan(plan, console.paint, width), width))
    return EXIT_CHECK_FAILED if plan.problems else EXIT_OK


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
    with contextlib.closing(watch_batch(when)) as bars:
        records = run(plan, chosen, bars)
    write(reports, chosen.journal)
    show(read_status(chosen.journal), output)
    return exit_status(records, fail_fast=chosen.fail_fast)


def _with_bills(plan: BatchPlan) -> BatchPlan:
    """Let each image's packages be kept in the journal, from which reports are made."""
    wanted = (replace(task, options=replace(task.options, bill=True)) for task in plan.tasks)
    return replace(plan, tasks=tuple(wanted))


def exit_status(records: Sequence[TaskRecord], *, fail_fast: bool = False) -> int:
    """Return the exit status for these records; `fail_fast`: what waits was not begun after a failure."""
    states = {record.state for record in records}
    left = states - FINAL_STATES
    if left and not (fail_fast and left == {"waiting"} and states & FINAL_STATES - GOOD_STATES):
        return EXIT_INTERRUPTED
    return EXIT_PART_FAILED if states - GOOD_STATES else EXIT_OK
