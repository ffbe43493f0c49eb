"""What a person or a script sees: results on stdout, errors on stderr (as JSON on stdout where asked for)."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import click

from imgtool.errors import EXIT_BUG, ImgtoolError, OutputError, ReaderGoneError
from imgtool.util import log as record
from imgtool.util.text import printable

_COLOURS = {"title": "cyan", "good": "green", "bad": "red", "doubt": "yellow", "dim": "bright_black"}


NARROWEST = 40
"""Columns: lines are not broken into less, whatever a terminal says of itself."""

LOG_ON_STDERR = "imgtool.log_on_stderr"
"""What click's context knows where stderr shows the log."""


INSTEAD_OF_STDOUT = "imgtool.instead_of_stdout"
"""What click's context knows where a report is on stdout: where the result goes, stderr or nowhere."""


Emit = Callable[[Mapping[str, Any]], None]
"""Tells a program what goes on: an object that JSON takes."""


class BugError(ImgtoolError):
    """What was not expected to go wrong, in the form in which everything else is shown."""

    exit_status = EXIT_BUG
    code = "bug"


_expected: dict[str, str] = {}
"""What --output and --progress are where the command line does not say: nothing is for people."""


def expect(option: str, value: str | None, arguments: Sequence[str]) -> None:
    """Note what the environment or the configuration file say of an option, by its name without dashes."""
    _expected[option] = value or ""
    begin(arguments)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether JSON is asked for, seen before the command line is parsed: usage errors are JSON too."""
    pairs = pairwise([*arguments, ""])
    forms = [
        value if option == "--output" else option.removeprefix("--output=")
        for option, value in pairs
        if option == "--output" or option.startswith("--output=")
    ]
    return (forms or [_expected.get("output", "")])[-1] == "json"


def wants_json_progress(arguments: Sequence[str]) -> bool:
    """Whether stderr is for a program, seen before the command line is parsed."""
    if not any(option.startswith(("--progress", "-p")) for option in arguments):
        return _expected.get("progress") == "json"
    pairs = pairwise([*arguments, ""])
    return any(
        option in {"--progress=json", "-pjson"} or (option in {"--progress", "-p"} and value == "json")
        for option, value in pairs
    )


_for_a_program: list[bool] = []
"""Not empty where all lines of stderr are objects."""


def begin(arguments: Sequence[str]) -> None:
    """A command begins: how stderr is written follows from its arguments."""
    _for_a_program[:] = [True] if wants_json_progress(arguments) else []


def tell_a_program() -> None:
    """Let all lines of stderr be objects, also where no argument but the environment or a file says so."""
    _for_a_program[:] = [True]


def end() -> None:
    """It is over: whatever is written from now on is for people."""
    _for_a_program.clear()


def emit(told: Mapping[str, Any]) -> None:
    """One object, a line on stderr."""
    import json  # noqa: PLC0415 - only for a program

    click.echo(renamed(json.dumps(told, ensure_ascii=True)), err=True, color=False)


def paint(text: str, role: str) -> str:
    """Coloured; `show` and `log` take the colour away where nobody sees it."""
    return click.style(text, fg=_COLOURS[role], bold=role in {"title", "bad"})


_called: dict[str, str] = {}


def call(file: Path, name: str) -> None:
    """Show `name` in place of this path from now on: of a file that was fetched, and goes again."""
    _called[str(file)] = name


def renamed(text: str) -> str:
    """The text, which speaks of such files by their names."""
    for file, name in list(_called.items()):
        text = text.replace(file, name)
    return text


def show(text: str) -> None:
    """A result: on stdout, unless a report has that; then as a log, or not at all."""
    context = click.get_current_context(silent=True)
    instead = None if context is None else context.meta.get(INSTEAD_OF_STDOUT)
    if instead is None:
        print_out(text)
    elif instead == "stderr":
        log(text)


def tell(text: str) -> None:
    """A result for people: as `show`, in lines that fit the terminal."""
    from imgtool.report.as_text.fitting import fitted  # noqa: PLC0415 - no JSON needs it

    show(fitted(text, width()))


def width(stream: int = 1) -> int | None:
    """How many columns the terminal has on this descriptor; None where it is none, and lines may be long.

    COLUMNS counts more than what the terminal says of itself, as for other programs.
    """
    try:
        if not os.isatty(stream):
            return None
        told = os.environ.get("COLUMNS", "")
        return max(int(told) if told.isdecimal() else os.get_terminal_size(stream).columns, NARROWEST)
    except OSError:
        return None


def print_out(text: str) -> None:
    """What is on stdout whatever else is."""
    with _above_what_is_live():
        click.echo(renamed(text), color=_colour())


def show_error(error: ImgtoolError, *, json_output: bool) -> int:
    """Say what happened and what to do; the exit status."""
    record.error(__name__, error.message, code=error.code, hint=error.hint or None)
    if isinstance(error, ReaderGoneError) or (json_output and _shown_as_json(error)):
        return error.exit_status
    for one in (error, *getattr(error, "others", ())):
        _show_one(one)
    return error.exit_status


def _show_one(error: ImgtoolError) -> None:
    if _for_a_program:
        told = {"code": error.code, "message": printable(error.message), "hint": printable(error.hint)}
        emit({"message_type": "error", **told, "exit_status": error.exit_status})
        return
    _advise(f"{paint('imgtool: error:', 'bad')} {printable(error.message)}")
    if error.hint:
        _advise(f"{paint('imgtool: hint:', 'dim')}  {printable(error.hint)}")


def _advise(line: str) -> None:
    """A line on stderr for people."""
    from imgtool.report.as_text.fitting import fitted  # noqa: PLC0415 - nothing went wrong, mostly

    log(fitted(line, width(2)))


def _shown_as_json(error: ImgtoolError) -> bool:
    """Whether it could be: a stdout that fails leaves stderr, where it is said in words."""
    from imgtool.report import as_json  # noqa: PLC0415 - a fifth of the start-up time, seldom needed

    try:
        show(as_json.to_text(as_json.error(error)))
    except (OutputError, ReaderGoneError):
        return False
    return True


def bug(error: BaseException, report_path: str) -> BugError:
    """One line and a file to attach."""
    hint = "this is a bug in imgtool; please report it"
    from imgtool.util.redaction import redact, secrets_of  # noqa: PLC0415 - loaded only where it is needed

    words = redact(str(error), secrets_of(os.environ))
    return BugError(
        f"internal error: {type(error).__name__}: {words}",
        hint=f"{hint} with {report_path}" if report_path else hint,
    )


def is_logged() -> bool:
    """Whether the log is on stderr: what it says of the work's progress is not said there twice."""
    context = click.get_current_context(silent=True)
    return context is not None and LOG_ON_STDERR in context.meta


def log(line: str) -> None:
    """A line on stderr; for a program an object."""
    if _for_a_program:
        emit({"message_type": "notice", "message": click.unstyle(line)})
        return
    with _above_what_is_live():
        click.echo(renamed(line), err=True, color=_colour())


def _above_what_is_live() -> AbstractContextManager[None]:
    """A block that prints above the lines that are drawn anew, if there are any."""
    live = sys.modules.get("imgtool.cli.live")
    return nullcontext() if live is None else cast("AbstractContextManager[None]", live.LIVE.aside())


def _colour() -> bool | None:
    """True and False where the environment decides; None leaves it to click: colour on a terminal only.

    NO_COLOR (https://no-color.org) counts more than FORCE_COLOR and CLICOLOR_FORCE, and these more than
    CLICOLOR (https://bixense.com/clicolors) and TERM. CI systems set FORCE_COLOR, as their logs show colours.
    """
    of = os.environ.get
    if of("NO_COLOR"):
        return False
    if any(of(name, "0") not in {"", "0", "false"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return False if of("CLICOLOR") == "0" or of("TERM") == "dumb" else None
