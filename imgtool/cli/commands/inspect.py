"""`imgtool inspect IMAGE`: facts about the image and the guest; judges nothing.

What derives properties and shows the facts is loaded while the sandbox gets ready, and not while it reads:
it asks this process for modules then.
"""

from dataclasses import replace

import click

from imgtool.cli import compared, console, options, sources
from imgtool.cli.bars import When, watch
from imgtool.disk.open_source import incoming
from imgtool.errors import UsageError
from imgtool.model.facts import NO_EXTRAS, GuestQuery
from imgtool.pipeline.inspect import inspect_image
from imgtool.util import ahead


@click.command("inspect", cls=options.OptionalValueCommand)
@click.argument("image", type=options.source)
@click.option(
    "--inventory",
    is_flag=True,
    help="Also tell packages, users, units and settings, which `imgtool diff` compares; with --output json.",
)
@compared.trees
@options.source_format
@options.disk
@options.output
@options.progress
@options.logging
def command(
    image: options.Source,
    inventory: bool,
    trees: tuple[str, ...],
    source_format: str | None,
    disk: str | None,
    output: str,
    progress: When,
) -> None:
    """Show what IMAGE, a file or a URL, is and what is inside; judges nothing.

    Needs no root and mounts nothing. What could not be read is shown as unknown, with the reason.
    """
    if (inventory or trees) and output != "json":
        raise UsageError("--inventory and --files are only shown as JSON", hint="add --output json")
    watched = watch(progress, stages=False)
    ahead.load(["imgtool.glance", "imgtool.report.as_text.facts"])
    with (
        sources.found(image, None, watched, source_format=source_format) as found,
        incoming(found.path, source_format, watched, may_stream=False, disk=disk) as admitted,
    ):
        facts = inspect_image(admitted, watched, _wanted(trees, inventory=inventory))
    from imgtool import glance  # noqa: PLC0415 - see above

    properties = glance.derive(facts, {})
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - see above

        console.show(as_json.to_text(as_json.inspection(facts, properties)))
    else:
        from imgtool.report.as_text import facts as as_text  # noqa: PLC0415 - see above

        console.tell(as_text.inspection(facts, properties, console.paint))


def _wanted(trees: tuple[str, ...], *, inventory: bool) -> GuestQuery:
    if not inventory:
        return replace(NO_EXTRAS, trees=trees)
    return GuestQuery(packages=True, settings=True, privileged=True, trees=trees)
