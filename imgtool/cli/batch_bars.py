"""How a batch goes, for people: a line for each image that ended.

On a terminal also one for each image that is being worked on, and one for all.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event as Flag
from threading import Lock, Thread

from imgtool.batch.monitor import Event
from imgtool.cli import console
from imgtool.cli.bars import When, json_output, shows_live
from imgtool.cli.json_progress import JsonBatch
from imgtool.cli.live import LIVE
from imgtool.cli.pace import Pace, Parts, bytes_line, clock, line
from imgtool.model.batch import GOOD_STATES, Task, TaskRecord
from imgtool.report.as_text.batch import word
from imgtool.util.progress import Meter, NullMeter
from imgtool.util.text import printable

TICK_SECONDS = 0.5
"""Between two drawings where nothing else happens: the clocks go on."""


def watch_batch(when: When) -> "BatchBars | JsonBatch":
    """What shows a batch. Raises UsageError."""
    return JsonBatch(json_output()) if when == "json" else BatchBars(when)


@dataclass(slots=True)
class _UnderWay:
    """One image that is being worked on."""

    name: str
    began: float
    """Of its first attempt: the clock goes on through all stages and attempts."""
    stage: str = "start"
    pace: Pace | None = None


class BatchBars:
    """Lines unless `when` is never; what is under way on a terminal, or when `when` is always.

    For many threads.
    """

    def __init__(self, when: When) -> None:
        self._lines = when != "never" and not console.is_logged()
        self._live = shows_live(when)
        self._lock = Lock()
        self._under_way: dict[str, _UnderWay] = {}
        self._began = time.monotonic()
        self._total = 0
        self._ended = 0
        self._skipped = 0
        self._failed = 0
        self._is_over = Flag()

    def begin(self, tasks: int, jobs: int) -> None:
        """The line of all."""
        self._total = tasks
        self._log(f"{console.paint('batch'.ljust(8), 'title')} {tasks} images, {jobs} at a time")
        if self._live:
            LIVE.show(self._drawn, at_once=True)
            Thread(target=self._tick, name="imgtool-clock", daemon=True).start()

    def event(self, task: Task, event: Event) -> None:
        """The line of the image."""
        with self._lock:
            if "attempt" in event:
                self._under_way.setdefault(task.key, _UnderWay(printable(task.name), time.monotonic()))
            found = self._under_way.get(task.key)
            if found is None:
                return
            if "attempt" in event or "stage" in event:
                found.stage, found.pace = event.get("stage", "start"), None
            elif "meter" in event:
                if found.pace is None or found.stage != event["meter"] or found.pace.done > event["done"]:
                    found.pace = Pace(event["total"] or None)
                found.stage = event["meter"]
                found.pace.advance_to(event["done"])
        self._draw()

    def ended(self, task: Task, record: TaskRecord) -> None:
        """A line, and one more that has ended."""
        with self._lock:
            self._ended += 1
            self._skipped += record.state == "skipped"
            self._failed += record.state not in GOOD_STATES
            self._under_way.pop(task.key, None)
            shown = self._line(task, record)
        self._log(shown)
        self._draw()

    def notice(self, message: str) -> None:
        """A line."""
        self._log(f"{console.paint('batch'.ljust(8), 'title')} {printable(message)}")

    def close(self) -> None:
        """Take what is under way from the screen."""
        self._is_over.set()
        if self._live:
            LIVE.clear()

    def _tick(self) -> None:
        while not self._is_over.wait(TICK_SECONDS):
            self._draw()

    def _draw(self) -> None:
        if self._live and not self._is_over.is_set():
            LIVE.show(self._drawn)

    def _drawn(self, width: int) -> Sequence[str]:
        now = time.monotonic()
        with self._lock:
            return [
                *(self._image(one, now, width) for one in self._under_way.values()),
                self._all(now, width),
            ]

    def _image(self, one: _UnderWay, now: float, width: int) -> str:
        if one.pace is None:
            return line(one.name, one.stage, Parts((clock(now - one.began),)), width)
        return bytes_line(one.name, one.stage, one.pace, now - one.began, width)

    def _all(self, now: float, width: int) -> str:
        """What an earlier run made took no time, and says nothing of how long the others take."""
        elapsed, worked = now - self._began, self._ended - self._skipped
        left = elapsed / worked * (self._total - self._ended) if worked else None
        needed = [f"{self._ended} of {self._total} images"]
        needed += [f"{self._failed} failed"] if self._failed else []
        more = [clock(elapsed), f"{clock(left)} left" if left else ""]
        more += [f"{self._skipped} already there" if self._skipped else ""]
        share = self._ended / self._total if self._total else None
        return line("batch", "", Parts(needed, more, share), width)

    def _line(self, task: Task, record: TaskRecord) -> str:
        role = "good" if record.state in GOOD_STATES else "bad"
        shown = (
            f"[{self._ended}/{self._total}] {console.paint(word(record.state), role)} {printable(task.name)}"
        )
        if record.state == "skipped":
            return shown
        return shown + (f": {printable(record.message)}" if record.message else f", {record.seconds:.1f} s")

    def _log(self, shown: str) -> None:
        if self._lines:
            console.log(shown)


@contextmanager
def counted(when: When, label: str, total: int) -> Iterator[Meter]:
    """A meter of images, for work that has no other."""
    if when == "json":
        emit, began = json_output(), time.monotonic()
        yield _Counter(lambda done: emit({
            "message_type": "status", "stage": label, "seconds_elapsed": round(time.monotonic() - began, 3),
            "percent_done": round(done / total, 4), "images_done": done, "total_images": total,
        }))  # fmt: skip
        return
    if not shows_live(when):
        yield NullMeter()
        return
    began = time.monotonic()

    def show(done: int) -> None:
        elapsed = time.monotonic() - began
        left = elapsed / done * (total - done) if done else None
        more = [clock(elapsed), f"{clock(left)} left" if left else ""]
        parts = Parts((f"{done} of {total} images",), more, done / total)
        LIVE.show(lambda width: [line(label, "", parts, width)])

    show(0)
    try:
        yield _Counter(show)
    finally:
        LIVE.clear()


class _Counter:
    def __init__(self, show: Callable[[int], None]) -> None:
        self._show = show
        self._done = 0

    def advance(self, amount: int) -> None:
        self._done += amount
        self._show(self._done)
