"""The SHA-256 of an image file, computed beside other work: it says later which file an image was made of."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from imgtool.disk.extents import Extent
from imgtool.disk.sources.file import flush_and_probe, walk
from imgtool.formats.gate import open_admitted
from imgtool.formats.source import Source
from imgtool.model.image import DiskImage

MAX_BYTES = 100 << 30
"""A minute of one core. Holes count too: there is no shorter way to the hash of their zeros."""
_CHUNK_BYTES = 1 << 20


class Digest:
    """A hash that may still be in the making."""

    def __init__(self, image: DiskImage, stopped: Event, worker: ThreadPoolExecutor) -> None:
        self._stopped = stopped
        self._running = worker.submit(self._compute, image)

    @property
    def finished(self) -> bool:
        """Nothing reads the file any more."""
        return self._running.done()

    def value(self) -> str:
        """In hexadecimal, as sha256sum(1) prints it. Waits for its end; raises ImageUnreadableError."""
        return self._running.result()

    def _compute(self, image: DiskImage) -> str:
        digest = hashlib.sha256()
        with open_admitted(image) as source:
            for chunk in _chunks(source):
                if self._stopped.is_set():
                    break
                digest.update(chunk)
        return digest.hexdigest()


def _chunks(source: Source) -> Iterator[memoryview]:
    """The whole file; its holes are not read."""
    zeros, view = memoryview(bytes(_CHUNK_BYTES)), memoryview(bytearray(_CHUNK_BYTES))
    whole = iter([Extent(0, source.size_bytes)])
    end = 0
    data = walk(source.descriptor, source.size_bytes) if flush_and_probe(source.descriptor) else whole
    for start, stop in data:
        yield from _zeros(zeros, start - end)
        for offset in range(start, stop, _CHUNK_BYTES):
            part = view[: min(_CHUNK_BYTES, stop - offset)]
            yield part[: source.read_into(offset, part)]
        end = stop
    yield from _zeros(zeros, source.size_bytes - end)


def _zeros(zeros: memoryview, count: int) -> Iterator[memoryview]:
    for offset in range(0, count, len(zeros)):
        yield zeros[: count - offset]


@contextmanager
def sha256_beside(image: DiskImage) -> Iterator[Digest | None]:
    """The hash of the file of `image`, while the block does other work; None of a stream or a huge file."""
    if image.streamed or image.file_size_bytes > MAX_BYTES:
        yield None
        return
    stopped = Event()
    with ThreadPoolExecutor(1) as worker:
        try:
            yield Digest(image, stopped, worker)
        finally:
            stopped.set()
