"""`imgtool boot IMAGE`: starts a throwaway copy and waits for its agent; the exit status is the verdict."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from imgtool.boot.run import boot_image
from imgtool.checks import registry
from imgtool.cli import console, options
from imgtool.cli.bars import TerminalProgress, When
from imgtool.disk.open_source import incoming
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK, UsageError
from imgtool.model.boot import BUSES, MIB, BootOptions
from imgtool.model.image import DiskImage
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Judgement
from imgtool.pipeline.inspect import inspect_image
from imgtool.util.text import parse_size, printable

_DEFAULTS = BootOptions()


def _memory(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """Bytes, of MiB or with qemu's suffixes: 1024, 1024M, 2G."""
    found = parse_size(value, plain_unit_bytes=MIB)
    if found is None or not 64 * MIB <= found <= MIB << 20:
        raise click.BadParameter(f"invalid size {value!r}: give 64M to 1024G (examples: 1024M, 2G)")
    return found


@click.command("boot", cls=options.OptionalValueCommand)
@click.argument("image", type=options.image_path)
@options.source_format
@options.disk
@click.option(
    "--bus",
    type=click.Choice([*BUSES, "all"]),
    default=_DEFAULTS.buses[0],
    show_default=True,
    help="Disk bus to boot from. all: boot once per bus.",
)
@click.option(
    "--firmware",
    type=click.Choice(["auto", "bios", "uefi"]),
    default=_DEFAULTS.firmware,
    show_default=True,
    help="Firmware to boot with. auto: BIOS, which is Nova's default, unless the image is for UEFI only.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=_DEFAULTS.timeout_seconds,
    show_default=True,
    metavar="SECONDS",
    help="Seconds to wait until the agent answers and cloud-init ends.",
)
@click.option(
    "--memory", default="1G", show_default=True, callback=_memory, metavar="SIZE", help="Memory of the guest."
)
@click.option(
    "--cpus",
    type=click.IntRange(1, 64),
    default=_DEFAULTS.cpus,
    show_default=True,
    help="Number of guest CPUs.",
)
@click.option(
    "--accel",
    type=click.Choice(["auto", "kvm", "tcg"]),
    default=_DEFAULTS.accel,
    show_default=True,
    help="Accelerator to use. auto: KVM if a test guest runs with it, otherwise TCG.",
)
@click.option(
    "--keep-log", type=options.file, metavar="PATH", help="Write the whole serial log to this file."
)
@options.output
@options.progress
@options.logging
def command(
    image: Path,
    source_format: str | None,
    disk: str | None,
    bus: str,
    firmware: Literal["auto", "bios", "uefi"],
    timeout: float,
    memory: int,
    cpus: int,
    accel: Literal["auto", "kvm", "tcg"],
    keep_log: Path | None,
    output: str,
    progress: When,
) -> int:
    """Start a throwaway copy of IMAGE on virtio, as Nova would, and wait for its guest agent: the proof.

    IMAGE is only read. Needs no root and no KVM. Exit status 0 when it comes up and the agent answers,
    1 when not, 3 when the image is unreadable or unsafe, 4 when QEMU is missing or fails.
    """
    wanted = BootOptions(
        buses=tuple(one for one in BUSES if bus in {one, "all"}),
        firmware=firmware,
        timeout_seconds=timeout,
        memory_bytes=memory,
        cpus=cpus,
        accel=accel,
        keep_log=keep_log,
    )
    watched = TerminalProgress(progress)
    with incoming(image, source_format, watched, may_stream=False, disk=disk) as admitted:
        _refuse_as_log(keep_log, admitted)
        inspection = inspect_image(admitted, watched)
        booted = replace(inspection, boots=boot_image(inspection, wanted, watched))
    judgement = _judge(booted)
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - loaded only where it is needed
        from imgtool.report.as_json import boot as boots_as_json  # noqa: PLC0415

        console.show(as_json.to_text(boots_as_json.document(booted.boots, judgement)))
    else:
        from imgtool.report.as_text import boot as boots_as_text  # noqa: PLC0415

        console.show(boots_as_text.document(booted.boots, judgement, console.paint))
    came_up = all(one.answered for one in booted.boots)
    return EXIT_OK if came_up and judgement.passed else EXIT_CHECK_FAILED


def _judge(inspection: Inspection) -> Judgement:
    """Judge by the checks of these boots only; the others belong to `imgtool check`."""
    of_boots = {check.name for check in registry.all_checks() if check.after_boot}
    booted = {one.bus for one in inspection.boots}
    of_boots -= {f"boots-on-{bus}" for bus in BUSES if bus not in booted}
    judgement = registry.judge(inspection)
    return replace(judgement, findings=tuple(one for one in judgement.findings if one.check in of_boots))


def _refuse_as_log(keep_log: Path | None, image: DiskImage) -> None:
    """The log must not take the image's place."""
    if keep_log is not None and keep_log.exists() and any(map(keep_log.samefile, image.files)):
        raise UsageError(
            f"{printable(str(keep_log))}: is the image itself", hint="name another file for the log"
        )
