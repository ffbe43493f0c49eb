"""`imgtool convert SOURCE TARGET`: raw or qcow2 out, any safe format that qemu-img reads in.

What converts is loaded while the sandbox looks at the source.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgtool.cli import checksums, console, conversion_options, options, sources
from imgtool.cli.bars import When, watch
from imgtool.cli.checksums import Checksums
from imgtool.disk.open_source import STREAM, incoming
from imgtool.formats.claims import MadeFormat, format_to_make
from imgtool.util import ahead

if TYPE_CHECKING:
    from imgtool.model.conversion import Compression, ConversionOptions, ConversionPlan, ConversionResult

_CONVERTING = ("imgtool.convert.convert",)
_JUDGING = "imgtool.convert.by_qemu_img"
"""What a qcow2 needs besides."""
_SHOWING = "imgtool.report.as_text.conversion"


@click.command("convert", cls=options.OptionalValueCommand)
@click.argument("source", type=options.source)
@click.argument("target", type=options.file_or_stdout)
@options.source_format
@options.disk
@options.force_share
@conversion_options.target_format_by_name
@options.compress
@checksums.options
@conversion_options.conversion
@click.option(
    "--force",
    is_flag=True,
    help="Replace an existing TARGET, overwrite a block device, or convert a corrupt SOURCE.",
)
@options.dry_run
@options.output
@options.progress
@options.logging
def command(
    source: options.Source,
    target: Path,
    source_format: str | None,
    disk: str | None,
    force_share: bool,
    target_format: MadeFormat | None,
    compress: "Compression",
    checksums: Checksums,
    conversion: "ConversionOptions",
    force: bool,
    dry_run: bool,
    output: str,
    progress: When,
) -> None:
    """Convert SOURCE to TARGET.

    TARGET appears when it is complete and verified, and not at all otherwise. SOURCE may be a URL of http or
    https, an OVA, or compressed as a whole (gz, xz, zst, bz2). SOURCE may be - for stdin, and TARGET - for
    stdout with -O raw; TARGET may be a block device with -O raw and --force.

    Without -O the ending of TARGET decides: raw for .raw, otherwise qcow2. An ending that claims another
    format than -O is an error.
    """
    made = format_to_make(target.name, target_format)
    watched = watch(progress)
    to_stdout = target == STREAM
    sources.refuse_early(source, target, overwrite=force)
    plain = conversion.verify != "full" and not conversion.sparsify
    may_stream = conversion.engine != "qemu-img" and plain
    ahead.load([*_CONVERTING, *([_JUDGING] if made == "qcow2" else []), _SHOWING])
    with (
        sources.found(source, checksums.of(source), watched, source_format=source_format, disk=disk) as found,
        incoming(
            found.path,
            source_format,
            watched,
            may_stream=may_stream,
            force_share=force_share,
            admitted=found.admitted,
            disk=disk,
        ) as image,
    ):
        from imgtool.convert import convert  # noqa: PLC0415 - see above

        named = target if to_stdout else target.absolute()
        plan = convert.plan(image, named, made, compress, overwrite=force, trusted=force, options=conversion)
        if dry_run:
            convert.preflight(plan)
            shown = _told_plan(convert.sparsified(plan, watched), output)
        else:
            shown = _told_result(convert.execute(plan, watched), output)
    if to_stdout and not dry_run:
        console.log(shown)
    elif output == "json":
        console.show(shown)
    else:
        console.tell(shown)


def _told_plan(plan: "ConversionPlan", output: str) -> str:
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - loaded only where it is needed

        return as_json.to_text(as_json.conversion_plan(plan))
    from imgtool.report.as_text import conversion as as_text  # noqa: PLC0415 - see above

    return as_text.conversion_plan(plan, console.paint)


def _told_result(result: "ConversionResult", output: str) -> str:
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - loaded only where it is needed

        return as_json.to_text(as_json.conversion(result))
    from imgtool.report.as_text import conversion as as_text  # noqa: PLC0415 - see above

    return as_text.conversion(result, console.paint)
