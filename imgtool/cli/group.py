"""The command `imgtool` itself: its commands, and how click's errors are told."""

from collections.abc import Sequence

import click

from imgtool import __version__
from imgtool.cli import console, defaults
from imgtool.cli.lazy import LazyGroup
from imgtool.errors import EXIT_OK, UsageError
from imgtool.util.text import printable

COMMANDS = {
    "inspect": "Show what an image is and what is inside; judges nothing.",
    "check": "Judge images: will they work on OpenStack?",
    "sbom": "Write a bill of materials: CycloneDX or SPDX.",
    "diff": "Show what differs between two images.",
    "convert": "Convert an image to raw or qcow2.",
    "upload": "Upload a finished image into Glance.",
    "prepare": "Inspect, check, convert, upload and verify an image.",
    "batch": "Prepare many images; a stopped run goes on where it was.",
    "copy": "Copy an image into further stores of its cloud.",
    "retire": "Hide and delete old versions of an image.",
    "fix": "Repair a copy of an image by the guest's own tools, and prove it.",
    "boot": "Start a throwaway copy of an image and wait for its guest agent.",
    "explain": "Say what a check looks at, why it matters, how to fix it.",
    "init": "Write a policy, a manifest or a CI configuration to begin with.",
    "schema": "Print the JSON Schema of a policy, a manifest, or of a command's output.",
    "completion": "Print the script for a shell's completion.",
    "doctor": "Show what this machine has for imgtool's work.",
    "help": "Show a chapter of the manual; without a topic, list them.",
}
"""Each command's short help, so that `imgtool --help` loads none of them (a test compares)."""

EPILOG = """\
\b
Exit status: 0 fine, 1 a check failed, 2 usage, 3 image unreadable or unsafe,
4 an external tool missing or failed, 5 conversion, verification or output failed,
6 Glance refused or failed, 7 part of a batch failed, 70 a bug, 130 interrupted.
"""


_VERBOSE = frozenset({"-v", "--verbose"})


def _version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if not wanted or ctx.resilient_parsing:
        return
    click.echo(f"imgtool, version {__version__}")
    if _VERBOSE.intersection(ctx.obj or ()):
        from imgtool import doctor  # noqa: PLC0415 - only for who asks for all of it

        for name, version in doctor.versions():
            click.echo(f"{name.ljust(16)} {version}")
    ctx.exit()


def _refuse_alone(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click calls it so
    """Say where -v belongs: only --version, which has ended by now, takes it before a command."""
    if wanted and not ctx.resilient_parsing:
        raise UsageError("-v stands before the command", hint="put it behind: `imgtool COMMAND -v`")


@click.group(
    cls=LazyGroup,
    commands_help=COMMANDS,
    package="imgtool.cli.commands",
    epilog=EPILOG,
    no_args_is_help=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)
@click.option("-v", "--verbose", is_flag=True, expose_value=False, callback=_refuse_alone, hidden=True)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Show the version and exit; with -v also those of Python, QEMU and libraries.",
)
def cli() -> None:
    """Prepare virtual machine images for OpenStack."""


def call(arguments: Sequence[str]) -> int:
    """Run one command; the exit status. Raises UsageError, KeyboardInterrupt, and what the command raises."""
    console.begin(arguments)
    try:
        status = cli.main(
            args=list(arguments), prog_name="imgtool", standalone_mode=False, obj=list(arguments)
        )
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except click.ClickException as error:
        raise _usage(error) from error
    except SystemExit as ended:  # by click, once a shell has what it asked for (shell completion)
        return ended.code if isinstance(ended.code, int) else EXIT_OK
    return status if isinstance(status, int) else EXIT_OK


def _usage(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "imgtool"
    if isinstance(error, click.NoSuchOption):
        return _no_such_option(error, command)
    where = defaults.origin(context, getattr(error, "param", None))
    hint = f"see `{command} --help`"
    message = error.format_message().replace("\n\t", " ")  # click writes each choice in a line of its own
    return UsageError(message, hint=f"that is what {where} says; {hint}" if where else hint)


def _no_such_option(error: click.NoSuchOption, command: str) -> UsageError:
    close = list(error.possibilities or ())
    hint = f"did you mean {' or '.join(close)}?" if close else f"see `{command} --help`"
    return UsageError(f"`{command}` has no option {printable(error.option_name)}", hint=hint)
