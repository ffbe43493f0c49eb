"""Runs one command and leaves by the right door: a result, an expected error, an interruption, a bug.

Here is no more than has to be there before the process forks in which images are read: click, and all that
the command needs, is loaded after that, while the other process loads what it needs.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

from imgtool.cli import limits, standard_streams
from imgtool.errors import ImgtoolError, InterruptedByUserError
from imgtool.util import interrupts, leases, log

_ONCE_MORE_SECONDS = 0.01

HELP = frozenset({"-h", "--help"})
READ_AN_IMAGE = frozenset({"inspect", "check", "convert", "upload", "prepare", "boot", "fix", "sbom", "diff"})
READ_A_GUEST = READ_AN_IMAGE - {"convert", "upload"}
HEADERS_JOB = "imgtool.formats.headers:JOB"
"""The first that each of them asks of the sandbox; importing its module would take as long as is saved."""
GUEST_JOB = "imgtool.pipeline.guest_reader:JOB"
INSTALLED_JOB = "imgtool.pipeline.guest_reader:INSTALLED_JOB"
"""The next that these ask of it; `sbom` asks for less."""


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
    began = time.monotonic()
    status = _run(arguments)
    log.info(__name__, f"exit status {status}", status=status, seconds=time.monotonic() - began)
    if (logs := sys.modules.get("imgtool.cli.logs")) is not None:
        logs.close()
    if (console := sys.modules.get("imgtool.cli.console")) is not None:
        console.end()
    return status


def _run(arguments: Sequence[str]) -> int:
    try:
        _answer_signals(_interrupt)
        with leases.enabled():
            status = _carry_out(arguments)
        _answer_signals(signal.SIG_IGN)  # it is over: what is left is to tell its status
    except KeyboardInterrupt:
        _answer_signals(signal.SIG_IGN)  # the clean-up is done: what is left is to say so
        return _tell(InterruptedByUserError("interrupted"), arguments)
    return status


def _carry_out(arguments: Sequence[str]) -> int:
    try:
        limits.apply(os.environ)
        _begin_reading(arguments)
        from imgtool.cli import group  # noqa: PLC0415 - see above

        status = group.call(arguments)
        sys.stdout.flush()
    except ImgtoolError as error:
        return _tell(error, arguments)
    except Exception as error:  # a bug: whatever it is, the user gets a file to attach, not a traceback
        from imgtool.cli import console  # noqa: PLC0415 - see above
        from imgtool.cli.bug_report import write_bug_report  # noqa: PLC0415 - a tenth of the start-up time

        return _tell(console.bug(error, write_bug_report(error, arguments)), arguments)
    return status


def _tell(error: ImgtoolError, arguments: Sequence[str]) -> int:
    from imgtool.cli import console  # noqa: PLC0415 - see above

    if console.wants_json_progress(arguments):  # that they were not even parsed is no reason for prose
        console.tell_a_program()
    return console.show_error(error, json_output=console.wants_json(arguments))


def _begin_reading(arguments: Sequence[str]) -> None:
    """Another process loads what reads headers, while this one loads click and the command."""
    if arguments and arguments[0] in READ_AN_IMAGE and HELP.isdisjoint(arguments):
        from imgtool.util import quick_dataclasses  # noqa: PLC0415 - loaded only where it is needed

        quick_dataclasses.install()
        from imgtool import sandbox  # noqa: PLC0415 - its classes are the first that are made

        with contextlib.suppress(ImgtoolError):  # who needs it says so
            sandbox.start(HEADERS_JOB)
            if arguments[0] in READ_A_GUEST:
                sandbox.start(INSTALLED_JOB if arguments[0] == "sbom" else GUEST_JOB)


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
