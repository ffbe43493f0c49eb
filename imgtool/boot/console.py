"""The serial console as it is written: lines, and when each came. The guest decides what stands in it."""

import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TextIO

from imgtool.util.text import printable

FIRST_LINES, LAST_LINES = 5_000, 5_000
"""What is remembered of a guest that never stops writing."""

MAX_LINE_CHARACTERS = 1_000
MAX_KEPT_BYTES = 64 << 20
"""Of the file that the user asked for."""

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[ -/]*[0-Z\\^-~])")
"""ECMA-48: control sequences, with which firmware and boot loaders draw."""


class ConsoleLog:
    """Takes bytes, gives lines; `clock` tells the seconds since power-on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, keep: TextIO | None = None) -> None:
        self._clock = clock
        self._keep = keep
        self._kept_bytes = 0
        self._first: list[tuple[float, str]] = []
        self._last: deque[tuple[float, str]] = deque(maxlen=LAST_LINES)
        self._unfinished = ""
        self.count = 0
        """Lines that have come, also those that are forgotten."""

    def feed(self, content: bytes) -> None:
        """More of what the guest wrote."""
        *lines, self._unfinished = (self._unfinished + content.decode("utf-8", "replace")).split("\n")
        for line in lines:
            self._add(line.rstrip("\r"))
        while len(self._unfinished) > MAX_LINE_CHARACTERS:
            self._add(self._unfinished[:MAX_LINE_CHARACTERS])
            self._unfinished = self._unfinished[MAX_LINE_CHARACTERS:]

    def close(self) -> None:
        """No more will come: what stands there unfinished, often a prompt, is a line too."""
        if self._unfinished:
            self._add(self._unfinished)
            self._unfinished = ""

    @property
    def lines(self) -> Sequence[tuple[float, str]]:
        """Each with the seconds at which it ended; the unfinished one is not among them."""
        return [*self._first, *self._last]

    def since(self, count: int) -> list[str]:
        """The lines after the first `count`, those that are remembered."""
        first = [line for _, line in self._first[count:]]
        skipped = max(0, count - (self.count - len(self._last)))
        return [*first, *(line for _, line in islice(self._last, skipped, None))]

    @property
    def unfinished(self) -> str:
        """Return the line that has no end yet, often a prompt."""
        return self._unfinished

    @property
    def text(self) -> str:
        """All that is remembered, the unfinished line included."""
        return "\n".join([*(line for _, line in self.lines), self._unfinished])

    def tail(self, count: int) -> tuple[str, ...]:
        """The last lines that show something, printable."""
        shown = [plain for _, line in self.lines[-4 * count :] if (plain := _plain(line))]
        return tuple([*shown, *filter(None, [_plain(self._unfinished)])][-count:])

    def _add(self, line: str) -> None:
        self.count += 1
        stamped = (self._clock(), line[:MAX_LINE_CHARACTERS])
        if len(self._first) < FIRST_LINES:
            self._first.append(stamped)
        else:
            self._last.append(stamped)
        if self._keep is not None and self._kept_bytes < MAX_KEPT_BYTES:
            self._kept_bytes += self._keep.write(f"[{stamped[0]:8.3f}] {_plain(stamped[1])}\n")


def _plain(line: str) -> str:
    return printable(_ESCAPE_SEQUENCE.sub("", line).replace("\t", " ").replace("\r", " ")).rstrip()
