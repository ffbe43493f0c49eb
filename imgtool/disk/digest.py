"""The SHA-256 of an image file, computed beside other work: it says later which file an image was made of."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from imgtool.formats.gate import open_admitted
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
        buffer = bytearray(_CHUNK_BYTES)
        view = memoryview(buffer)
        with open_admitted(image) as source:
            for offset in range(0, source.size_bytes, _CHUNK_BYTES):
                if self._stopped.is_set():
                    break
                digest.update(view[: source.read_into(offset, view)])
        return digest.hexdigest()


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
