"""The hashes of an image file, computed beside other work: they say later which file an image was made of.

It is read from the descriptor that the image is read from, and refused where the file changed meanwhile.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from imgtool.convert.chunk_digest import hash_chunks
from imgtool.convert.extents import Extent
from imgtool.convert.sources.file import flush_and_probe, walk
from imgtool.formats.gate import open_whole
from imgtool.formats.source import Source, open_source
from imgtool.model.image import DiskImage
from imgtool.model.source import SHA256, SHA256_CHUNKS

SHA512 = "sha512"
"""By the name of hashlib, as SHA256."""
MAX_BYTES = 100 << 30
"""A minute of one core. Holes count too, but not for SHA256_CHUNKS: there is no shorter way to the hash of
their zeros."""
_CHUNK_BYTES = 1 << 20
NICE = 10
"""Of nice(1): a tenth of the turns where others want them."""


class Digest:
    """Hashes that may still be in the making, by these algorithms."""

    def __init__(
        self, image: DiskImage, stopped: Event, worker: ThreadPoolExecutor, algorithms: Sequence[str]
    ) -> None:
        self._image = image
        self._stopped = stopped
        whole = [name for name in algorithms if name != SHA256_CHUNKS]
        self._running = dict.fromkeys(whole, worker.submit(self._hash_whole, whole)) if whole else {}
        if SHA256_CHUNKS in algorithms:
            self._running[SHA256_CHUNKS] = worker.submit(self._hash_chunks)

    @property
    def algorithms(self) -> frozenset[str]:
        """Return the algorithms that were asked for."""
        return frozenset(self._running)

    @property
    def finished(self) -> bool:
        """Nothing reads the file any more."""
        return all(running.done() for running in self._running.values())

    def value(self, algorithm: str = SHA256) -> str:
        """Wait for the digest and return it in hexadecimal. Raises ImageUnreadableError.

        `algorithm` is one of `algorithms`.
        """
        return self._running[algorithm].result()[algorithm]

    def _hash_whole(self, algorithms: Sequence[str]) -> Mapping[str, str]:
        with open_whole(self._image) as source:
            return _hash(source, algorithms, self._stopped)

    def _hash_chunks(self) -> Mapping[str, str]:
        with open_whole(self._image) as source:
            return {SHA256_CHUNKS: hash_chunks(source, self._stopped, _stand_back)}


def hash_of_file(path: Path, algorithm: str) -> str:
    """The hash of the file, which nobody examines. Raises ImageUnreadableError."""
    stopped = Event()
    with open_source(path) as source:
        if algorithm == SHA256_CHUNKS:
            value = hash_chunks(source, stopped)
        else:
            value = _hash(source, [algorithm], stopped)[algorithm]
        source.verify_unchanged()
    return value


def _hash(source: Source, algorithms: Sequence[str], stopped: Event) -> Mapping[str, str]:
    digests = {name: hashlib.new(name) for name in algorithms}
    for chunk in _chunks(source):
        if stopped.is_set():
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
def background_digest(
    image: DiskImage,
    algorithms: Sequence[str] = (SHA256,),
    *,
    whatever_size: bool = False,
    stands_back: bool = True,
) -> Iterator[Digest | None]:
    """The hashes of the file of `image` by `algorithms`, while the block does other work.

    None of a stream, and of a huge file unless `whatever_size`. `stands_back` where the block takes longer.
    """
    if image.streamed or (_work_bytes(image, algorithms) > MAX_BYTES and not whatever_size):
        yield None
        return
    stopped = Event()
    with ThreadPoolExecutor(2, initializer=_stand_back if stands_back else None) as worker:
        try:
            yield Digest(image, stopped, worker, algorithms)
        finally:
            stopped.set()


def _work_bytes(image: DiskImage, algorithms: Sequence[str]) -> int:
    """How much is hashed."""
    by_chunks = set(algorithms) == {SHA256_CHUNKS}
    return image.origin.allocated_bytes if by_chunks else image.identity.size_bytes
