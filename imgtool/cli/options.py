"""The options that several commands share, and paths as users name them.

Short options follow qemu-img, because its users know them.
"""

import os
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from imgtool import __version__
from imgtool.cli import console, defaults
from imgtool.errors import UsageError
from imgtool.fetch.urls import Url, check_url, is_url
from imgtool.formats.claims import FORMATS
from imgtool.util import log

if TYPE_CHECKING:  # few commands judge
    from imgtool.report.as_text.verdict import Detail

COMPRESSIONS = ("none", "zlib", "zstd")
PROGRESS = ("auto", "always", "never", "json")


class _ImagePath(click.Path):
    """No check by click: what is wrong with a file is the gate's to say, with the right exit status."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """`-` is a stream; `./-` is a file of that name, which Path would make the same."""
        return named_path(value)


def named_path(value: str | os.PathLike[str]) -> Path:
    """The path that is meant by `value`, as the user wrote it."""
    path = Path(value)
    return Path.cwd() / path if str(path) == "-" and os.fspath(value) != "-" else path


image_path = _ImagePath()

Source = Path | Url


class _SourceName(_ImagePath):
    """A path, or a URL of http(s): no file is called so."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a Source. Raises UsageError for a URL that is not taken."""
        return check_url(value) if is_url(str(value)) else super().convert(value, param, ctx)


source = _SourceName()

output = click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of the result.",
)


def _tell_a_program(ctx: click.Context, _option: click.Parameter, when: str) -> str:
    if when == "json" and not ctx.resilient_parsing:
        console.tell_a_program()
    return when


progress = click.option(
    "-p",
    "--progress",
    type=click.Choice(PROGRESS),
    callback=_tell_a_program,
    is_flag=False,
    flag_value="always",
    default="auto",
    show_default=True,
    help="When to show a progress bar. -p alone means always; json is an object a line on stderr.",
)
source_format = click.option(
    "-f",
    "--source-format",
    type=click.Choice([*FORMATS, "vhd", "iso"]),
    help="Format of the image; refused if the content has another. Default: detected.",
)
target_format = click.option(
    "-O",
    "--target-format",
    type=click.Choice(["auto", "raw", "qcow2"]),
    default="auto",
    show_default=True,
    help="Format in Glance. auto: raw for a Ceph RBD store; a compressed qcow2 by --method import where"
    " Glance converts imports; qcow2 otherwise, and with -c or --cluster-size. --keep PATH decides by its"
    " ending.",
)
compress = click.option(
    "-c",
    "--compress",
    type=click.Choice(COMPRESSIONS),
    is_flag=False,
    flag_value="zlib",
    default="none",
    show_default=True,
    help="Compress a qcow2. -c alone means zlib, which every program can read.",
)
disk = click.option(
    "--disk",
    metavar="NAME",
    help="Disk to use from an OVA that holds several: its file name in the archive.",
)
force_share = click.option(
    "-U",
    "--force-share",
    is_flag=True,
    help="Read the image even if another program has it open for writing. The result may be inconsistent.",
)
dry_run = click.option("--dry-run", is_flag=True, help="Print the plan and do nothing.")


class OptionalValueCommand(click.Command):
    """A command whose `-c` and `-p` may stand alone before an argument, as in `convert -c SOURCE TARGET`.

    click would take SOURCE for the option's value; here only one of its choices is taken as its value.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give each option that stands alone its value."""
        return super().parse_args(ctx, self._with_values(args))

    def invoke(self, ctx: click.Context) -> Any:
        """Log what was asked for, then do it."""
        log.info(__name__, f"begins: {ctx.obj!r}", version=__version__)
        if told := defaults.in_force(ctx):
            log.info(__name__, f"not on the command line: {', '.join(told)}")
        return super().invoke(ctx)

    def _with_values(self, args: Sequence[str]) -> list[str]:
        options = {name: option for option in self.params for name in option.opts}
        done: list[str] = []
        for position, (arg, value) in enumerate(pairwise([*args, ""])):
            if arg == "--":
                return done + list(args[position:])
            done.append(_long_form(options.get(arg), arg))
            done += _missing_value(options.get(arg), value)
        return done


def _long_form(option: click.Parameter | None, arg: str) -> str:
    """The long name of an option. A short one click looks up as a long one first, and loads difflib."""
    return arg if option is None else max(option.opts, key=len)


def _missing_value(option: click.Parameter | None, following: str) -> list[str]:
    """The value that `option` stands for alone, where it may and what follows is none of its choices."""
    if not isinstance(option, click.Option) or not isinstance(option.type, click.Choice):
        return []
    alone = option.flag_value if not option.is_flag and isinstance(option.flag_value, str) else None
    return [alone] if alone is not None and following not in option.type.choices else []


STDOUT = Path("-")
_DESCRIPTOR = r"/dev/std(?:in|out|err)|/(?:dev|proc/self|proc/\d+)/fd/\d+"
_ITS_NAMES = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


def named_output(value: str | os.PathLike[str], *, stdout: bool) -> Path:
    """The path that is meant by `value`; STDOUT for stdout by any of its names, where that can be meant.

    They are links of /dev: a file that is put in place under such a name would replace the link, for every
    program of the machine. Raises click.BadParameter for them.
    """
    name = os.path.normpath(Path.cwd() / value)
    if stdout and (name in _ITS_NAMES or os.fspath(value) == str(STDOUT)):
        return STDOUT
    if re.fullmatch(_DESCRIPTOR, name):
        raise click.BadParameter(f"{name} is an open file, and no name for a new one")
    return named_path(value)


class _OutputPath(click.Path):
    """No check by click: what is wrong with a file is said later, with the right exit status."""

    def __init__(self, *, stdout: bool) -> None:
        super().__init__(path_type=Path, readable=False)
        self._stdout = stdout

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """See named_output."""
        return named_output(value, stdout=self._stdout)


file = _OutputPath(stdout=False)
file_or_stdout = _OutputPath(stdout=True)


quiet = click.option(
    "-q", "--quiet", is_flag=True, help="Show one line of verdict for each image, and no progress."
)


quiet_delivery = click.option(
    "-q", "--quiet", is_flag=True, help="Show only the verdict, what each cloud has now, and no progress."
)


def detail(*, quiet: bool = False) -> "Detail":
    """How much is shown of a judgement: all with -v. Raises UsageError where -q is given too."""
    verbose = console.is_logged()
    if quiet and verbose:
        raise UsageError("-q and -v exclude each other", hint="give one of them")
    return "verdict" if quiet else "all" if verbose else "attention"


def _log_to_stderr(ctx: click.Context, _option: click.Parameter, count: int) -> None:
    if not count or ctx.resilient_parsing:  # where a shell completes, nothing is done
        return
    from imgtool.cli import logs  # noqa: PLC0415 - loaded only where it is needed

    ctx.meta[console.LOG_ON_STDERR] = True
    logs.to_stderr(log.INFO if count == 1 else log.DEBUG)


def _log_to_file(ctx: click.Context, _option: click.Parameter, path: Path | None) -> None:
    if path is None or ctx.resilient_parsing:
        return
    from imgtool.cli import logs  # noqa: PLC0415 - loaded only where it is needed

    logs.to_file(path)


_Command = TypeVar("_Command", bound=Callable[..., Any])


def with_options(command: _Command, options: Sequence[Callable[[Any], Any]]) -> _Command:
    """Give the command these options, which its help lists in this order."""
    done: Any = command
    for option in reversed(options):
        done = option(done)
    return cast("_Command", done)


_OF_THE_LOG = (
    click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_log_to_stderr,
        help="Log stages and decisions on stderr, and show every check. -vv: also log programs that run and"
        " requests to clouds.",
    ),
    click.option(
        "--log-file",
        type=file,
        metavar="PATH",
        expose_value=False,
        callback=_log_to_file,
        help="Append a log of everything to this file, as -vv shows it.",
    ),
)


def logging(command: _Command) -> _Command:
    """-v and --log-file. The command itself need not know of them."""
    return with_options(command, _OF_THE_LOG)
