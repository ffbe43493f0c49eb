"""`imgtool boot IMAGE`: starts a throwaway copy and waits for its agent; the exit status is the verdict."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from imgtool.boot.run import boot_image
from imgtool.checks import registry
from imgtool.cli import boot_options, completions, console, delivery, options
from imgtool.cli.bars import When, watch
from imgtool.disk.open_source import incoming
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK, UsageError
from imgtool.model.boot import BUSES, MIB, BootOptions
from imgtool.model.cloud_boot import CloudBootOptions
from imgtool.model.delivery import CloudName
from imgtool.model.image import DiskImage
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Judgement
from imgtool.pipeline.inspect import inspect_image
from imgtool.util import state_folder
from imgtool.util.progress import Progress
from imgtool.util.text import parse_size, printable

_DEFAULTS = BootOptions()
_CLOUD_DEFAULTS = CloudBootOptions()


def _memory(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """Bytes, of MiB or with qemu's suffixes: 1024, 1024M, 2G."""
    found = parse_size(value, plain_unit_bytes=MIB)
    if found is None or not 64 * MIB <= found <= MIB << 20:
        raise click.BadParameter(f"invalid size {value!r}: give 64M to 1024G (examples: 1024M, 2G)")
    return found


def _cloud_name(_context: click.Context, _option: click.Parameter, value: str | None) -> CloudName | None:
    return None if value is None else delivery.cloud_name(value)


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
    "--secure-boot",
    is_flag=True,
    help="Boot by UEFI with Secure Boot on and Microsoft's certificates, as os_secure_boot=required does.",
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
@boot_options.accel
@click.option(
    "--keep-log", type=options.file, metavar="PATH", help="Write the whole serial log to this file."
)
@click.option(
    "--cloud",
    metavar="NAME[/REGION]",
    shell_complete=completions.clouds,
    callback=_cloud_name,
    help="Start a throwaway server in this cloud instead; IMAGE is then an image there, by id or name.",
)
@click.option(
    "--flavor", metavar="NAME", help="With --cloud: flavor of the server. Default: the smallest that fits."
)
@click.option(
    "--network",
    metavar="NAME",
    default=_CLOUD_DEFAULTS.network,
    show_default=True,
    help="With --cloud: network of the server, by name or id. auto: what the project has; none: no network.",
)
@click.option("--keypair", metavar="NAME", help="With --cloud: key pair of the server. Default: none.")
@click.option(
    "--snapshot/--no-snapshot",
    default=None,
    help="With --cloud: let Nova make a snapshot of the server, too, and delete it. Default: where the image"
    " has os_require_quiesce, so that Nova makes none that its agent did not freeze.",
)
@options.output
@options.progress
@options.logging
@click.pass_context
def command(
    context: click.Context,
    image: Path,
    source_format: str | None,
    disk: str | None,
    bus: str,
    firmware: Literal["auto", "bios", "uefi"],
    secure_boot: bool,
    timeout: float,
    memory: int,
    cpus: int,
    accel: Literal["auto", "kvm", "tcg"],
    keep_log: Path | None,
    cloud: CloudName | None,
    flavor: str | None,
    network: str,
    keypair: str | None,
    snapshot: bool | None,
    output: str,
    progress: When,
) -> int:
    """Start a throwaway copy of IMAGE on virtio, as Nova would, and wait for its guest agent: the proof.

    IMAGE is only read. Needs no root and no KVM. With --cloud a real Nova starts a server from an image that
    is in Glance; it is deleted again, whatever happens. Exit status 0 when it comes up and the agent answers,
    1 when not, 3 when the image is unreadable or unsafe, 4 when QEMU is missing or fails, 6 when the cloud
    fails.
    """
    _refuse_mixture(context, in_cloud=cloud is not None)
    if cloud is not None:
        asked = CloudBootOptions(flavor, network, keypair, snapshot, timeout)
        return _in_cloud(cloud, str(image), asked, output, watch(progress))
    wanted = BootOptions(
        buses=tuple(one for one in BUSES if bus in {one, "all"}),
        firmware=_firmware(firmware, secure_boot=secure_boot),
        secure_boot=secure_boot,
        timeout_seconds=timeout,
        memory_bytes=memory,
        cpus=cpus,
        accel=accel,
        keep_log=keep_log,
    )
    watched = watch(progress)
    with incoming(image, source_format, watched, may_stream=False, disk=disk) as admitted:
        _refuse_as_log(keep_log, admitted)
        inspection = inspect_image(admitted, watched)
        booted = replace(inspection, boots=boot_image(inspection, wanted, watched))
    judgement = _judge(booted)
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - loaded only where it is needed
        from imgtool.report.as_json import boot as boots_as_json  # noqa: PLC0415 - the same

        console.show(as_json.to_text(boots_as_json.document(booted.boots, judgement)))
    else:
        from imgtool.report.as_text import boot as boots_as_text  # noqa: PLC0415 - the same

        console.tell(boots_as_text.document(booted.boots, judgement, console.paint))
    came_up = all(one.answered for one in booted.boots)
    return EXIT_OK if came_up and judgement.passed else EXIT_CHECK_FAILED


def _firmware(
    wanted: Literal["auto", "bios", "uefi"], *, secure_boot: bool
) -> Literal["auto", "bios", "uefi"]:
    """Raise UsageError where BIOS, which verifies nothing, is to start with Secure Boot."""
    if secure_boot and wanted == "bios":
        raise UsageError("--secure-boot needs UEFI, not BIOS", hint="leave --firmware bios out")
    return "uefi" if secure_boot else wanted


def _in_cloud(cloud: CloudName, image: str, wanted: CloudBootOptions, output: str, progress: Progress) -> int:
    """Start, watch and delete a server; the exit status is the verdict."""
    from imgtool import glance  # noqa: PLC0415 - only for those who ask for a cloud
    from imgtool.compute.boot import boot_in_cloud  # noqa: PLC0415 - the same
    from imgtool.report import as_json  # noqa: PLC0415 - the same
    from imgtool.report.as_json import cloud_boot as in_json  # noqa: PLC0415 - the same
    from imgtool.report.as_text import cloud_boot as in_text  # noqa: PLC0415 - the same

    connected = glance.connect(cloud.name, cloud.region)
    found = boot_in_cloud(connected, image, wanted, state_folder.uploads_folder(), progress)
    if output == "json":
        console.show(as_json.to_text(in_json.document(found)))
    else:
        console.tell(in_text.document(found, console.paint))
    return EXIT_OK if found.passed else EXIT_CHECK_FAILED


_HERE = ("source_format", "disk", "bus", "firmware", "secure_boot", "memory", "cpus", "accel", "keep_log")
_THERE = ("flavor", "network", "keypair", "snapshot")


def _refuse_mixture(context: click.Context, *, in_cloud: bool) -> None:
    """Raise UsageError for an option that says nothing where the image is booted."""
    given = [name for name in (_HERE if in_cloud else _THERE) if _is_given(context, name)]
    if given:
        option = f"--{given[0].replace('_', '-')}"
        if in_cloud:
            raise UsageError(
                f"{option} is for a boot on this machine, not with --cloud", hint=f"leave {option} out"
            )
        raise UsageError(f"{option} requires --cloud", hint="name the cloud: --cloud NAME")


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


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
