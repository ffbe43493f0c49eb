"""The options that say how to convert, gathered into one ConversionOptions."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import click

from imgtool.cli.options import with_options
from imgtool.model.conversion import ConversionOptions
from imgtool.util.text import parse_size

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _bytes(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """Bytes, with qemu-img's suffixes: 512, 64k, 2M."""
    found = parse_size(value)
    if found is None:
        raise click.BadParameter(f"invalid size {value!r} (examples: 512, 64k, 2M)")
    return found


target_format_by_name = click.option(
    "-O",
    "--target-format",
    type=click.Choice(["raw", "qcow2"]),
    help="Format of TARGET. Default: by its suffix, .raw or .qcow2; qcow2 for any other.",
)

_OF_ANY = (
    click.option(
        "--engine",
        type=click.Choice(["auto", "native", "qemu-img"]),
        default="auto",
        show_default=True,
        help="Conversion engine. auto: native for every format that it reads, qemu-img otherwise.",
    ),
    click.option("--level", type=int, help="Compression level: zlib 1 to 9, zstd 1 to 19. Default: 1."),
    click.option(
        "--cluster-size",
        metavar="SIZE",
        callback=_bytes,
        default="64k",
        show_default=True,
        help="Cluster size of a qcow2, 512 to 2M.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1, 64),
        help="Number of threads. Default: one for each core, at least 2.",
    ),
    click.option(
        "--no-extents",
        is_flag=True,
        help="Read holes too: use it where the file system reports holes incorrectly.",
    ),
    click.option(
        "--sparsify",
        is_flag=True,
        help="Leave out the blocks that the guest's file systems call free.",
    ),
    click.option(
        "--verify",
        type=click.Choice(["none", "check", "full"]),
        default="check",
        show_default=True,
        help="Verify the result. check: `qemu-img check` of a qcow2; full: also compare it with SOURCE.",
    ),
)
_OF_A_FILE = (
    click.option(
        "--preallocation",
        type=click.Choice(["off", "falloc", "full"]),
        default="off",
        show_default=True,
        help="Preallocation of a raw target: off (sparse), falloc (space reserved), full (zeros written).",
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
            sparsify=values.pop("sparsify"),
            verify=values.pop("verify"),
        )
        return function(*args, **values)

    return with_options(cast("Decorated", gathered), options)
