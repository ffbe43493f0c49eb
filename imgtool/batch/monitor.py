"""One worker, watched until it ends: its lines, its deadline, and whether the batch is to go on."""

import json
import os
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from imgtool.batch.forks import Child
from imgtool.util.fork_server import KILL, STOP

StopLevel = Literal["run", "stop", "kill"]
Event = dict[str, Any]

MAX_LINE_BYTES = 32 << 20
"""Of JSON: a report of an image has some 100 KiB."""
KEPT_STDERR_BYTES = 64 << 10
TICK_SECONDS = 0.2
"""Between two looks at the deadline and at the stop_level."""

_READ_BYTES = 64 << 10


@dataclass(slots=True)
class Ending:
    """How a child ended."""

    status: int | None = None
    """Negative: the signal; None where the server ended, or there was no child."""
    why: Literal["deadline", "stopped"] | None = None
    """What this side wanted."""
    stderr: bytes = b""
    error: str = ""
    """Why there was no child."""


def watch(
    child: Child,
    *,
    deadline_seconds: float,
    stop_seconds: float,
    stop_level: Callable[[], StopLevel],
    on_event: Callable[[Event], None],
) -> Ending:
    """Watch the child until it ends. One that is to stop, or is late, has `stop_seconds` to clean up."""
    return _Watch(child, on_event, stop_seconds).until_the_end(
        stop_level, time.monotonic() + deadline_seconds
    )


@dataclass(slots=True)
class _Watch:
    child: Child
    on_event: Callable[[Event], None]
    stop_seconds: float
    ending: Ending = field(default_factory=Ending)
    killed_at: float = float("inf")
    """When it has to be killed: from then on, again and again."""

    def until_the_end(self, stop_level: Callable[[], StopLevel], deadline: float) -> Ending:
        control = _Lines(self._on_message)
        output = _Lines(self.on_event)
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.control, selectors.EVENT_READ, control.feed)
            selector.register(self.child.stdout, selectors.EVENT_READ, output.feed)
            selector.register(self.child.stderr, selectors.EVENT_READ, self._keep_error)
            while selector.get_map():
                for key, _ in selector.select(TICK_SECONDS):
                    content = _read(key.fd)
                    key.data(content)
                    if not content:
                        selector.unregister(key.fileobj)
                self._look(stop_level(), deadline)
        return self.ending

    def _look(self, stop_level: StopLevel, deadline: float) -> None:
        now = time.monotonic()
        if stop_level == "kill":
            self.ending.why = self.ending.why or "stopped"
            self.killed_at = now
        elif self.ending.why is None and (stop_level == "stop" or now > deadline):
            self.ending.why = "stopped" if stop_level == "stop" else "deadline"
            self.killed_at = now + self.stop_seconds
            self.child.send(STOP)
        if now >= self.killed_at:
            self.child.send(KILL)

    def _on_message(self, message: Event) -> None:
        self.ending.status = message.get("status")
        self.ending.error = message.get("failure", "")

    def _keep_error(self, content: bytes) -> None:
        self.ending.stderr = (self.ending.stderr + content)[-KEPT_STDERR_BYTES:]


class _Lines:
    """Bytes -> the JSON object of each line; what is no such line is passed over."""

    def __init__(self, on_message: Callable[[Event], None]) -> None:
        self._on_message = on_message
        self._unfinished: list[bytes] = []
        self._size = 0

    def feed(self, content: bytes) -> None:
        first, *more = content.split(b"\n")
        self._add(first)
        for line in more:
            self._read(b"".join(self._unfinished))
            self._unfinished, self._size = [line], len(line)

    def _add(self, content: bytes) -> None:
        self._size += len(content)
        if self._size <= MAX_LINE_BYTES:
            self._unfinished.append(content)

    def _read(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return
        if isinstance(message, dict):
            self._on_message(message)


def _read(descriptor: int) -> bytes:
    """Nothing at the end, and where the other end was torn away."""
    try:
        return os.read(descriptor, _READ_BYTES)
    except ConnectionError:
        return b""


@dataclass(slots=True)
class StopSignal:
    """Whether a batch is to run, stop or be killed; it goes from `run` to `stop` to `kill`, never back."""

    now: StopLevel = "run"
    fail_fast: bool = False
    """Nothing is begun any more once an image has failed."""
    has_failed: bool = False

    @property
    def begins_no_more(self) -> bool:
        """Whether an image that was not begun yet is to wait for another run."""
        return self.fail_fast and self.has_failed

    def get(self) -> StopLevel:
        """What is wanted at this moment."""
        return self.now

    def interrupt(self) -> None:
        """The first time: end and clean up. The second time: at once."""
        self.now = "stop" if self.now == "run" else "kill"
