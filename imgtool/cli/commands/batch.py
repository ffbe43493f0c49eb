"""`imgtool batch MANIFEST`: many images; `imgtool batch --status JOURNAL`: where that stands."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from imgtool.batch.plan import read_plan
from imgtool.batch.standing import read_standing
from imgtool.cli import batch_reports, console, options
from imgtool.cli.bars import When
from imgtool.errors import EXIT_OK, UsageError
from imgtool.model.batch import BatchOptions, BatchPlan


@click.command("batch", cls=options.OptionalValueCommand)
@click.argument("manifest", type=options.image_path, required=False)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images at a time. Default: what cores, memory and free disk allow.",
)
@click.option(
    "--journal",
    type=options.image_path,
    metavar="PATH",
    help="Where to note what is done, so that the same command goes on. Default: MANIFEST.journal.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Run on the workers of that dask.distributed scheduler.")
@click.option(
    "--metrics", type=options.image_path, metavar="PATH", help="Keep metrics there, as Prometheus reads them."
)
@click.option(
    "--status",
    type=options.image_path,
    metavar="JOURNAL",
    help="Only say where the batch with that journal stands.",
)
@click.option(
    "--boot",
    is_flag=True,
    help="Also boot each image that goes to a cloud, where the manifest says nothing of it.",
)
@batch_reports.option
@options.dry_run
@options.output
@options.progress
def command(
    manifest: Path | None,
    jobs: int | None,
    journal: Path | None,
    scheduler: str | None,
    metrics: Path | None,
    status: Path | None,
    boot: bool,
    reports: Sequence[batch_reports.Wanted],
    dry_run: bool,
    output: str,
    progress: When,
) -> int:
    """Prepare all images of MANIFEST, each in a process of its own.

    What a stopped run has done is not done again: give the same command once more. Exit status 7 says that
    some images did not come to a good end; which, and why, is in the result and in the journal.
    """
    if status is not None:
        return _status(status, manifest, reports, output)
    if manifest is None:
        raise UsageError("which batch?", hint="give a MANIFEST, or --status JOURNAL")
    if jobs is not None and scheduler is not None:
        raise UsageError("--jobs is of this machine", hint="how many a cluster does, its workers' disks say")
    batch_reports.check_paths(reports)
    plan = read_plan(manifest, os.environ, boot=boot)
    if dry_run:
        return _dry_run(plan, output)
    from imgtool.cli.batch_run import run_batch  # noqa: PLC0415 - the pipeline, which no plan needs

    chosen = BatchOptions(journal or default_journal(manifest), jobs, scheduler, metrics)
    return run_batch(plan, chosen, reports, output, progress)


def default_journal(manifest: Path) -> Path:
    """Beside the manifest."""
    return manifest.with_name(f"{manifest.name}.journal")


def _dry_run(plan: BatchPlan, output: str) -> int:
    if output == "json":
        from imgtool.report.as_json import batch as as_json  # noqa: PLC0415 - seldom needed
        from imgtool.report.as_json import to_text  # noqa: PLC0415 - the same

        console.show(to_text(as_json.plan(plan)))
    else:
        from imgtool.report.as_text import batch as as_text  # noqa: PLC0415 - the other form

        console.show(as_text.plan(plan, console.paint))
    return EXIT_OK


def _status(
    journal: Path, manifest: Path | None, reports: Sequence[batch_reports.Wanted], output: str
) -> int:
    if manifest is not None:
        raise UsageError("--status looks at a journal, not at a manifest", hint="leave MANIFEST out")
    batch_reports.check_paths(reports)
    batch_reports.show(read_standing(journal), output)
    batch_reports.write(reports, journal)
    return EXIT_OK
