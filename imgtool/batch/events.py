"""The events that a child sends its parent while it works: one JSON object a line.

`{"stage", "detail"}` where a stage begins; `{"meter", "done", "total"}`, in bytes (total null: not known);
`{"log"}` where a record of the log is made (log_events.py); `{"record"}` at the end, once.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from imgtool.errors import ToolFailedError
from imgtool.util.progress import Meter
from imgtool.util.text import human_size

METER_SECONDS = 0.2
"""Between two events of one meter."""


class EventWriter:
    """A Progress that writes to the descriptor `out`."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._lock = Lock()

    def stage(self, name: str, message: str) -> None:
        """A line."""
        self.send({"stage": name, "detail": message})

    @contextmanager
    def meter(self, label: str, total_bytes: int | None) -> Iterator[Meter]:
        """A line now and then."""
        meter = _EventMeter(self, label, total_bytes)
        meter.send()
        yield meter
        meter.send()

    def send(self, message: dict[str, Any]) -> None:
        """One line, whole: nobody reads half of it."""
        left = memoryview(json.dumps(message).encode() + b"\n")
        with self._lock:
            while left:
                left = left[os.write(self._out, left) :]


class _EventMeter:
    def __init__(self, events: EventWriter, label: str, total_bytes: int | None) -> None:
        self._events = events
        self._label = label
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._sent_at = 0.0

    def advance(self, amount_bytes: int) -> None:
        self._done_bytes += amount_bytes
        if time.monotonic() - self._sent_at >= METER_SECONDS:
            self.send()

    def send(self) -> None:
        self._sent_at = time.monotonic()
        self._events.send({"meter": self._label, "done": self._done_bytes, "total": self._total_bytes})


def too_hungry(address_space_bytes: int) -> ToolFailedError:
    """The error of a child that came to its limit."""
    limit = human_size(address_space_bytes)
    return ToolFailedError(
        f"needed more memory than its limit of {limit}", hint="run `imgtool check` on this image alone"
    )
