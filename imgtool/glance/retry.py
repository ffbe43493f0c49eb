"""Repeats a small request that met a bad moment, where that can do no harm."""

import time
from collections.abc import Callable

from imgtool.glance.answer import Answer
from imgtool.glance.failures import NoAnswer
from imgtool.util import log

PAUSES_SECONDS = (0.5, 2.0, 5.0)

_IDEMPOTENT = frozenset({"GET", "DELETE", "PATCH"})
"""Of a PATCH only what names the value to be set is used. A POST that is repeated may make a second thing."""
_BAD_MOMENTS = frozenset({429, 502, 503, 504})


def patiently(method: str, ask: Callable[[], Answer]) -> Answer:
    """What `ask` answers in the end; raises what it raises."""
    for pause in PAUSES_SECONDS if method in _IDEMPOTENT else ():
        try:
            answer = ask()
        except NoAnswer as error:
            why = error.message
        else:
            if answer.status not in _BAD_MOMENTS:
                return answer
            why = f"status {answer.status}"
        log.warning(__name__, f"{method} again in {pause:g} s: {why}", method=method, pause_seconds=pause)
        time.sleep(pause)
    return ask()
