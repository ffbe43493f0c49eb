"""A disk that can only be read once, from its beginning: stdin, or a file that is compressed as a whole."""

import os
import select
from collections.abc import Iterator
from functools import partial
from itertools import chain
from threading import Event, Lock

from imgtool.convert.base import Content, Piece
from imgtool.convert.extents import GRAIN_BYTES, data_runs
from imgtool.disk.open_source import STDIN
from imgtool.disk.stream import fill_zeros
from imgtool.disk.wrapped import Budget
from imgtool.errors import ImageUnreadableError
from imgtool.formats.bounds import round_to_sector
from imgtool.formats.source import Source as OpenFile
from imgtool.formats.wrapper import chunks, inflate
from imgtool.model.image import DiskImage
from imgtool.util.text import printable

_READ_BYTES = 1 << 20
_POLL_MS = 100


def open_stream(image: DiskImage, file: OpenFile, stopped: Event) -> "StreamSource":
    """The disk of `image`, inflated; of one from a pipe, `file` is what was read already."""
    content = chunks(file.read_at, file.size_bytes)
    if image.streamed:
        content = chain(content, read_stream(STDIN, stopped))
    if image.wrapper is None:
        return StreamSource(content, Budget(None))
    counted = Budget(None if image.streamed else file.size_bytes)
    return StreamSource(inflate(image.wrapper, content), counted)


class StreamSource:
    """The bytes of `chunks`, one after the other, and zeros up to the end of the last sector."""

    def __init__(self, chunks: Iterator[bytes], budget: Budget) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self._budget = budget
        self._counting = Lock()
        self._data_bytes = 0
        self._position = 0

    @property
    def size_bytes(self) -> int:
        """Bytes received so far, rounded up to a sector."""
        return round_to_sector(self._position)

    def take(self, buffer: bytearray) -> Piece | None:
        """Fill `buffer` with what comes next."""
        start, filled = self._position, 0
        with memoryview(buffer) as view:
            while filled < len(buffer) and self._more():
                part = self._rest[: len(buffer) - filled]
                view[filled : filled + len(part)] = part
                self._rest = self._rest[len(part) :]
                filled += len(part)
            fill_zeros(view[filled : filled + -filled % GRAIN_BYTES])
        self._position += filled
        self._budget.check(self._position, self._data_bytes)
        return Piece(partial(self._load, buffer, start, filled)) if filled else None

    def _more(self) -> bool:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._rest = memoryview(chunk)
        return True

    def _load(self, buffer: bytearray, start: int, filled: int) -> Content:
        length = round_to_sector(filled)
        runs = data_runs(buffer, 0, length)
        with self._counting:
            self._data_bytes += sum(end - begin for begin, end in runs)
        return Content(start, length, buffer, runs, filled)


def read_stream(descriptor: int, stopped: Event) -> Iterator[bytes]:
    """What comes from a pipe, until its end or until `stopped`. Raises ImageUnreadableError."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not stopped.is_set():
        try:
            if poll.poll(_POLL_MS):
                chunk = os.read(descriptor, _READ_BYTES)
                if not chunk:
                    return
                yield chunk
        except OSError as error:
            raise ImageUnreadableError(f"reading it failed: {printable(str(error.strerror))}") from error
