"""The hashes of an image file, computed beside other work: it says later which file an image was made of.

It is read from the descriptor that the image is read from, and refused where the file changed meanwhile.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event

from imgtool.convert.extents import Extent
from imgtool.convert.sources.file import flush_and_probe, walk
from imgtool.formats.gate import open_whole
from imgtool.formats.source import Source
from imgtool.model.image import DiskImage

SHA256, SHA512 = "sha256", "sha512"
"""By the names of hashlib."""
MAX_BYTES = 100 << 30
"""A minute of one core. Holes count too: there is no shorter way to the hash of their zeros."""
_CHUNK_BYTES = 1 << 20
NICE = 10
"""Of nice(1): a tenth of the turns where others want them."""


class Digest:
    """A hash that may still be in the making."""

    def __init__(
        self, image: DiskImage, stopped: Event, worker: ThreadPoolExecutor, algorithms: Sequence[str]
    ) -> None:
        self._stopped = stopped
        self._algorithms = algorithms
        self._running = worker.submit(self._compute, image)

    @property
    def finished(self) -> bool:
        """Nothing reads the file any more."""
        return self._running.done()

    def value(self, algorithm: str = SHA256) -> str:
        """Wait for the digest and return it in hexadecimal. Raises ImageUnreadableError.

        `algorithm` is one of those that were asked for.
        """
        return self._running.result()[algorithm]

    def _compute(self, image: DiskImage) -> Mapping[str, str]:
        digests = {name: hashlib.new(name) for name in self._algorithms}
        with open_whole(image) as source:
            for chunk in _chunks(source):
                if self._stopped.is_set():
                    break
                for digest in digests.values():
                    digest.update(chunk)
        return {name: digest.hexdigest() for name, digest in digests.items()}


def _chunks(source: Source) -> Iterator[memoryview]:
    """The whole file; its holes are not read."""
    zeros, view = memoryview(bytes(_CHUNK_BYTES)), memoryview(bytearray(_CHUNK_BYTES))
    whole = iter([Extent(0, source.size_bytes)])
    end = 0
    data = walk(source) if flush_and_probe(source) else whole
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


def _stand_back() -> None:
    """Let this thread have the time that nothing else wants: its value is asked for last.

    Of who=0 the kernel takes the calling thread, not the process: setpriority(2), "C library/kernel
    differences".
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


@contextmanager
def background_sha256(
    image: DiskImage, *, also: Sequence[str] = (), whatever_size: bool = False
) -> Iterator[Digest | None]:
    """The hash of the file of `image`, while the block does other work, and `also` by these algorithms.

    None of a stream, and of a huge file unless `whatever_size`.
    """
    if image.streamed or (image.identity.size_bytes > MAX_BYTES and not whatever_size):
        yield None
        return
    stopped = Event()
    with ThreadPoolExecutor(1, initializer=_stand_back) as worker:
        try:
            yield Digest(image, stopped, worker, (SHA256, *also))
        finally:
            stopped.set()
