"""The options of a repair on the way to Glance, gathered into FixOptions."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from imgtool.cli.options import with_options
from imgtool.model.fix import FixOptions

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--fix",
        "repair",
        is_flag=True,
        help="Let the guest repair a copy of itself where checks fail, as `imgtool fix` does; boot that on"
        " virtio, and deliver it.",
    ),
)


def on_the_way(command: Decorated) -> Decorated:
    """Gives `command` the options of a repair, gathered as `fix`; None without --fix."""

    @functools.wraps(command)
    def gathered(*, repair: bool, **others: Any) -> Any:
        return command(fix=FixOptions() if repair else None, **others)

    return with_options(cast("Decorated", gathered), _OPTIONS)
