"""The options that start an image as part of its judgement, gathered into one BootOptions."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from imgtool.errors import UsageError
from imgtool.model.boot import BUSES, BootOptions

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_DEFAULTS = BootOptions()
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


def boot(command: Decorated) -> Decorated:
    """Gives `command` the options of a boot, gathered as `boot`; None without --boot."""

    @functools.wraps(command)
    def gathered(*, wanted: bool, bus: str | None, timeout_seconds: float | None, **others: Any) -> Any:
        return command(boot=_gathered(wanted, bus, timeout_seconds), **others)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return cast("Decorated", gathered)


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
