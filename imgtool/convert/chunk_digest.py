"""A hash of a file by its chunks: it is computed by several threads, and holes are not read.

It is the SHA-256 of a list in ASCII. Each chunk of 1 MiB that is not all zeros has a line in it, in order:
the chunk's number from 1, a colon, and its SHA-256 in hexadecimal. The last chunk, where it is shorter, has
one whether it is zeros or not. The last line is the size of the file in bytes. Content and size alone decide:
a hole is what written zeros are. docs/upload.md has a script and a command that compute the same.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, local

from imgtool.convert.engine import default_threads
from imgtool.convert.extents import Extent, align
from imgtool.convert.sources.file import flush_and_probe, walk
from imgtool.formats.source import Source

CHUNK_BYTES = 1 << 20
_ZEROS = bytes(CHUNK_BYTES)
_PIECE_BYTES = 8 * CHUNK_BYTES
"""What a thread takes at a time: for one chunk the turns would cost too much."""
_MOST_THREADS = 8
"""They hash more than disks give, and each has a megabyte."""


def hash_chunks(source: Source, stopped: Event, initializer: Callable[[], None] | None = None) -> str:
    """The hash of `source` in hexadecimal; of no meaning once `stopped` is set, which ends the work.

    Each thread begins with `initializer`. Raises ImageUnreadableError.
    """
    digest = hashlib.sha256()
    own = _Buffer()
    threads = min(_MOST_THREADS, default_threads())
    with ThreadPoolExecutor(threads, initializer=initializer) as workers:
        try:
            tasks = (workers.submit(_lines, source, piece, own, stopped) for piece in _pieces(source))
            for lines in _in_order(tasks, threads):
                digest.update(lines)
                if stopped.is_set():
                    break
        finally:
            workers.shutdown(cancel_futures=True)
    digest.update(b"%d\n" % source.size_bytes)
    return digest.hexdigest()


class _Buffer(local):
    """Room for a chunk, of each thread its own."""

    def __init__(self) -> None:
        self.chunk = bytearray(CHUNK_BYTES)


def _in_order(tasks: Iterable[Future[bytes]], ahead: int) -> Iterator[bytes]:
    """What the tasks return; each is begun by its iterator, `ahead` before it is waited for."""
    waiting: deque[Future[bytes]] = deque()
    for task in tasks:
        waiting.append(task)
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    for task in waiting:
        yield task.result()


def _pieces(source: Source) -> Iterator[Extent]:
    """What may have other bytes than zeros, in whole chunks; the last chunk where it is shorter."""
    size = source.size_bytes
    data = walk(source) if flush_and_probe(source) else iter([Extent(0, size)])
    end = 0
    for start, end in align(data, CHUNK_BYTES):
        for first in range(start, end, _PIECE_BYTES):
            yield Extent(first, min(first + _PIECE_BYTES, end, size))
    last = size - size % CHUNK_BYTES
    if end <= last < size:
        yield Extent(last, size)


def _lines(source: Source, piece: Extent, own: _Buffer, stopped: Event) -> bytes:
    """The lines of the chunks in `piece`."""
    lines = []
    for start in range(*piece, CHUNK_BYTES):
        if stopped.is_set():
            break
        with memoryview(own.chunk)[: piece.end_bytes - start] as view:
            count = source.read_into(start, view)
        if count < CHUNK_BYTES or own.chunk != _ZEROS:
            with memoryview(own.chunk)[:count] as view:
                value = hashlib.sha256(view).hexdigest()
            lines.append(f"{start // CHUNK_BYTES + 1}:{value}\n")
    return "".join(lines).encode()
