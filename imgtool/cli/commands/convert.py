"""`imgtool convert SOURCE TARGET`: raw or qcow2 out, any safe format that qemu-img reads in."""

from pathlib import Path

import click

from imgtool import convert, pipeline
from imgtool.cli import console, options
from imgtool.cli.bars import TerminalProgress, When
from imgtool.model import Compression
from imgtool.report import as_json, as_text


@click.command("convert", cls=options.OptionalValueCommand)
@click.argument("source", type=options.image_path)
@click.argument("target", type=options.image_path)
@options.source_format
@options.target_format
@options.compress
@click.option("--force", is_flag=True, help="Replace TARGET if it exists.")
@options.dry_run
@options.output
@options.progress
def command(
    source: Path,
    target: Path,
    source_format: str | None,
    target_format: convert.TargetFormat,
    compress: Compression,
    force: bool,
    dry_run: bool,
    output: str,
    progress: When,
) -> None:
    """Convert SOURCE to TARGET.

    TARGET appears when it is complete and verified, and not at all otherwise. SOURCE may be compressed
    as a whole (gz, xz, zst, bz2).
    """
    watched = TerminalProgress(progress)
    with pipeline.opened(source, source_format, watched) as image:
        plan = convert.plan(image, target.absolute(), target_format, compress, overwrite=force)
        if dry_run:
            convert.preflight(plan)
            show = (
                as_json.to_text(as_json.conversion_plan(plan)),
                as_text.conversion_plan(plan, console.paint),
            )
        else:
            result = convert.execute(plan, watched)
            show = as_json.to_text(as_json.conversion(result)), as_text.conversion(result, console.paint)
    console.show(show[0] if output == "json" else show[1])
