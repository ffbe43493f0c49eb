"""The last lines of a terminal, drawn anew while work goes on; everything else is printed above them.

A terminal that becomes narrower breaks the lines that stand there into several (tmux, VTE, kitty and most
others do). How many rows they take now follows from their lengths, so that all of them are erased.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock

from imgtool.report.as_text.fitting import columns

REDRAWN_SECONDS = 0.1
"""Between two drawings of what only changes a little."""
LOGGED_SECONDS = 10.0
"""The same where stderr is no terminal and the lines are wanted all the same: each is printed then."""
_USUAL_WIDTH, _USUAL_HEIGHT = 80, 24

Lines = Callable[[int], Sequence[str]]
"""Makes the lines for a width in columns; each has to be shorter than that."""


class LiveLines:
    """The lines at the end of stderr. For many threads."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._lines: Lines | None = None
        self._drawn: list[int] = []
        self._drawn_at = 0.0

    def show(self, lines: Lines, *, at_once: bool = False) -> None:
        """Draw these from now on; not before it is time, unless `at_once`."""
        with self._lock:
            self._lines = lines
            pause = REDRAWN_SECONDS if sys.stderr.isatty() else LOGGED_SECONDS
            if at_once or time.monotonic() - self._drawn_at >= pause:
                self._draw()

    def clear(self) -> None:
        """Take them away."""
        with self._lock:
            self._erase()
            self._lines = None
            self._drawn_at = 0.0

    @contextmanager
    def aside(self) -> Iterator[None]:
        """A block that prints something else, above them."""
        with self._lock:
            was_drawn = bool(self._drawn)
            self._erase()
            try:
                yield
            finally:
                if was_drawn:
                    self._draw()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        if self._lines is None:
            return
        if not sys.stderr.isatty():
            sys.stderr.write("".join(f"{line}\n" for line in self._lines(_USUAL_WIDTH)))
            sys.stderr.flush()
            return
        lines = _that_fit(self._lines(_size().columns))
        sys.stderr.write(self._erasure() + "\n".join(lines))
        sys.stderr.flush()
        self._drawn = list(map(columns, lines))

    def _erase(self) -> None:
        if self._drawn:
            sys.stderr.write(self._erasure())
            sys.stderr.flush()
            self._drawn = []

    def _erasure(self) -> str:
        """Clear each row of what was drawn, up to the first.

        Not all rows at once: of a whole screen that is cleared, tmux keeps a copy in its history.
        """
        if not self._drawn:
            return ""
        width = _size().columns
        rows = sum(max(1, -(-length // width)) for length in self._drawn)
        return "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (rows - 1)


def _that_fit(lines: Sequence[str]) -> Sequence[str]:
    """Return as many as the terminal has rows, with the last: what scrolled out could not be erased."""
    most = _size().lines - 1
    if len(lines) <= most:
        return lines
    left = len(lines) - (most - 1)
    return [*lines[: most - 2], f"and {left} more", lines[-1]]


def _size() -> os.terminal_size:
    """Columns and rows; never less than what a line and the one for all need."""
    try:
        found = os.get_terminal_size(2)
    except OSError:
        return os.terminal_size((_USUAL_WIDTH, _USUAL_HEIGHT))
    return os.terminal_size((max(found.columns, 20), max(found.lines, 4)))


LIVE = LiveLines()
"""Of this process: there is one stderr."""
