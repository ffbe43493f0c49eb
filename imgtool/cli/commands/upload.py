"""`imgtool upload IMAGE --cloud NAME`: a finished image into Glance."""

from collections.abc import Mapping
from pathlib import Path

import click

from imgtool import glance
from imgtool.cli import console, options
from imgtool.cli.bars import TerminalProgress, When
from imgtool.formats.claims import without_endings
from imgtool.formats.gate import admit
from imgtool.model.delivery import Wanted
from imgtool.pipeline import inspect_image
from imgtool.report import as_json
from imgtool.report.as_text import delivery as as_text


@click.command("upload", cls=options.OptionalValueCommand)
@click.argument("image", type=options.image_path)
@options.cloud
@options.name
@options.visibility
@options.properties
@options.source_format
@options.dry_run
@options.output
@options.progress
def command(
    image: Path,
    cloud: str | None,
    name: str | None,
    visibility: str,
    properties: Mapping[str, str],
    source_format: str | None,
    dry_run: bool,
    output: str,
    progress: When,
) -> None:
    """Upload IMAGE as it is, with properties that say what is inside, and verify what arrived.

    The image is active in Glance with the hash of what was sent, or it is not there at all.
    `imgtool prepare` checks and converts first.
    """
    watched = TerminalProgress(progress)
    facts = inspect_image(admit(image, source_format), watched)
    plan = glance.plan_upload(
        facts.image,
        cloud=cloud,
        wanted=Wanted(name or without_endings(image.name), visibility),
        properties=glance.derive(facts, properties),
    )
    if dry_run:
        show = as_json.to_text(as_json.upload_plan(plan)), as_text.upload_plan(plan, console.paint)
    else:
        result = glance.execute(plan, glance.connect(cloud), watched)
        show = as_json.to_text(as_json.upload(result)), as_text.upload(result, console.paint)
    console.show(show[0] if output == "json" else show[1])
