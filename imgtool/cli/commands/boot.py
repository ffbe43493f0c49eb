"""`imgtool boot IMAGE`: starts a throwaway copy and waits for its agent; the exit status is the verdict."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from imgtool.boot.prove import prove
from imgtool.checks import registry
from imgtool.cli import console, options
from imgtool.cli.bars import TerminalProgress, When
from imgtool.disk.incoming import incoming
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK, UsageError
from imgtool.model.boot import BUSES, MIB, BootOptions
from imgtool.model.image import DiskImage
from imgtool.model.inspection import Inspection
from imgtool.model.judgement import Judgement
from imgtool.pipeline import inspect_image
from imgtool.text import printable

_DEFAULTS = BootOptions()
_SUFFIXES = {"m": MIB, "g": MIB << 10}


def _memory(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """Bytes, of MiB or with qemu's suffixes: 1024, 1024M, 2G."""
    factor = _SUFFIXES.get(value[-1:].lower())
    number = value if factor is None else value[:-1]
    if (
        not number.isascii()
        or not number.isdigit()
        or not 64 <= int(number) * (factor or MIB) // MIB <= 1 << 20
    ):
        raise click.BadParameter(f"{value!r} is no size from 64M to 1024G; 1024M and 2G are")
    return int(number) * (factor or MIB)


@click.command("boot", cls=options.OptionalValueCommand)
@click.argument("image", type=options.image_path)
@options.source_format
@click.option(
    "--bus",
    type=click.Choice([*BUSES, "all"]),
    default=_DEFAULTS.buses[0],
    show_default=True,
    help="Of the disk; all is one boot for each.",
)
@click.option(
    "--firmware",
    type=click.Choice(["auto", "bios", "uefi"]),
    default=_DEFAULTS.firmware,
    show_default=True,
    help="auto is BIOS, Nova's own default, unless only UEFI starts the image.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=_DEFAULTS.timeout_seconds,
    show_default=True,
    metavar="SECONDS",
    help="How long a boot may take until the agent answers and cloud-init ends.",
)
@click.option(
    "--memory", default="1G", show_default=True, callback=_memory, metavar="SIZE", help="The guest's."
)
@click.option(
    "--cpus", type=click.IntRange(1, 64), default=_DEFAULTS.cpus, show_default=True, help="Its own."
)
@click.option(
    "--accel",
    type=click.Choice(["auto", "kvm", "tcg"]),
    default=_DEFAULTS.accel,
    show_default=True,
    help="auto is KVM where it is shown to run a guest, else TCG.",
)
@click.option(
    "--keep-log", type=click.Path(path_type=Path), metavar="PATH", help="Keep the whole serial log."
)
@options.output
@options.progress
def command(
    image: Path,
    source_format: str | None,
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
    with incoming(image, source_format, watched, may_stream=False) as admitted:
        _refuse_as_log(keep_log, admitted)
        inspection = inspect_image(admitted, watched)
        booted = replace(inspection, boots=prove(inspection, wanted, watched))
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
    """By the checks of the boots that were run alone: the others have their own command."""
    of_boots = {check.name for check in registry.all_checks() if check.after_boot}
    booted = {one.bus for one in inspection.boots}
    of_boots -= {f"boots-on-{bus}" for bus in BUSES if bus not in booted}
    judgement = registry.judge(inspection)
    return replace(judgement, findings=tuple(one for one in judgement.findings if one.check in of_boots))


def _refuse_as_log(keep_log: Path | None, image: DiskImage) -> None:
    """The log must not take the image's place."""
    if keep_log is not None and keep_log.exists() and keep_log.samefile(image.origin.path):
        raise UsageError(
            f"{printable(str(keep_log))}: is the image itself", hint="name another file for the log"
        )
