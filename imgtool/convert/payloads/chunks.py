"""Bytes on their way, in chunks that are worth a system call each; and a payload that is the image's file."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing

from imgtool.formats.source import Source as OpenFile

CHUNK_BYTES = 1 << 20
"""The largest chunk."""
DIRECT_BYTES = 128 << 10
"""Parts from this size on are sent as they are; smaller ones are copied together."""

_ZEROS = memoryview(bytes(CHUNK_BYTES))

Chunks = Generator[memoryview, None, None]
"""Each is valid until the next is asked for. Closing it frees all that it holds."""


def zeros(length: int) -> Iterator[memoryview]:
    """So many zeros, all from one buffer."""
    for done in range(0, length, CHUNK_BYTES):
        yield _ZEROS[: length - done]


def filled(parts: Iterable[tuple[int, memoryview]], length: int) -> Iterator[memoryview]:
    """`length` bytes: each part at its place, sorted, and zeros between them."""
    position = 0
    for place, part in parts:
        yield from zeros(place - position)
        yield part
        position = place + len(part)
    yield from zeros(length - position)


def joined(parts: Chunks) -> Chunks:
    """Yield the same bytes in chunks of up to CHUNK_BYTES, with small parts joined."""
    held, count = memoryview(bytearray(CHUNK_BYTES)), 0
    with closing(parts):
        for part in parts:
            if count and (len(part) >= DIRECT_BYTES or count + len(part) > CHUNK_BYTES):
                yield held[:count]
                count = 0
            if len(part) >= DIRECT_BYTES:
                for start in range(0, len(part), CHUNK_BYTES):
                    yield part[start : start + CHUNK_BYTES]
            else:
                held[count : count + len(part)] = part
                count += len(part)
        if count:
            yield held[:count]


class FilePayload:
    """The file as it is. Memory: one chunk."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self.size_bytes = file.size_bytes

    def chunks(self) -> Chunks:
        """All of it; less where the file became shorter."""
        buffer, position = memoryview(bytearray(CHUNK_BYTES)), 0
        while count := self._file.read_into(position, buffer):
            yield buffer[:count]
            position += count
