"""The options that several commands share. Short ones follow qemu-img, because its users know them."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from imgtool.formats.claims import FORMATS
from imgtool.model.conversion import ConversionOptions

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

COMPRESSIONS = ("none", "zlib", "zstd")
PROGRESS = ("auto", "always", "never")

image_path = click.Path(path_type=Path, readable=False)
"""No check by click: what is wrong with a file is the gate's to say, with the right exit status."""

output = click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the result.",
)
progress = click.option(
    "-p",
    "--progress",
    type=click.Choice(PROGRESS),
    is_flag=False,
    flag_value="always",
    default="auto",
    show_default=True,
    help="When to show a progress bar; -p alone means always.",
)
source_format = click.option(
    "-f",
    "--source-format",
    type=click.Choice([*FORMATS, "vhd", "iso"]),
    help="The image's format; refused if the content is of another. Default: by content.",
)
target_format = click.option(
    "-O",
    "--target-format",
    type=click.Choice(["raw", "qcow2"]),
    default="qcow2",
    show_default=True,
    help="The format to make.",
)
compress = click.option(
    "-c",
    "--compress",
    type=click.Choice(COMPRESSIONS),
    is_flag=False,
    flag_value="zlib",
    default="none",
    show_default=True,
    help="Compress a qcow2; -c alone means zlib, which everything can read.",
)
dry_run = click.option("--dry-run", is_flag=True, help="Print the plan and do nothing.")
cloud = click.option(
    "--cloud", metavar="NAME", envvar="OS_CLOUD", help="Cloud of clouds.yaml. Default: the OS_* variables."
)
name = click.option(
    "--name", help="Name in Glance. Default: the file's, without endings such as .qcow2 and .gz."
)
visibility = click.option(
    "--visibility",
    type=click.Choice(["private", "shared", "community", "public"]),
    default="private",
    show_default=True,
    help="Who may use the image.",
)


_SUFFIXES = {"k": 1 << 10, "m": 1 << 20}


def _bytes(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """Bytes, with qemu-img's suffixes: 512, 64k, 2M."""
    factor = _SUFFIXES.get(value[-1:].lower(), 1)
    number = value if factor == 1 else value[:-1]
    if not number.isascii() or not number.isdigit():
        raise click.BadParameter(f"{value!r} is no size; 512, 64k and 2M are")
    return int(number) * factor


_CONVERSION_OPTIONS = (
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
        "--preallocation",
        type=click.Choice(["off", "falloc", "full"]),
        default="off",
        show_default=True,
        help="Of a raw target: holes where it is zero, space reserved, or all of it written.",
    ),
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


def conversion(function: Decorated) -> Decorated:
    """How to convert, gathered in one ConversionOptions."""

    @functools.wraps(function)
    def gathered(*args: Any, **values: Any) -> Any:
        values["conversion"] = ConversionOptions(
            engine=values.pop("engine"),
            level=values.pop("level"),
            cluster_size_bytes=values.pop("cluster_size"),
            threads=values.pop("threads"),
            preallocation=values.pop("preallocation"),
            use_extents=not values.pop("no_extents"),
            verify=values.pop("verify"),
        )
        return function(*args, **values)

    command: Any = gathered
    for option in reversed(_CONVERSION_OPTIONS):
        command = option(command)
    return cast("Decorated", command)


class OptionalValueCommand(click.Command):
    """A command whose `-c` and `-p` may stand alone before an argument, as in `convert -c SOURCE TARGET`.

    click would take SOURCE for the option's value; here only one of its choices is taken as its value.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give each option that stands alone its value."""
        return super().parse_args(ctx, self._with_values(args))

    def _with_values(self, args: Sequence[str]) -> list[str]:
        options = {name: option for option in self.params for name in option.opts}
        done: list[str] = []
        following = [*args[1:], ""]
        for position, (arg, value) in enumerate(zip(args, following, strict=True)):
            if arg == "--":
                return done + list(args[position:])
            done.append(arg)
            done += _missing_value(options.get(arg), value)
        return done


def _missing_value(option: click.Parameter | None, following: str) -> list[str]:
    """The value that `option` stands for alone, where it may and what follows is none of its choices."""
    if not isinstance(option, click.Option) or not isinstance(option.type, click.Choice):
        return []
    alone = option.flag_value if not option.is_flag and isinstance(option.flag_value, str) else None
    return [alone] if alone is not None and following not in option.type.choices else []


def properties(function: Decorated) -> Decorated:
    """`--property KEY=VALUE`, repeatable, as a dict."""
    return click.option(
        "--property",
        "properties",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_as_dict,
        help="Set an image property, over what the inspection says. Repeatable.",
    )(function)


def _as_dict(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise click.BadParameter(f"{key!r} is not KEY=VALUE")
    return {key: value for key, _, value in pairs}
