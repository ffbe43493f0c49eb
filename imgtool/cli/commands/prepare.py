"""`imgtool prepare SOURCE --cloud NAME`: the whole pipeline."""

from collections.abc import Sequence
from pathlib import Path

import click

from imgtool.checks import registry
from imgtool.cli import boot_options, conversion_options, delivery_options, options, outcome, policies, state
from imgtool.cli import reports as report_files
from imgtool.cli.bars import TerminalProgress, When
from imgtool.cli.delivery import Delivery
from imgtool.convert import TargetFormat
from imgtool.errors import EXIT_CHECK_FAILED, ImageUnreadableError, UnsafeImageError
from imgtool.model.boot import BootOptions
from imgtool.model.conversion import Compression, ConversionOptions
from imgtool.model.story import Story
from imgtool.pipeline import Order, prepare
from imgtool.report import as_json


@click.command("prepare", cls=options.OptionalValueCommand)
@click.argument("source", type=options.image_path)
@delivery_options.delivery
@options.source_format
@options.target_format
@options.compress
@conversion_options.conversion_for_upload
@delivery_options.keep
@policies.option
@boot_options.boot
@report_files.option
@options.dry_run
@options.output
@options.progress
def command(
    source: Path,
    delivery: Delivery,
    source_format: str | None,
    target_format: TargetFormat,
    compress: Compression,
    conversion: ConversionOptions,
    keep: Path | None,
    policy: str,
    boot: BootOptions | None,
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
        clouds=delivery.clouds,
        wanted=delivery.wanted,
        journal=state.uploads_folder(dry_run=dry_run),
        source_format=source_format,
        target_format=target_format,
        compression=compress,
        conversion=conversion,
        keep=keep,
        properties=delivery.properties,
        derive=delivery.derive,
        policy=policies.chosen(policy),
        boot=boot,
        with_map=report_files.need_disk_map(reports),
        timeout_seconds=delivery.timeout_seconds,
    )
    try:
        told = prepare(order, TerminalProgress(progress), dry_run=dry_run)
    except (UnsafeImageError, ImageUnreadableError) as error:
        report_files.write(reports, [Story(registry.refused(str(source), error, order.policy))])
        raise
    report_files.write(reports, [told])
    status = outcome.leave(told, output, as_json.story)
    passed = told.judgement is not None and told.judgement.passed
    return status if passed else EXIT_CHECK_FAILED
