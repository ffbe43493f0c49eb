"""A forward reader over chunks of bytes, for parsers of archives."""

from collections.abc import Iterator
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError

FILE_CHUNK_BYTES = 256 << 10
"""Read from a file at once."""

MAX_FILE_BYTES = 1 << 30
"""Of one file, holes included: with every GPU's firmware it has 700 MiB, and that unpacked. A file that has
64 EiB takes one hole."""


class ArchiveError(GuestReadError):
    """An archive is not what it should be: damaged, cut off, of an unknown kind, or beyond a bound."""


class TruncatedError(ArchiveError):
    """An archive ends before its end."""


class JunkError(ArchiveError):
    """What follows is no archive: the kernel goes on with what it has unpacked, and reads no further."""


def file_chunks(stream: BinaryIO, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """`length` bytes of `stream` from `start` (None: up to its end), in chunks.

    Raises ArchiveError where these are more than MAX_FILE_BYTES, after that many.
    """
    stream.seek(start)
    left = MAX_FILE_BYTES if length is None else min(length, MAX_FILE_BYTES)
    while left > 0:
        chunk = stream.read(min(left, FILE_CHUNK_BYTES))
        if not chunk:
            return
        left -= len(chunk)
        yield chunk
    if (length is None or length > MAX_FILE_BYTES) and stream.read(1):
        raise ArchiveError(f"its file has more than {MAX_FILE_BYTES} bytes")


class Reader:
    """Reads forward only; `offset` counts the bytes consumed. Holds one chunk, and what was peeked."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._position = 0
        self.offset = 0

    def peek(self, size: int) -> bytes:
        """The next `size` bytes without consuming them; fewer at the end."""
        missing = size - (len(self._buffer) - self._position)
        if missing > 0:
            self._fill(missing)
        return self._buffer[self._position : self._position + size]

    def _fill(self, missing: int) -> None:
        """Puts so many bytes more into the buffer, or all that there are; joined once."""
        pieces = [self._buffer[self._position :]]
        while missing > 0 and (chunk := next(self._chunks, None)) is not None:
            pieces.append(chunk)
            missing -= len(chunk)
        self._buffer = b"".join(pieces)
        self._position = 0

    def read(self, size: int) -> bytes:
        """The next `size` bytes; `TruncatedError` where there are fewer."""
        content = self.peek(size)
        if len(content) < size:
            raise TruncatedError(f"truncated: it ends {size - len(content)} bytes too early")
        self._advance(size)
        return content

    def skip(self, size: int) -> None:
        """Leaves out `size` bytes without holding them; `TruncatedError` where there are fewer."""
        while size > 0:
            here = min(size, len(self._buffer) - self._position)
            self._advance(here)
            size -= here
            if size and not self.peek(1):
                raise TruncatedError(f"truncated: it ends {size} bytes too early")

    def skip_zeros(self) -> None:
        """Leaves out all zero bytes up to the next other byte, or the end."""
        while self.peek(1) == b"\0":
            rest = self._buffer[self._position :]
            self._advance(len(rest) - len(rest.lstrip(b"\0")))

    def take_chunk(self) -> bytes:
        """Consumes what is at hand, at least one byte; empty at the end."""
        self.peek(1)
        chunk = self._buffer[self._position :]
        self._advance(len(chunk))
        return chunk

    def push_back(self, data: bytes) -> None:
        """Gives back `data`, the last bytes of what `take_chunk` returned."""
        if data:
            self._buffer = data + self._buffer[self._position :]
            self._position = 0
            self.offset -= len(data)

    def _advance(self, size: int) -> None:
        self._position += size
        self.offset += size
