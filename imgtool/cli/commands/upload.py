"""`imgtool upload SOURCE --cloud NAME`: a finished image into Glance."""

from pathlib import Path

import click

from imgtool.cli import delivery_options, options, outcome, state
from imgtool.cli.bars import TerminalProgress, When
from imgtool.cli.delivery import Delivery
from imgtool.pipeline import Order, upload
from imgtool.report import as_json


@click.command("upload", cls=options.OptionalValueCommand)
@click.argument("source", type=options.image_path, metavar="IMAGE")
@delivery_options.delivery
@options.source_format
@click.option("--allow-snapshots", is_flag=True, help="Upload a qcow2 with its internal snapshots.")
@options.dry_run
@options.output
@options.progress
def command(
    source: Path,
    delivery: Delivery,
    source_format: str | None,
    allow_snapshots: bool,
    dry_run: bool,
    output: str,
    progress: When,
) -> int:
    """Upload IMAGE as it is, with properties that say what is inside, and verify what arrived.

    The image is active in Glance with the hash of what was sent, or it is not there at all.
    `imgtool prepare` checks and converts first.
    """
    order = Order(
        source=source,
        clouds=delivery.clouds,
        wanted=delivery.wanted,
        journal=state.uploads_folder(dry_run=dry_run),
        source_format=source_format,
        properties=delivery.properties,
        derive=delivery.derive,
        allow_snapshots=allow_snapshots,
        timeout_seconds=delivery.timeout_seconds,
    )
    told = upload(order, TerminalProgress(progress), dry_run=dry_run)
    return outcome.leave(told, output, as_json.delivered)
