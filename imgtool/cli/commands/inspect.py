"""`imgtool inspect IMAGE`: facts about the image and the guest; judges nothing."""

import click

from imgtool import glance
from imgtool.cli import console, options, sources
from imgtool.cli.bars import When, watch
from imgtool.disk.open_source import incoming
from imgtool.pipeline.inspect import inspect_image
from imgtool.report import as_json
from imgtool.report.as_text import facts as as_text


@click.command("inspect", cls=options.OptionalValueCommand)
@click.argument("image", type=options.source)
@options.source_format
@options.disk
@options.output
@options.progress
@options.logging
def command(
    image: options.Source, source_format: str | None, disk: str | None, output: str, progress: When
) -> None:
    """Show what IMAGE, a file or a URL, is and what is inside; judges nothing.

    Needs no root and mounts nothing. What could not be read is shown as unknown, with the reason.
    """
    watched = watch(progress, stages=False)
    with (
        sources.found(image, None, watched, source_format=source_format) as found,
        incoming(found.path, source_format, watched, may_stream=False, disk=disk) as admitted,
    ):
        facts = inspect_image(admitted, watched)
    properties = glance.derive(facts, {})
    if output == "json":
        console.show(as_json.to_text(as_json.inspection(facts, properties)))
    else:
        console.tell(as_text.inspection(facts, properties, console.paint))
