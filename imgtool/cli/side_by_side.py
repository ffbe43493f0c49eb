"""The same work for several things side by side, in threads; each result as soon as it is there.

Threads, since what takes time runs in other processes: a sandbox reads the image, qemu-img its tables.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from imgtool import sandbox

T = TypeVar("T")
R = TypeVar("R")

ENDING_SECONDS = 10.0
"""For what is under way when all is to end; without its sandbox it fails at once."""


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def completed(work: Callable[[T], R], items: Sequence[T], at_once: int) -> Iterator[tuple[int, R]]:
    """Each item's position and result. Raises what `work` raises; nothing else is begun then."""
    if min(at_once, len(items)) <= 1:
        yield from ((position, work(item)) for position, item in enumerate(items))
        return
    from concurrent.futures import (  # noqa: PLC0415 - loaded only for several
        ThreadPoolExecutor,
        as_completed,
        wait,
    )

    threads = ThreadPoolExecutor(min(at_once, len(items)), "imgtool-image")
    futures = {threads.submit(work, item): position for position, item in enumerate(items)}
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        sandbox.stop()
        wait([one for one in futures if not one.cancelled()], ENDING_SECONDS)
        raise
    threads.shutdown()
