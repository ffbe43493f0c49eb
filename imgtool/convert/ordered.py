"""A disk from its beginning to its end, for one reader: pieces are loaded ahead of it by a few threads."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event, Lock, Thread

from imgtool.convert.base import Content, Piece, Source
from imgtool.convert.engine import FEW, STOP_SECONDS, default_threads
from imgtool.util import interrupts

AHEAD = 2
"""Pieces that are loaded and wait, beyond the one that each thread is at."""

_MOST_THREADS = 4
"""One reader hashes and sends all: more cores would only wait for it."""


def reading_threads() -> int:
    """How many should load ahead, where nobody says."""
    return min(_MOST_THREADS, default_threads())


class _Turn:
    """A piece in its place of the queue."""

    def __init__(self, piece: Piece, buffer: bytearray) -> None:
        self._piece = piece
        self._loaded = Lock()
        self._loaded.acquire()
        self._content: Content | None = None
        self._failure: BaseException | None = None
        self.buffer = buffer
        self.short_calls = piece.fragments > FEW

    def load(self) -> None:
        """Load the piece, once, in any thread."""
        try:
            self._content = self._piece.load()
        except BaseException as error:  # raised where the piece is asked for
            self._failure = error
        finally:
            self._loaded.release()

    def content(self) -> Content:
        """Wait for it. Raises what loading it raised."""
        self._loaded.acquire()
        if self._content is None:
            raise self._failure or RuntimeError("a piece was loaded without a result")
        return self._content


def contents(source: Source, piece_bytes: int, threads: int) -> Generator[Content, None, None]:
    """Each piece of `source` in the disk's order; a content is valid until the next one is asked for.

    Memory: `threads` + AHEAD + 1 pieces. What loading raises, this raises in the piece's turn; what taking
    raises, at once. No thread is left when the generator ends or is closed, but one that hangs.
    A piece that takes many short reads is read by the caller's own thread: see engine.FEW.
    """
    buffers = [bytearray(piece_bytes) for _ in range(threads + AHEAD + 1)]
    turns: deque[_Turn] = deque()
    with _workers(threads) as give:
        while True:
            while buffers and (piece := source.take(buffers[-1])) is not None:
                turn = _Turn(piece, buffers.pop())
                turns.append(turn)
                if not turn.short_calls:
                    give(turn)
            if not turns:
                return
            turn = turns.popleft()
            if turn.short_calls:
                turn.load()
            yield turn.content()
            buffers.append(turn.buffer)


@contextmanager
def _workers(threads: int) -> Iterator[Callable[[_Turn], None]]:
    """Threads that load what they are given."""
    tasks: SimpleQueue[_Turn | None] = SimpleQueue()
    stopped = Event()
    workers = [Thread(target=_run_worker, args=(tasks, stopped), daemon=True) for _ in range(threads)]
    try:
        for worker in workers:
            worker.start()
        yield tasks.put
    finally:
        stopped.set()
        with interrupts.deferred():  # the file is closed next, and must not be under a worker's hands
            for _ in workers:
                tasks.put(None)
            for worker in workers:
                if worker.ident is not None:
                    worker.join(STOP_SECONDS)


def _run_worker(tasks: "SimpleQueue[_Turn | None]", stopped: Event) -> None:
    while (turn := tasks.get()) is not None and not stopped.is_set():
        turn.load()
