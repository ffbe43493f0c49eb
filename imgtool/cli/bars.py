"""Progress on stderr: a line a stage, and where that is a terminal a line for what is under way.

`watch` makes what a command shows: lines for people, or objects for a program (json_progress.py).
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Literal

from imgtool.cli import console
from imgtool.cli.live import LIVE
from imgtool.errors import UsageError
from imgtool.util import log
from imgtool.util.progress import Meter, NullMeter, Progress
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.cli.pace import Pace

When = Literal["auto", "always", "never", "json"]


def watch(when: When, *, stages: bool = True) -> Progress:
    """What shows the progress; `stages` False leaves out the lines for people. Raises UsageError."""
    if when == "json":
        from imgtool.cli.json_progress import JsonProgress  # noqa: PLC0415 - only where it is asked for

        return JsonProgress(json_output())
    return TerminalProgress(when, stages=stages)


def json_output() -> console.Emit:
    """Where objects go. Raises UsageError where the log would be between them."""
    if console.is_logged():
        raise UsageError(
            "-v and --progress json would both be written to stderr", hint="--log-file PATH keeps the log"
        )
    return console.emit


def shows_live(when: When) -> bool:
    """Whether there are lines of what is under way."""
    return when == "always" or (when == "auto" and sys.stderr.isatty())


class TerminalProgress:
    """Stages unless `when` is never; what is under way on a terminal, or when `when` is always."""

    def __init__(self, when: When, *, stages: bool = True) -> None:
        self._stages = stages and when != "never" and not console.is_logged()
        self._live = shows_live(when)
        self._began = time.monotonic()
        self._lock = Lock()
        self._under_way: list[tuple[str, Pace]] = []

    def stage(self, name: str, message: str) -> None:
        """One line, and a record of the log."""
        log.stage(name, message)
        if self._stages:
            console.log(f"{console.paint(name.ljust(8), 'title')} {printable(message)}")

    @contextmanager
    def meter(self, label: str, total_bytes: int | None) -> Iterator[Meter]:
        """A line that goes when the work is done. Its clock is that of this command."""
        if not self._live:
            yield NullMeter()
            return
        from imgtool.cli.pace import Pace  # noqa: PLC0415 - loaded only where it is needed

        entry = (label, Pace(total_bytes))
        with self._lock:
            self._under_way.append(entry)
        LIVE.show(self._lines, at_once=True)
        try:
            yield _LiveMeter(self, entry[1])
        finally:
            with self._lock:
                self._under_way.remove(entry)
                left = bool(self._under_way)
            if left:
                LIVE.show(self._lines, at_once=True)
            else:
                LIVE.clear()

    def advanced(self) -> None:
        """Draw it, if it is time."""
        LIVE.show(self._lines)

    def _lines(self, width: int) -> Sequence[str]:
        from imgtool.cli.pace import bytes_line  # noqa: PLC0415 - loaded only where it is needed

        now = time.monotonic()
        with self._lock:
            under_way = list(self._under_way)
        return [bytes_line(label, "", pace, now - self._began, width) for label, pace in under_way]


class _LiveMeter:
    def __init__(self, shown: TerminalProgress, pace: "Pace") -> None:
        self._shown = shown
        self._pace = pace
        self._lock = Lock()

    def advance(self, amount_bytes: int) -> None:
        with self._lock:
            self._pace.advance_to(self._pace.done + amount_bytes)
        self._shown.advanced()
