"""`imgtool diff OLD NEW`: what differs between two images."""

from collections.abc import Sequence

import click

from imgtool.cli import compared, console, options, policies, side_by_side
from imgtool.cli import reports as report_files
from imgtool.cli.bars import When, watch
from imgtool.diff.compare import difference
from imgtool.disk.open_source import STREAM
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK
from imgtool.model.choice import CheckChoice
from imgtool.report.difference import DIFFERENCE_REPORTS


@click.command("diff", cls=options.OptionalValueCommand)
@click.argument("old", type=options.source)
@click.argument("new", type=options.source)
@compared.trees
@click.option("--exit-code", is_flag=True, help="Exit with status 1 if the images differ, as diff does.")
@policies.option
@policies.choice
@report_files.option_of(DIFFERENCE_REPORTS)
@options.output
@options.progress
@options.logging
def command(
    old: options.Source,
    new: options.Source,
    trees: tuple[str, ...],
    exit_code: bool,
    policy: str,
    choice: CheckChoice,
    reports: Sequence[report_files.ReportRequest],
    output: str,
    progress: When,
) -> int:
    """Show what differs between OLD and NEW: packages, kernels, units, users, settings, the disk, findings.

    Each is an image, whatever its format, a URL, an inspection saved with `imgtool inspect --inventory
    --output json`, or a bill of materials. Exit status 0, with --exit-code 1 where they differ or where a
    part could not be read.
    """
    report_files.check_paths(reports)
    applied = policies.chosen(policy, choice)
    watched = watch(progress, stages=False)
    at_once = 1 if STREAM in (old, new) else 2
    sides = dict(
        side_by_side.completed(
            lambda source: compared.snapshot(source, applied, trees, watched), (old, new), at_once
        )
    )
    found = difference(sides[0], sides[1], with_files=bool(trees))
    for report_format, path in reports:
        report_files.write_text(report_format, path, DIFFERENCE_REPORTS[report_format](found))
    if output == "json":
        from imgtool.report.as_json.difference import document  # noqa: PLC0415 - seldom needed
        from imgtool.report.as_json.values import to_text  # noqa: PLC0415 - the same

        console.show(to_text(document(found)))
    else:
        from imgtool.report.as_text import difference as as_text  # noqa: PLC0415 - the other form

        console.show(as_text.difference(found, console.paint).removesuffix("\n"))
    return EXIT_CHECK_FAILED if exit_code and not found.is_same else EXIT_OK
