"""Tries a whole upload again where that is safe: with a new record, and all bytes from the start.

Safe is what may only have hit a bad moment: no answer, a server that is busy or broke off. What Glance
refused for a reason would be refused again, and what arrived wrong should be looked at by somebody.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from imgtool.errors import CloudError
from imgtool.glance.cloud import Cloud
from imgtool.glance.failures import BAD_MOMENTS, GlanceRefusal, NoAnswer
from imgtool.util.progress import Progress

PAUSES_SECONDS = (1.0, 5.0, 15.0)
"""Before the second, third and fourth attempt."""

_EXPIRED = 401

T = TypeVar("T")


def until_done(attempt: Callable[[], T], cloud: Cloud, progress: Progress) -> tuple[T, tuple[str, ...]]:
    """What `attempt` returns, and why earlier ones failed. Raises the last one's error."""
    failures: list[str] = []
    for pause in PAUSES_SECONDS:
        try:
            return attempt(), tuple(failures)
        except CloudError as error:
            if not _worth_another(error, failures):
                raise
            failures.append(error.message)
            if _status(error) == _EXPIRED:
                cloud.forget_token()
            progress.stage("retry", f"{error.message}; once more in {pause:g} s, from the first byte")
            time.sleep(pause)
    return attempt(), tuple(failures)


def _worth_another(error: CloudError, earlier: list[str]) -> bool:
    """A token that is not accepted is renewed once: a new one that is not accepted either is no accident."""
    if isinstance(error, NoAnswer):
        return True
    status = _status(error)
    return status in BAD_MOMENTS or (status == _EXPIRED and not earlier)


def _status(error: CloudError) -> int | None:
    return error.status if isinstance(error, GlanceRefusal) else None
