"""`--progress json`: one object a line on stderr, for a program that shows progress in its own way.

The form is restic's (https://restic.readthedocs.io/en/stable/075_scripting.html): `message_type` says what an
object is, and the keys are called as there. docs/command-line.md has a table of them.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from imgtool.cli.console import Emit
from imgtool.cli.pace import Pace
from imgtool.model.batch import GOOD_STATES, Task, TaskRecord
from imgtool.util import log
from imgtool.util.progress import Meter

STATUS_SECONDS = 0.5
"""Between two objects of the type status; the first and the last of a piece of work are told in any case."""


class JsonProgress:
    """The progress of one image, or of several that are judged side by side."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._began = time.monotonic()

    def stage(self, name: str, message: str) -> None:
        """An object of the type stage, and a record of the log."""
        log.stage(name, message)
        self._emit({"message_type": "stage", "stage": name, "message": message})

    @contextmanager
    def meter(self, label: str, total_bytes: int | None) -> Iterator[Meter]:
        """Objects of the type status."""
        meter = _JsonMeter(self, label, total_bytes)
        meter.tell()
        yield meter
        meter.end()

    def tell(self, label: str, pace: Pace) -> None:
        """One object."""
        now = time.monotonic()
        self._emit({"message_type": "status", "stage": label, **_status(pace, now - self._began, now)})


class _JsonMeter:
    def __init__(self, progress: JsonProgress, label: str, total_bytes: int | None) -> None:
        self._progress = progress
        self._label = label
        self._pace = Pace(total_bytes)
        self._told_at = 0.0
        self._lock = Lock()

    def advance(self, amount_bytes: int) -> None:
        with self._lock:
            self._pace.advance_to(self._pace.done + amount_bytes)
            if time.monotonic() - self._told_at >= STATUS_SECONDS:
                self.tell()

    def end(self) -> None:
        """All is done: a total that was an estimate is known now."""
        with self._lock:
            self._pace.total = self._pace.done
            self.tell()

    def tell(self) -> None:
        self._told_at = time.monotonic()
        self._progress.tell(self._label, self._pace)


def _status(pace: Pace, elapsed: float, now: float) -> dict[str, Any]:
    left = pace.seconds_left(now)
    return {
        "seconds_elapsed": round(elapsed, 3),
        "seconds_remaining": None if left is None else round(left, 3),
        "percent_done": None if pace.share is None else round(pace.share, 4),
        "bytes_done": pace.done,
        "total_bytes": pace.total,
    }


class JsonBatch:
    """The progress of a batch: a `batch.run.Watcher`. For many threads."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._lock = Lock()
        self._began = time.monotonic()
        self._told_at = 0.0
        self._total = 0
        self._ended: list[TaskRecord] = []
        self._current: dict[str, dict[str, Any]] = {}

    def begin(self, tasks: int, jobs: int) -> None:
        """The first status."""
        self._total = tasks
        self._tell(at_once=True)

    def event(self, task: Task, event: dict[str, Any]) -> None:
        """What the task's process tells."""
        with self._lock:
            if "attempt" in event:
                self._current[task.key] = {"image": task.name, "stage": "start", "attempt": event["attempt"]}
            elif "stage" in event:
                self._current.setdefault(task.key, {"image": task.name})["stage"] = event["stage"]
                self._emit({
                    "message_type": "stage", "image": task.name, "stage": event["stage"],
                    "message": event["detail"],
                })  # fmt: skip
            elif "meter" in event:
                done, total = event["done"], event["total"]
                self._current.setdefault(task.key, {"image": task.name}).update(
                    stage=event["meter"], bytes_done=done, total_bytes=total,
                    percent_done=round(min(done / total, 1.0), 4) if total else None,
                )  # fmt: skip
            self._tell()

    def ended(self, task: Task, record: TaskRecord) -> None:
        """One image less."""
        with self._lock:
            self._current.pop(task.key, None)
            self._ended.append(record)
            self._emit({
                "message_type": "image", "image": task.name, "state": record.state,
                "seconds": round(record.seconds, 3), "image_ids": dict(record.image_ids),
                "message": record.message, "hint": record.hint,
            })  # fmt: skip
            self._tell(at_once=len(self._ended) == self._total)

    def notice(self, message: str) -> None:
        """What concerns the whole batch."""
        with self._lock:
            self._emit({"message_type": "notice", "message": message})

    def close(self) -> None:
        """Nothing is left to be taken away."""

    def _tell(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._told_at < STATUS_SECONDS:
            return
        self._told_at = now
        skipped = sum(record.state == "skipped" for record in self._ended)
        worked = len(self._ended) - skipped
        left = self._total - len(self._ended)
        self._emit({
            "message_type": "status",
            "seconds_elapsed": round(now - self._began, 3),
            "seconds_remaining": round((now - self._began) / worked * left, 3) if worked else None,
            "percent_done": round(len(self._ended) / self._total, 4) if self._total else None,
            "images_done": len(self._ended),
            "total_images": self._total,
            "images_skipped": skipped,
            "images_failed": sum(record.state not in GOOD_STATES for record in self._ended),
            "current": list(self._current.values()),
        })  # fmt: skip
