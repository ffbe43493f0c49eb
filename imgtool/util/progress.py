"""What long work tells whoever watches: the stage it is in, and the bytes that are done.

The work knows only this protocol; `cli/` shows it, tests record it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from imgtool.util import log


class Meter(Protocol):
    """Counts the bytes of one piece of work."""

    def advance(self, amount_bytes: int) -> None:
        """`amount_bytes` more are done."""


class Progress(Protocol):
    """Who watches."""

    def stage(self, name: str, message: str) -> None:
        """A stage begins or ends: `name` is one word (inspect, check, convert, upload, verify)."""

    def meter(self, label: str, total_bytes: int | None) -> AbstractContextManager[Meter]:
        """A meter for `total_bytes` of work (None: not known beforehand), closed with its context."""


def bytes_of(total_bytes: int, advance: Callable[[int], None]) -> Callable[[float], None]:
    """Turn each share of the work, 0.0 to 1.0, into the bytes that were done since the last one."""
    done_bytes = 0

    def listen(fraction: float) -> None:
        nonlocal done_bytes
        now_bytes = int(total_bytes * fraction)
        advance(max(now_bytes - done_bytes, 0))
        done_bytes = max(now_bytes, done_bytes)

    return listen


class NullMeter:
    """Counts nothing."""

    def advance(self, amount_bytes: int) -> None:
        """Nobody listens."""


class NullProgress:
    """Nobody watches."""

    def stage(self, name: str, message: str) -> None:
        """A record of the log, if there is one."""
        log.stage(name, message)

    def meter(self, label: str, total_bytes: int | None) -> AbstractContextManager[Meter]:
        """A meter that counts nothing."""
        return nullcontext(NullMeter())
