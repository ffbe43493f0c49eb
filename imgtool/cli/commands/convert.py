"""`imgtool convert SOURCE TARGET`: raw or qcow2 out, any safe format that qemu-img reads in."""

from pathlib import Path

import click

from imgtool import convert
from imgtool.cli import console, conversion_options, options
from imgtool.cli.bars import TerminalProgress, When
from imgtool.disk.incoming import STREAM, incoming
from imgtool.model.conversion import Compression, ConversionOptions, ConversionPlan, ConversionResult
from imgtool.report.as_text import conversion as as_text


@click.command("convert", cls=options.OptionalValueCommand)
@click.argument("source", type=options.image_path)
@click.argument("target", type=options.image_path)
@options.source_format
@options.target_format
@options.compress
@conversion_options.conversion
@click.option("--force", is_flag=True, help="Replace TARGET if it exists; overwrite a block device.")
@options.dry_run
@options.output
@options.progress
def command(
    source: Path,
    target: Path,
    source_format: str | None,
    target_format: convert.TargetFormat,
    compress: Compression,
    conversion: ConversionOptions,
    force: bool,
    dry_run: bool,
    output: str,
    progress: When,
) -> None:
    """Convert SOURCE to TARGET.

    TARGET appears when it is complete and verified, and not at all otherwise. SOURCE may be compressed
    as a whole (gz, xz, zst, bz2). SOURCE may be - for stdin, and TARGET - for stdout with -O raw; TARGET
    may be a block device with -O raw and --force.
    """
    watched = TerminalProgress(progress)
    to_stdout = target == STREAM
    may_stream = conversion.engine != "qemu-img" and conversion.verify != "full"
    with incoming(source, source_format, watched, may_stream=may_stream) as image:
        named = target if to_stdout else target.absolute()
        plan = convert.plan(image, named, target_format, compress, overwrite=force, options=conversion)
        if dry_run:
            convert.preflight(plan)
            shown = _told_plan(plan, output)
        else:
            shown = _told_result(convert.execute(plan, watched), output)
    if to_stdout and not dry_run:
        console.log(shown)
    else:
        console.show(shown)


def _told_plan(plan: ConversionPlan, output: str) -> str:
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - loaded only where it is needed

        return as_json.to_text(as_json.conversion_plan(plan))
    return as_text.conversion_plan(plan, console.paint)


def _told_result(result: ConversionResult, output: str) -> str:
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - loaded only where it is needed

        return as_json.to_text(as_json.conversion(result))
    return as_text.conversion(result, console.paint)
