"""The process that runs inputs, one after the other, and tells what came of them."""

import mmap
import os
import pickle
import signal
import struct
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection

from fuzz import limits
from fuzz.judge import outcome
from fuzz.model import Case, Find, Spent
from fuzz.mutate import Mutator

_HEAD = struct.Struct("<dIQ")
_SHARED_BYTES = 4 << 20


class Board:
    """Shared with the parent: which input runs, and since when. It outlives a worker that is killed."""

    def __init__(self) -> None:
        self._bytes = mmap.mmap(-1, _SHARED_BYTES)

    @property
    def count(self) -> int:
        """How many inputs were begun."""
        return int(_HEAD.unpack(self._bytes[: _HEAD.size])[2])

    def begin(self, case: Case) -> None:
        """Written before the input runs."""
        content = pickle.dumps(case)
        self._bytes[_HEAD.size : _HEAD.size + len(content)] = content
        self._bytes[: _HEAD.size] = _HEAD.pack(time.monotonic(), len(content), self.count + 1)

    def end(self) -> None:
        """No input runs."""
        self._bytes[: _HEAD.size] = _HEAD.pack(0.0, 0, self.count)

    def since(self) -> float | None:
        """When the input began that runs, by the monotonic clock."""
        started, length, _ = _HEAD.unpack(self._bytes[: _HEAD.size])
        return started if length else None

    def running(self) -> Case | None:
        """Return the input that runs; only for after the worker's end: it writes the next one any time."""
        _, length, _ = _HEAD.unpack(self._bytes[: _HEAD.size])
        if not length:
            return None
        case: Case = pickle.loads(self._bytes[_HEAD.size : _HEAD.size + length])  # noqa: S301 - our own
        return case


def work(mutator: Mutator, inputs: int, until: float, board: Board, parent: Connection) -> None:
    """What a worker does. Sends ("new", outcome, Case), ("find", Find) and at last ("done", Spent)."""
    limits.bind()
    known: set[str] = set()
    slowest, began_with = 0.0, limits.peak_bytes()
    for case in _cases(mutator, inputs, until):
        before = time.process_time()
        found = run_one(mutator, case, board)
        slowest = max(slowest, time.process_time() - before)
        if isinstance(found, Find):
            parent.send(("find", found))
            if found.kind == "memory":
                break  # its mark is reached for good: the next worker begins anew
        elif found not in known:
            known.add(found)
            mutator.keep(case)
            parent.send(("new", found, case))
    times = os.times()
    spent = times.user + times.system + times.children_user + times.children_system
    parent.send(("done", Spent(spent, slowest, limits.peak_bytes() - began_with)))


def _cases(mutator: Mutator, inputs: int, until: float) -> Iterable[Case]:
    for _ in range(inputs):
        if time.monotonic() > until:
            return
        yield mutator.next()


def run_one(mutator: Mutator, case: Case, board: Board) -> str | Find:
    """One input, with its memory measured."""
    before = limits.peak_bytes()
    board.begin(case)
    found = outcome(mutator.target, mutator.seeds[case.seed], case)
    board.end()
    grown = limits.peak_bytes() - before
    if not isinstance(found, Find) and grown > limits.MEMORY_BYTES:
        return Find(mutator.target.name, case, "memory", "memory", f"{grown >> 20} MiB")
    return found


def forked(run: Callable[[], None]) -> int:
    """The process id of a child that does `run` and nothing else, and that signals end."""
    child = os.fork()
    if child:
        return child
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        run()
    finally:
        os._exit(0)
