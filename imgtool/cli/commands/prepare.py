"""`imgtool prepare SOURCE --cloud NAME`: the whole pipeline."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from imgtool.checks import registry
from imgtool.cli import console, options, policies
from imgtool.cli import reports as report_files
from imgtool.cli.bars import TerminalProgress, When
from imgtool.convert import TargetFormat
from imgtool.disk.incoming import STREAM
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK, ImageUnreadableError, UnsafeImageError, UsageError
from imgtool.formats.claims import without_endings
from imgtool.model.conversion import Compression
from imgtool.model.story import Story
from imgtool.pipeline import Order, prepare
from imgtool.report import as_json
from imgtool.report.as_text import story as as_text


@click.command("prepare", cls=options.OptionalValueCommand)
@click.argument("source", type=options.image_path)
@options.cloud
@options.name
@options.visibility
@options.properties
@options.source_format
@options.target_format
@options.compress
@policies.option
@report_files.option
@options.dry_run
@options.output
@options.progress
def command(
    source: Path,
    cloud: str | None,
    name: str | None,
    visibility: str,
    properties: Mapping[str, str],
    source_format: str | None,
    target_format: TargetFormat,
    compress: Compression,
    policy: str,
    reports: Sequence[report_files.Wanted],
    dry_run: bool,
    output: str,
    progress: When,
) -> int:
    """Inspect, check, convert, upload and verify SOURCE.

    At the end the image is active in Glance, its hash equal to what was sent, its properties derived from
    what is inside; or there is a reason why not, and nothing is left behind.
    """
    report_files.check_paths(reports)
    order = Order(
        source=source,
        cloud=cloud,
        name=name or _name_of(source),
        source_format=source_format,
        target_format=target_format,
        compression=compress,
        visibility=visibility,
        properties=properties,
        policy=policies.chosen(policy),
        with_map=report_files.need_disk_map(reports),
    )
    try:
        told = prepare(order, TerminalProgress(progress), dry_run=dry_run)
    except (UnsafeImageError, ImageUnreadableError) as error:
        report_files.write(reports, [Story(registry.refused(str(source), error, order.policy))])
        raise
    report_files.write(reports, [told])
    if output == "json":
        console.show(as_json.to_text(as_json.story(told)))
    else:
        console.show(as_text.story(told, console.paint))
    return EXIT_OK if told.judgement is not None and told.judgement.passed else EXIT_CHECK_FAILED


def _name_of(source: Path) -> str:
    if source == STREAM:
        raise UsageError("what comes from stdin has no name", hint="give --name")
    return without_endings(source.name)
