"""Runs one command and leaves by the right door: a result, an expected error, an interruption, a bug."""

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType

import click

from imgtool import __version__
from imgtool.cli import console, limits, standard_streams
from imgtool.cli.lazy import LazyGroup
from imgtool.errors import (
    EXIT_OK,
    ImgtoolError,
    InterruptedByUserError,
    UsageError,
)
from imgtool.util import interrupts, leases

gc.set_threshold(50_000, 20, 20)  # what is imported stays: looking through it again and again takes 10 ms

_ONCE_MORE_SECONDS = 0.01

COMMANDS = {
    "inspect": "Show what an image is and what is inside; judges nothing.",
    "check": "Judge images: will they work on OpenStack?",
    "convert": "Convert an image to raw or qcow2.",
    "upload": "Upload a finished image into Glance.",
    "prepare": "Inspect, check, convert, upload and verify an image.",
    "batch": "Prepare many images; a stopped run goes on where it was.",
    "boot": "Start a throwaway copy of an image and wait for its guest agent.",
    "explain": "Say what a check looks at, why it matters, how to fix it.",
    "doctor": "Show what this machine has for imgtool's work.",
    "help": "Show a chapter of the manual; without a topic, list them.",
}
"""Each command's short help, so that `imgtool --help` loads none of them (a test compares)."""

HELP = frozenset({"-h", "--help"})
READ_AN_IMAGE = frozenset({"inspect", "check", "convert", "upload", "prepare", "boot"})
HEADERS_JOB = "imgtool.formats.headers:JOB"
"""The first that each of them asks of the sandbox; importing its module would take as long as is saved."""

EPILOG = """\
\b
Exit status: 0 fine, 1 a check failed, 2 usage, 3 image unreadable or unsafe,
4 an external tool missing or failed, 5 conversion, verification or output failed,
6 Glance refused or failed, 7 part of a batch failed, 70 a bug, 130 interrupted.
"""


@click.group(
    cls=LazyGroup,
    commands_help=COMMANDS,
    package="imgtool.cli.commands",
    epilog=EPILOG,
    no_args_is_help=False,
    context_settings={"help_option_names": sorted(HELP), "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="imgtool")
def cli() -> None:
    """Prepare virtual machine images for OpenStack."""


def main() -> None:
    """The console script."""
    standard_streams.occupy()
    standard_streams.take_over()
    sys.unraisablehook = _notice_lost
    status = run(sys.argv[1:])
    with contextlib.suppress(ImgtoolError):  # `run` has told what mattered
        sys.stdout.flush()
        sys.stderr.flush()
    if (sandbox := sys.modules.get("imgtool.sandbox")) is not None:
        sandbox.stop()  # so that what it used counts as ours
    os._exit(status)  # taking the interpreter apart would take longer than `imgtool --version`


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit status. Whatever moment an interruption comes at, it ends in here."""
    json_output = console.wants_json(arguments)
    try:
        _answer_signals(_interrupt)
        with leases.enabled():
            status = _carry_out(arguments, json_output=json_output)
        _answer_signals(signal.SIG_IGN)  # it is over: what is left is to tell its status
    except (KeyboardInterrupt, click.Abort):
        _answer_signals(signal.SIG_IGN)  # the clean-up is done: what is left is to say so
        return console.show_error(InterruptedByUserError("interrupted"), json_output=json_output)
    return status


def _carry_out(arguments: Sequence[str], *, json_output: bool) -> int:
    try:
        limits.apply(os.environ)
        _begin_reading(arguments)
        status = cli.main(args=list(arguments), prog_name="imgtool", standalone_mode=False)
        sys.stdout.flush()
    except click.Abort:
        raise
    except click.ClickException as error:
        return console.show_error(_usage(error), json_output=json_output)
    except ImgtoolError as error:
        return console.show_error(error, json_output=json_output)
    except Exception as error:  # a bug: whatever it is, the user gets a file to attach, not a traceback
        from imgtool.cli.bug_report import write_bug_report  # noqa: PLC0415 - a tenth of the start-up time

        return console.show_error(
            console.bug(error, write_bug_report(error, arguments)), json_output=json_output
        )
    return status if isinstance(status, int) else EXIT_OK


def _begin_reading(arguments: Sequence[str]) -> None:
    """Another process loads what reads headers, while this one loads the command."""
    if arguments and arguments[0] in READ_AN_IMAGE and HELP.isdisjoint(arguments):
        from imgtool import sandbox  # noqa: PLC0415 - loaded only where it is needed

        with contextlib.suppress(ImgtoolError):  # who needs it says so
            sandbox.start(HEADERS_JOB)


def _answer_signals(answer: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """All but those that whoever started us had ignored: by nohup, or a shell's &."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, answer)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """TERM and HUP clean up as ^C does; only ^C is heard again while the clean-up lasts."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.interrupt()


def _notice_lost(lost: "sys.UnraisableHookArgs") -> None:
    """An interruption that came while an object was finalised, which Python drops, comes once more.

    The signal behind it is ignored by then: without this it would never end us.
    """
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    signal.signal(signal.SIGALRM, lambda *_: interrupts.interrupt())
    signal.setitimer(signal.ITIMER_REAL, _ONCE_MORE_SECONDS)


def _usage(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "imgtool"
    return UsageError(error.format_message(), hint=f"see `{command} --help`")
