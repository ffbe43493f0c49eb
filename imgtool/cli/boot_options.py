"""The options that start an image as part of its judgement, gathered into one BootOptions."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast, get_args

import click

from imgtool.cli.options import with_options
from imgtool.errors import UsageError
from imgtool.model.boot import BUSES, BootOptions
from imgtool.model.cloud_boot import BootPlace, CloudBootOptions

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_DEFAULTS = BootOptions()
_CLOUD_DEFAULTS = CloudBootOptions()
_OPTIONS = (
    click.option(
        "--boot",
        "wanted",
        is_flag=True,
        help="If the other checks pass, boot a throwaway copy with QEMU and wait for its guest agent.",
    ),
    click.option(
        "--bus",
        type=click.Choice([*BUSES, "all"]),
        help=f"Disk bus to boot from, with --boot. all: boot once per bus. Default: {_DEFAULTS.buses[0]}.",
    ),
    click.option(
        "--boot-timeout",
        "timeout_seconds",
        type=click.FloatRange(min=1),
        metavar="SECONDS",
        help=f"Seconds that a boot may take; requires --boot. Default: {_DEFAULTS.timeout_seconds:.0f}.",
    ),
)


accel = click.option(
    "--accel",
    type=click.Choice(["auto", "kvm", "tcg"]),
    default=_DEFAULTS.accel,
    show_default=True,
    help="Accelerator to use. auto: KVM if a test guest runs with it, otherwise TCG.",
)

boot_of_a_batch = click.option(
    "--boot",
    type=click.Choice(get_args(BootPlace)),
    is_flag=False,
    flag_value="local",
    help="Boot each image that goes to a cloud, too, unless the manifest says otherwise. local, also for"
    " --boot alone: a throwaway copy with QEMU, before the upload; cloud: a throwaway server in each cloud,"
    " after it.",
)

_OF_AN_UPLOAD = (
    click.option(
        "--boot",
        "wanted",
        type=click.Choice(get_args(BootPlace)),
        is_flag=False,
        flag_value="local",
        help="Boot the image too. local, also for --boot alone: a throwaway copy with QEMU, once the other"
        " checks pass; cloud: a throwaway server in each cloud, after the upload.",
    ),
    *_OPTIONS[1:],
)


def boot_of_an_upload(command: Decorated) -> Decorated:
    """Gives `command` the options of a boot here, as `boot`, and of one in the clouds, as `cloud_boot`."""

    @functools.wraps(command)
    def gathered(*, wanted: str | None, bus: str | None, timeout_seconds: float | None, **others: Any) -> Any:
        if wanted != "cloud":
            return command(boot=_gathered(wanted == "local", bus, timeout_seconds), cloud_boot=None, **others)
        if bus:
            raise UsageError("--bus is for a boot on this machine", hint="leave it out, or give --boot local")
        options = CloudBootOptions(timeout_seconds=timeout_seconds or _CLOUD_DEFAULTS.timeout_seconds)
        return command(boot=None, cloud_boot=options, **others)

    return with_options(cast("Decorated", gathered), _OF_AN_UPLOAD)


def boot(command: Decorated) -> Decorated:
    """Gives `command` the options of a boot, gathered as `boot`; None without --boot."""

    @functools.wraps(command)
    def gathered(*, wanted: bool, bus: str | None, timeout_seconds: float | None, **others: Any) -> Any:
        return command(boot=_gathered(wanted, bus, timeout_seconds), **others)

    return with_options(cast("Decorated", gathered), _OPTIONS)


# An option's value.
def _gathered(wanted: bool, bus: str | None, timeout_seconds: float | None) -> BootOptions | None:  # noqa: FBT001
    if not wanted:
        if bus or timeout_seconds is not None:
            option = "--bus" if bus else "--boot-timeout"
            raise UsageError(f"{option} requires --boot", hint="add --boot")
        return None
    return BootOptions(
        buses=tuple(one for one in BUSES if bus in {one, "all"}) or _DEFAULTS.buses,
        timeout_seconds=timeout_seconds or _DEFAULTS.timeout_seconds,
    )
