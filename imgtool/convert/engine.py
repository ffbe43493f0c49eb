"""The copy loop: several workers, each of which takes one piece after the other the whole way."""

import os
from contextlib import AbstractContextManager, nullcontext
from threading import Event, Lock, Thread
from typing import Generic, NamedTuple, TypeVar

from imgtool.convert.base import Content, Piece, Sink, Source
from imgtool.util import interrupts
from imgtool.util.progress import Meter

TICK_SECONDS = 0.1
"""Between two looks at the progress."""
STOP_SECONDS = 10.0
"""For a worker to end its piece. One that hangs, on a pipe that nobody reads, is left behind."""

FEW = 4
"""System calls for a piece. Where there are more, they are short, and not worth a second thread: after each
a thread needs the interpreter's lock back, and two that fight for it take twice as long as one alone."""

P = TypeVar("P")


def default_threads() -> int:
    """One for each core that this process may use; at least two, of which one may wait for the disk."""
    return max(2, len(os.sched_getaffinity(0)))


class Work(NamedTuple):
    """How to copy. Memory: a piece, and what becomes of it, for each thread."""

    piece_bytes: int
    threads: int


def copy(source: Source, sink: Sink[P], work: Work, meter: Meter, stopped: Event) -> int:
    """Copy all of `source` into `sink`, and finish it; how many bytes were not zero.

    The first error, and an interruption, stop all workers within their piece and are raised when none runs
    any more. `stopped` is set then: a source that waits for its bytes has to look at it.
    """
    crew = _Workers(source, sink, work, stopped)
    crew.run(meter)
    sink.finish(source.size_bytes)
    return crew.copied_bytes


_NOBODY = nullcontext()


class _Workers(Generic[P]):
    """What the workers share. A turn is a lock that is released when all pieces before it are placed."""

    def __init__(self, source: Source, sink: Sink[P], work: Work, stopped: Event) -> None:
        self._source = source
        self._sink = sink
        self._work = work
        self._taking = Lock()
        self._counting = Lock()
        self._next_turn = Lock()
        self._stopped = stopped
        self._failure: BaseException | None = None
        self._running = work.threads
        self._ended = Event()
        self._read_bytes = 0
        self.copied_bytes = 0

    def run(self, meter: Meter) -> None:
        """Start the workers, wait for their end, raise what stopped them."""
        workers = [Thread(target=self._run_worker, daemon=True) for _ in range(self._work.threads)]
        try:
            for worker in workers:
                worker.start()
            self._watch(meter)
        finally:
            self._stopped.set()
            with interrupts.deferred():  # the target is closed next, and must not be under a worker's hands
                for worker in workers:
                    if worker.ident is not None:
                        worker.join(STOP_SECONDS)
        if self._failure is not None:
            raise self._failure

    def _watch(self, meter: Meter) -> None:
        shown = 0
        ended = False
        while not ended:
            ended = self._ended.wait(TICK_SECONDS)
            read = self._read_bytes
            meter.advance(read - shown)
            shown = read

    def _run_worker(self) -> None:
        buffer = bytearray(self._work.piece_bytes)
        try:
            while (turn := self._take(buffer)) is not None:
                self._process_piece(*turn)
        except BaseException as error:
            self._fail(error)
        finally:
            with self._taking:
                self._running -= 1
                if not self._running:
                    self._ended.set()

    def _take(self, buffer: bytearray) -> tuple[Piece, Lock, Lock] | None:
        """The next piece, the lock that its turn waits for, and the one that the next piece's will."""
        with self._taking:
            piece = None if self._stopped.is_set() else self._source.take(buffer)
            if piece is None:
                return None
            before, mine = self._next_turn, Lock()
            mine.acquire()
            self._next_turn = mine
            return piece, before, mine

    def _process_piece(self, piece: Piece, before: Lock, mine: Lock) -> None:
        try:
            with self._alone(piece.fragments):
                content = piece.load()
            prepared = self._sink.prepare(content)
            before.acquire()
            if self._stopped.is_set():
                return
            writes = self._sink.place(prepared)
        except BaseException as error:
            # Before `mine` is released: who waits for it must not go on.
            self._fail(error)
            raise
        finally:
            mine.release()
        with self._alone(len(writes)):
            self._sink.write(writes)
        self._count(content)

    def _alone(self, calls: int) -> AbstractContextManager[object]:
        """While many short system calls last, nobody takes the next piece, or does the same."""
        return self._taking if calls > FEW else _NOBODY

    def _count(self, content: Content) -> None:
        amount = sum(end - start for start, end in content.runs)
        with self._counting:
            self.copied_bytes += amount
            self._read_bytes += content.read_bytes

    def _fail(self, error: BaseException) -> None:
        """The first error is the one that is told; those that follow come from it."""
        with self._counting:
            self._failure = self._failure or error
            self._stopped.set()
