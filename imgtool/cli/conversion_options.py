"""The options that say how to convert, gathered into one ConversionOptions."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import click

from imgtool.model.conversion import ConversionOptions

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_SUFFIXES = {"k": 1 << 10, "m": 1 << 20}


def _bytes(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """Bytes, with qemu-img's suffixes: 512, 64k, 2M."""
    factor = _SUFFIXES.get(value[-1:].lower(), 1)
    number = value if factor == 1 else value[:-1]
    if not number.isascii() or not number.isdigit():
        raise click.BadParameter(f"{value!r} is no size; 512, 64k and 2M are")
    return int(number) * factor


_OF_ANY = (
    click.option(
        "--engine",
        type=click.Choice(["auto", "native", "qemu-img"]),
        default="auto",
        show_default=True,
        help="Who converts; auto is native for raw and qcow2, and qemu-img for all else.",
    ),
    click.option("--level", type=int, help="Of the compression: zlib 1 to 9, zstd 1 to 19. Default: 1."),
    click.option(
        "--cluster-size",
        metavar="SIZE",
        callback=_bytes,
        default="64k",
        show_default=True,
        help="Of a qcow2: 512 to 2M.",
    ),
    click.option("--threads", type=click.IntRange(1, 64), help="Default: one for each core, at least 2."),
    click.option(
        "--no-extents", is_flag=True, help="Read holes too: do not trust the file system about them."
    ),
    click.option(
        "--verify",
        type=click.Choice(["none", "check", "full"]),
        default="check",
        show_default=True,
        help="check: `qemu-img check` of a qcow2; full: compare all bytes with SOURCE, too.",
    ),
)
_OF_A_FILE = (
    click.option(
        "--preallocation",
        type=click.Choice(["off", "falloc", "full"]),
        default="off",
        show_default=True,
        help="Of a raw target: holes where it is zero, space reserved, or all of it written.",
    ),
)


def conversion(function: Decorated) -> Decorated:
    """How to convert into a file."""
    return _gathered(function, [*_OF_ANY, *_OF_A_FILE])


def conversion_for_upload(function: Decorated) -> Decorated:
    """How to convert what is then uploaded: how the file lies on this machine's disk does not matter."""
    return _gathered(function, _OF_ANY)


def _gathered(function: Decorated, options: Sequence[Callable[[Any], Any]]) -> Decorated:
    @functools.wraps(function)
    def gathered(*args: Any, **values: Any) -> Any:
        values["conversion"] = ConversionOptions(
            engine=values.pop("engine"),
            level=values.pop("level"),
            cluster_size_bytes=values.pop("cluster_size"),
            threads=values.pop("threads"),
            preallocation=values.pop("preallocation", "off"),
            use_extents=not values.pop("no_extents"),
            verify=values.pop("verify"),
        )
        return function(*args, **values)

    command: Any = gathered
    for option in reversed(options):
        command = option(command)
    return cast("Decorated", command)
