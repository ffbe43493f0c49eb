"""`imgtool upload IMAGE... --cloud NAME`: finished images into Glance."""

from collections.abc import Sequence

import click

from imgtool.cli import checksums, delivery, options, outcome, several
from imgtool.cli import sources as source_files
from imgtool.cli.bars import When, watch
from imgtool.cli.checksums import Checksums
from imgtool.cli.delivery import DeliveryOptions
from imgtool.cli.several import Running, Shown
from imgtool.model.batch import TaskOptions
from imgtool.pipeline.prepare import upload
from imgtool.pipeline.request import PrepareRequest
from imgtool.report import as_json
from imgtool.util import state_folder


@click.command("upload", cls=options.OptionalValueCommand)
@click.argument("sources", nargs=-1, required=True, metavar="IMAGE...", type=options.source)
@delivery.delivery
@checksums.options
@options.source_format
@options.force_share
@click.option("--allow-snapshots", is_flag=True, help="Upload a qcow2 together with its internal snapshots.")
@delivery.insist
@several.running
@options.dry_run
@options.quiet_delivery
@options.output
@options.progress
@options.logging
def command(
    sources: Sequence[options.Source],
    delivery: DeliveryOptions,
    checksums: Checksums,
    source_format: str | None,
    force_share: bool,
    allow_snapshots: bool,
    insist: bool,
    running: Running,
    dry_run: bool,
    quiet: bool,
    output: str,
    progress: When,
) -> int:
    """Upload each IMAGE as it is, with properties that say what is inside, and verify what arrived.

    The image is active in Glance with the hash of what was sent, or it is not there at all.
    `imgtool prepare` checks and converts first. IMAGE is a file or a URL. Several are a batch, as with
    `imgtool prepare`.
    """
    detail = options.detail(quiet=quiet)
    progress = "never" if quiet else progress
    source_files.refuse_for_method(sources, delivery.wanted.method)
    hashes = checksums.of_each(sources)
    if len(sources) > 1:
        like = delivery.task(
            source_format=source_format,
            options=TaskOptions(
                as_it_is=True,
                force_share=force_share,
                allow_snapshots=allow_snapshots,
                insist=insist,
                timeout_seconds=delivery.timeout_seconds,
            ),
        )
        shown = Shown(output, progress, dry_run=dry_run)
        return several.run("imgtool upload", list(zip(sources, hashes, strict=True)), like, running, shown)
    web = source_files.from_web(sources[0], hashes[0], delivery.wanted.method)
    order = PrepareRequest(
        source=source_files.named(sources[0]),
        source_url=source_files.url_of(sources[0]),
        find=None if web else source_files.finder(sources[0], hashes[0], source_format),
        web=web,
        clouds=delivery.clouds,
        wanted=delivery.wanted,
        journal=state_folder.uploads_folder(dry_run=dry_run),
        source_format=source_format,
        force_share=force_share,
        properties=delivery.properties,
        derive=delivery.derive,
        source_hash=delivery.source_hash,
        allow_snapshots=allow_snapshots,
        insist=insist,
        timeout_seconds=delivery.timeout_seconds,
    )
    result = upload(order, watch(progress), dry_run=dry_run)
    return outcome.leave(result, output, as_json.delivered, detail)
