"""How fast work goes, and one line that tells it in as many columns as there are.

The rate is that of the last seconds of one stage. The clock is that of the whole image: it does not begin
anew with each stage.
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType

from imgtool.report.as_text.fitting import columns
from imgtool.util.text import human_size

RECENT_SECONDS = 10.0
"""Of which the rate is told."""
_SAMPLED_SECONDS = 0.25
LEAST_NAME = 12
"""Characters of a name that a narrow terminal keeps, if it has so many."""
LEAST_BAR = 8
MOST_BAR = 30


def _now() -> float:
    return time.monotonic()


@dataclass(slots=True)
class Pace:
    """One stage: what is done of how much, in bytes or in images. Times by time.monotonic()."""

    total: int | None
    done: int = 0
    began: float = field(default_factory=_now)
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def advance_to(self, done: int, now: float | None = None) -> None:
        """So much is done."""
        now = time.monotonic() if now is None else now
        self.done = done
        if not self._samples or now - self._samples[-1][0] >= _SAMPLED_SECONDS:
            self._samples.append((now, done))
        while len(self._samples) > 1 and now - self._samples[1][0] > RECENT_SECONDS:
            self._samples.popleft()

    def rate(self, now: float) -> float | None:
        """Per second, lately; None where nobody can tell yet."""
        since, before = self._samples[0] if self._samples else (self.began, 0)
        if len(self._samples) <= 1:
            since, before = self.began, 0
        return (self.done - before) / (now - since) if now > since and self.done > before else None

    def seconds_left(self, now: float) -> float | None:
        """Estimate the seconds left of this stage, at this rate."""
        rate = self.rate(now)
        if self.total is None or not rate:
            return None
        return max(self.total - self.done, 0) / rate

    @property
    def share(self) -> float | None:
        """Return how much of the work is done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else None


def clock(seconds: float) -> str:
    """`00:16`, `51:07`, `2:03:09`, as tqdm's own lines have it."""
    return str(_tqdm().tqdm.format_interval(max(0, round(seconds))))


@dataclass(frozen=True, slots=True)
class Parts:
    """What a line tells beside its name."""

    needed: Sequence[str]
    """In any case."""
    more: Sequence[str] = ()
    """As far as there is room, the first before the others; an empty one is none."""
    share: float | None = None
    """Of the work that is done, for a bar where there is room left."""


def bytes_line(name: str, stage: str, pace: Pace, elapsed: float, width: int) -> str:
    """One line: name, stage, share and rate in any case; the rest as far as there is room.

    `elapsed` are the seconds of the whole image so far.
    """
    now = time.monotonic()
    rate, left, share = pace.rate(now), pace.seconds_left(now), pace.share
    needed = [f"{share:4.0%}" if share is not None else human_size(pace.done)]
    needed += [f"{human_size(int(rate))}/s"] if rate is not None else []
    total = f"{human_size(pace.done)} of {human_size(pace.total)}" if pace.total else ""
    more = [clock(elapsed), f"{clock(left)} left" if left is not None else "", total]
    return line(name, stage, Parts(needed, more, share), width)


def line(name: str, stage: str, parts: Parts, width: int) -> str:
    """One line of less than `width` columns; of the name, a narrow terminal shows the two ends."""
    room = width - 1  # the last column: some terminals begin a new line there
    fields = [one for one in (stage.ljust(8) if stage else "", *parts.needed) if one]
    taken = sum(map(columns, fields)) + 2 * len(fields)
    shown = shortened(name, max(room - taken, LEAST_NAME))
    left = room - columns(shown) - taken
    for one in filter(None, parts.more):
        if 2 + columns(one) <= left:
            fields.append(one)
            left -= 2 + columns(one)
    if parts.share is not None and left - 2 >= LEAST_BAR:
        length = min(left - 2, MOST_BAR) - 2
        fields.append(f"[{_bar(parts.share, length)}]")
    return cut("  ".join([shown, *fields]), room)


def _bar(share: float, length: int) -> str:
    """Draw it as tqdm does, whose own lines begin their clock anew with each stage."""
    return format(_tqdm().Bar(share, length, charset="-#"))


def _tqdm() -> ModuleType:
    """Load it for the first line: it takes a tenth of the start-up time, and many runs show none."""
    from tqdm import std  # noqa: PLC0415 - see above

    return std


def shortened(name: str, room: int) -> str:
    """The name in as many columns; what is in the middle goes, for the ends tell images apart."""
    if columns(name) <= room:
        return name
    head = (room - 3) // 2
    return f"{name[:head]}...{name[len(name) - (room - 3 - head) :]}"


def cut(text: str, room: int) -> str:
    """The text in as many columns."""
    while columns(text) > room:
        text = text[:-1]
    return text
