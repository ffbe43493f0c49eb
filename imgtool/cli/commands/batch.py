"""`imgtool batch MANIFEST`: many images; `imgtool batch --status JOURNAL`: where that stands."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from imgtool.batch.plan import only as keep_only
from imgtool.batch.plan import read_plan
from imgtool.batch.status import read_status
from imgtool.cli import batch_run, boot_options, delivery, options
from imgtool.cli.bars import When
from imgtool.errors import EXIT_OK, UsageError
from imgtool.model.batch import BatchOptions
from imgtool.model.cloud_boot import BootPlace
from imgtool.model.source import SourceHash


@click.command("batch", cls=options.OptionalValueCommand)
@click.argument("manifest", type=options.image_path, required=False)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of images to process at once. Default: as many as cores, memory and free disk allow.",
)
@click.option(
    "--journal",
    type=options.file,
    metavar="PATH",
    help="Record progress here, so that rerunning the command resumes the batch. Default: MANIFEST.journal.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Run on the workers of this dask.distributed scheduler.")
@click.option(
    "--metrics", type=options.file, metavar="PATH", help="Write metrics for Prometheus to this file."
)
@click.option(
    "--status",
    type=options.image_path,
    metavar="JOURNAL",
    help="Show the status of the batch in JOURNAL and exit.",
)
@boot_options.boot_of_a_batch
@click.option(
    "--sparsify",
    is_flag=True,
    help="Leave out the guests' free blocks, as `prepare --sparsify`, unless the manifest says otherwise.",
)
@delivery.source_hash
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Take only images whose name, file name or source fits this pattern (*, ?, [...]). Repeatable."
    " Default: all.",
)
@click.option(
    "--check-only",
    is_flag=True,
    help="Judge the images and show one table of them; convert and upload nothing, and ask no cloud.",
)
@click.option(
    "--fail-fast",
    is_flag=True,
    help="Begin no other image once one has failed. Default: what fails stops no other.",
)
@batch_run.option
@options.dry_run
@options.output
@options.progress
@options.logging
def command(
    manifest: Path | None,
    jobs: int | None,
    journal: Path | None,
    scheduler: str | None,
    metrics: Path | None,
    status: Path | None,
    boot: BootPlace | None,
    sparsify: bool,
    source_hash: SourceHash | None,
    only: tuple[str, ...],
    check_only: bool,
    fail_fast: bool,
    reports: Sequence[batch_run.ReportRequest],
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
        raise UsageError("MANIFEST or --status JOURNAL is required", hint="see `imgtool batch --help`")
    if jobs is not None and scheduler is not None:
        raise UsageError(
            "--jobs cannot be used with --scheduler",
            hint="the `disk` resources of the workers set how many images run at once",
        )
    if fail_fast and scheduler is not None:
        raise UsageError("--fail-fast cannot be used with --scheduler", hint="leave --fail-fast out")
    batch_run.check_paths(reports)
    usual = source_hash or "sha256"
    plan = read_plan(manifest, os.environ, boot=boot, sparsify=sparsify, source_hash=usual)
    plan = keep_only(plan, only)
    if dry_run:
        return batch_run.show_plan(plan, output)
    if check_only:
        _refuse_with_check_only(journal=journal, scheduler=scheduler, metrics=metrics, boot=boot)
        from imgtool.cli import batch_check  # noqa: PLC0415 - the pipeline of one image

        return batch_check.run(plan, jobs, reports, output, progress)
    chosen = BatchOptions(journal or default_journal(manifest), jobs, scheduler, metrics, fail_fast)
    return batch_run.run_batch(plan, chosen, reports, output, progress)


def _refuse_with_check_only(**given: object) -> None:
    """Raise UsageError for an option that says how images are made."""
    for name, value in given.items():
        if value is not None:
            raise UsageError(
                f"--{name} cannot be used with --check-only",
                hint=f"leave --{name} out: nothing is made, so nothing has to be resumed or counted",
            )


def default_journal(manifest: Path) -> Path:
    """Return the default journal, which is beside the manifest."""
    return manifest.with_name(f"{manifest.name}.journal")


def _status(
    journal: Path, manifest: Path | None, reports: Sequence[batch_run.ReportRequest], output: str
) -> int:
    if manifest is not None:
        raise UsageError("--status looks at a journal, not at a manifest", hint="leave MANIFEST out")
    batch_run.check_paths(reports)
    batch_run.write(reports, journal)
    batch_run.show(read_status(journal), output)
    return EXIT_OK
