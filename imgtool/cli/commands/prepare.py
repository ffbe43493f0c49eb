"""`imgtool prepare SOURCE... --cloud NAME`: the whole pipeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from imgtool.cli import (
    boot_options,
    checksums,
    conversion_options,
    delivery,
    fix_options,
    options,
    outcome,
    policies,
    several,
)
from imgtool.cli import reports as report_files
from imgtool.cli import sources as source_files
from imgtool.cli.bars import When, watch
from imgtool.cli.checksums import Checksums
from imgtool.cli.delivery import DeliveryOptions, new_file
from imgtool.cli.several import Running, Shown
from imgtool.convert.convert import TargetFormat
from imgtool.errors import EXIT_CHECK_FAILED, ImageUnreadableError, UnsafeImageError
from imgtool.fix.on_the_way import repairing
from imgtool.formats.claims import format_to_make
from imgtool.model.batch import TaskOptions
from imgtool.model.boot import BootOptions
from imgtool.model.choice import CheckChoice
from imgtool.model.cloud_boot import CloudBootOptions
from imgtool.model.conversion import Compression, ConversionOptions
from imgtool.model.fix import FixOptions
from imgtool.pipeline.judge import refusal
from imgtool.pipeline.prepare import prepare
from imgtool.pipeline.request import PrepareRequest
from imgtool.report import as_json
from imgtool.util import state_folder


@click.command("prepare", cls=options.OptionalValueCommand)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=options.source)
@delivery.delivery
@checksums.options
@options.source_format
@options.disk
@options.force_share
@options.target_format
@options.compress
@conversion_options.conversion_for_upload
@delivery.store_type
@delivery.keep
@delivery.insist
@policies.option
@policies.choice
@boot_options.boot_of_an_upload
@fix_options.on_the_way
@several.running
@report_files.option
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
    disk: str | None,
    force_share: bool,
    target_format: Literal["auto", "raw", "qcow2"],
    compress: Compression,
    conversion: ConversionOptions,
    store_type: str | None,
    keep: Path | None,
    insist: bool,
    policy: str,
    choice: CheckChoice,
    boot: BootOptions | None,
    cloud_boot: CloudBootOptions | None,
    fix: FixOptions | None,
    running: Running,
    reports: Sequence[report_files.ReportRequest],
    dry_run: bool,
    quiet: bool,
    output: str,
    progress: When,
) -> int:
    """Inspect, check, convert, upload and verify each SOURCE, a file or a URL.

    At the end the image is active in Glance, its hash equal to what was sent, its properties derived from
    what is inside; or there is a reason why not, and nothing is left behind. Several images are a batch: each
    has a process of its own, one that fails does not stop the others, and the exit status is then 7.
    """
    detail = options.detail(quiet=quiet)
    progress = "never" if quiet else progress
    report_files.check_paths(reports)
    source_files.refuse_unread(delivery.wanted.method)
    applied = policies.chosen(policy, choice)
    hashes = checksums.of_each(sources)
    open_format = _is_open(target_format, compress, conversion, keep)
    if len(sources) > 1:
        like = delivery.task(
            source_format=source_format,
            disk=disk,
            target_format="auto" if open_format else "qcow2" if target_format == "auto" else target_format,
            store_type=store_type,
            compression=compress,
            policy=policy,
            boot=boot is not None,
            options=TaskOptions(
                conversion=conversion,
                boot=boot or BootOptions(),
                cloud_boot=cloud_boot,
                fix=fix,
                force_share=force_share,
                insist=insist,
                choice=choice,
                timeout_seconds=delivery.timeout_seconds,
            ),
        )
        shown = Shown(output, progress, reports, keep, dry_run=dry_run)
        return several.run("imgtool prepare", list(zip(sources, hashes, strict=True)), like, running, shown)
    source = sources[0]
    keep = None if keep is None else new_file(keep)
    made = _format(target_format, keep)
    order = PrepareRequest(
        source=source_files.named(source),
        source_url=source_files.url_of(source),
        find=source_files.finder(source, hashes[0], source_format, disk),
        clouds=delivery.clouds,
        wanted=delivery.wanted,
        journal=state_folder.uploads_folder(dry_run=dry_run),
        source_format=source_format,
        disk=disk,
        force_share=force_share,
        target_format=made,
        choose_format=open_format,
        store_type=store_type,
        compression=compress,
        conversion=conversion,
        keep=keep,
        insist=insist,
        properties=delivery.properties,
        derive=delivery.derive,
        source_hash=delivery.source_hash,
        policy=applied,
        repair=repairing(fix, boot, boots_in_cloud=cloud_boot is not None),
        boot=boot,
        cloud_boot=cloud_boot,
        with_map=report_files.need_disk_map(reports),
        with_bill=report_files.need_bill(reports),
        timeout_seconds=delivery.timeout_seconds,
    )
    try:
        result = prepare(order, watch(progress), dry_run=dry_run)
    except (UnsafeImageError, ImageUnreadableError) as error:
        report_files.write(reports, [refusal(str(source), error, order.policy)])
        raise
    report_files.write(reports, [result])
    status = outcome.leave(result, output, as_json.prepared, detail)
    return status if result.fit and result.comes_up else EXIT_CHECK_FAILED


def _format(wanted: Literal["auto", "raw", "qcow2"], keep: Path | None) -> TargetFormat:
    """What is made unless the clouds decide. Raises UsageError where the file to keep claims another."""
    chosen = None if wanted == "auto" else wanted
    return chosen or "qcow2" if keep is None else format_to_make(keep.name, chosen)


def _is_open(wanted: str, compress: Compression, conversion: ConversionOptions, keep: Path | None) -> bool:
    """Whether no other option has decided: compression and clusters are a qcow2's, and a file has a name."""
    own_clusters = conversion.cluster_size_bytes != ConversionOptions().cluster_size_bytes
    return wanted == "auto" and compress == "none" and not own_clusters and keep is None
