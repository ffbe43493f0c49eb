"""`imgtool fix SOURCE TARGET`: the guest repairs a copy of itself; the target is there once it is proven."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from imgtool.cli import boot_options, completions, console, conversion_options, fix_options, options, policies
from imgtool.cli.bars import When, watch
from imgtool.disk.open_source import incoming
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK
from imgtool.fix.repaired import RepairRequest
from imgtool.fix.run import FixRequest, fix
from imgtool.formats.claims import MadeFormat, format_to_make
from imgtool.model.boot import BootOptions
from imgtool.model.conversion import Compression
from imgtool.model.fix import FixOptions

_DEFAULTS = FixOptions()


@click.command("fix", cls=options.OptionalValueCommand)
@click.argument("source", type=options.image_path)
@click.argument("target", type=options.file)
@options.source_format
@options.disk
@options.force_share
@conversion_options.target_format_by_name
@options.compress
@policies.option
@click.option(
    "--only",
    multiple=True,
    metavar="CHECK",
    callback=policies.checks_named,
    shell_complete=completions.checks,
    help="Repair only what fails this check; repeatable. Default: all that has a repair.",
)
@click.option(
    "--skip",
    multiple=True,
    metavar="CHECK",
    callback=policies.checks_named,
    shell_complete=completions.checks,
    help="Leave what fails this check as it is; repeatable.",
)
@fix_options.packages
@click.option(
    "--boot/--no-boot",
    default=True,
    show_default=True,
    help="Boot the repaired copy on virtio, and require that its guest agent answers.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=_DEFAULTS.timeout_seconds,
    show_default=True,
    metavar="SECONDS",
    help="Seconds that the repair may take, and then the boot.",
)
@boot_options.accel
@click.option("--force", is_flag=True, help="Replace an existing TARGET.")
@options.dry_run
@options.output
@options.progress
@options.logging
def command(
    source: Path,
    target: Path,
    source_format: str | None,
    disk: str | None,
    force_share: bool,
    target_format: MadeFormat | None,
    compress: Compression,
    policy: str,
    only: Sequence[str],
    skip: Sequence[str],
    packages: tuple[Path, ...],
    repository: Path | None,
    boot: bool,
    timeout: float,
    accel: Literal["auto", "kvm", "tcg"],
    force: bool,
    dry_run: bool,
    output: str,
    progress: When,
) -> int:
    """Repair what the checks find in SOURCE, a Linux guest, and write the repaired image to TARGET.

    The guest's own tools do it, in a virtual machine without a network, on a copy: SOURCE is only read. Then
    the checks run again and the copy is booted on virtio; TARGET appears when all of that passes. Exit status
    0 when TARGET is there, 1 when something has no repair or is not repaired.
    """
    watched = watch(progress)
    request = FixRequest(
        target=target.absolute(),
        target_format=format_to_make(target.name, target_format),
        compression=compress,
        policy=policies.chosen(policy),
        repair=RepairRequest(
            only=only,
            skip=skip,
            options=FixOptions(timeout, accel, packages, repository),
            boot=BootOptions(timeout_seconds=timeout, accel=accel) if boot else None,
        ),
        overwrite=force,
    )
    with incoming(
        source, source_format, watched, may_stream=False, force_share=force_share, disk=disk
    ) as image:
        result = fix(image, request, watched, dry_run=dry_run)
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - loaded only where it is needed
        from imgtool.report.as_json import fix as in_json  # noqa: PLC0415 - the same

        console.show(as_json.to_text(in_json.document(result)))
    else:
        from imgtool.report.as_text import fix as in_text  # noqa: PLC0415 - the same

        console.show(in_text.document(result, console.paint))
    return EXIT_OK if result.problem is None else EXIT_CHECK_FAILED
