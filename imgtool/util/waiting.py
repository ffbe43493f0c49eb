"""Waiting for what nobody tells: it is looked at again and again."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.1


def until(done: Callable[[], bool], give_up: Callable[[], bool]) -> bool:
    """Try `done` until it succeeds; False once `give_up` says so. An interruption ends it at any time."""
    while not done():
        if give_up():
            return False
        time.sleep(POLL_SECONDS)
    return True


def after(seconds: float) -> Callable[[], bool]:
    """Return a `give_up` for `until`: True once so many seconds have passed."""
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() > deadline
