"""The options of a repair on the way to Glance, gathered into FixOptions."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from imgtool.cli import options
from imgtool.errors import UsageError
from imgtool.model.fix import FixOptions

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_PACKAGES = (
    click.option(
        "--package",
        "packages",
        multiple=True,
        type=options.image_path,
        metavar="FILE",
        help="Hand this package (.deb, .rpm, .apk) to the guest, which installs it where a check misses one;"
        " repeatable.",
    ),
    click.option(
        "--repository",
        type=options.image_path,
        metavar="FOLDER",
        help="Hand the packages in this folder to the guest, which installs what a check misses and what that"
        " needs.",
    ),
)
_OPTIONS = (
    click.option(
        "--fix",
        "repair",
        is_flag=True,
        help="Let the guest repair a copy of itself where checks fail, as `imgtool fix` does; boot that on"
        " virtio, and deliver it.",
    ),
    *_PACKAGES,
)


def packages(command: Decorated) -> Decorated:
    """Gives `command` what hands packages to the guest."""
    return options.with_options(command, _PACKAGES)


def on_the_way(command: Decorated) -> Decorated:
    """Gives `command` the options of a repair, gathered as `fix`; None without --fix."""

    @functools.wraps(command)
    def gathered(*, repair: bool, packages: tuple[Path, ...], repository: Path | None, **others: Any) -> Any:
        return command(fix=_gathered(packages, repository, repair=repair), **others)

    return options.with_options(cast("Decorated", gathered), _OPTIONS)


def _gathered(packages: tuple[Path, ...], repository: Path | None, *, repair: bool) -> FixOptions | None:
    found = FixOptions(
        packages=tuple(path.absolute() for path in packages),  # a process of a batch runs elsewhere
        repository=repository and repository.absolute(),
    )
    if not repair and found.hands_packages:
        option = "--package" if packages else "--repository"
        raise UsageError(f"{option} requires --fix", hint="add --fix")
    return found if repair else None
