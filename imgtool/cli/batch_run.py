"""Runs a batch for the command line: shows it, writes its reports, and says how it leaves."""

import contextlib
from collections.abc import Sequence

from imgtool.batch.run import run
from imgtool.batch.standing import read_standing
from imgtool.cli import batch_reports
from imgtool.cli.bars import When
from imgtool.cli.batch_bars import BatchBars
from imgtool.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_PART_FAILED
from imgtool.model.batch import FINAL_STATES, GOOD_STATES, BatchOptions, BatchPlan, TaskRecord


def run_batch(
    plan: BatchPlan,
    chosen: BatchOptions,
    reports: Sequence[batch_reports.Wanted],
    output: str,
    when: When,
) -> int:
    """The exit status: 0, 7 when part of it failed, 130 when it was stopped."""
    with contextlib.closing(BatchBars(when)) as bars:
        records = run(plan, chosen, bars)
    batch_reports.show(read_standing(chosen.journal), output)
    batch_reports.write(reports, chosen.journal)
    return exit_status(records)


def exit_status(records: Sequence[TaskRecord]) -> int:
    """Of what became of all tasks."""
    states = {record.state for record in records}
    if states - FINAL_STATES:
        return EXIT_INTERRUPTED
    return EXIT_PART_FAILED if states - GOOD_STATES else EXIT_OK
