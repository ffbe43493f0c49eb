"""`imgtool upload SOURCE --cloud NAME`: a finished image into Glance."""

import click

from imgtool.cli import checksums, delivery, options, outcome, sources, state_folder
from imgtool.cli.bars import TerminalProgress, When
from imgtool.cli.checksums import Checksums
from imgtool.cli.delivery import DeliveryOptions
from imgtool.pipeline.prepare import upload
from imgtool.pipeline.request import PrepareRequest
from imgtool.report import as_json


@click.command("upload", cls=options.OptionalValueCommand)
@click.argument("source", type=options.source, metavar="IMAGE")
@delivery.delivery
@checksums.options
@options.source_format
@options.force_share
@click.option("--allow-snapshots", is_flag=True, help="Upload a qcow2 together with its internal snapshots.")
@delivery.insist
@options.dry_run
@options.output
@options.progress
@options.logging
def command(
    source: options.Source,
    delivery: DeliveryOptions,
    checksums: Checksums,
    source_format: str | None,
    force_share: bool,
    allow_snapshots: bool,
    insist: bool,
    dry_run: bool,
    output: str,
    progress: When,
) -> int:
    """Upload IMAGE as it is, with properties that say what is inside, and verify what arrived.

    The image is active in Glance with the hash of what was sent, or it is not there at all.
    `imgtool prepare` checks and converts first.
    """
    order = PrepareRequest(
        source=sources.named(source),
        find=sources.finder(source, checksums.of(source), source_format),
        clouds=delivery.clouds,
        wanted=delivery.wanted,
        journal=state_folder.uploads_folder(dry_run=dry_run),
        source_format=source_format,
        force_share=force_share,
        properties=delivery.properties,
        derive=delivery.derive,
        allow_snapshots=allow_snapshots,
        insist=insist,
        timeout_seconds=delivery.timeout_seconds,
    )
    result = upload(order, TerminalProgress(progress), dry_run=dry_run)
    return outcome.leave(result, output, as_json.delivered)
