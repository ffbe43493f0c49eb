"""The content of a guest's file as a stream: all of it, or an error."""

import io
from collections.abc import Callable
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.util.streams import SeekableStream
from imgtool.util.text import printable

BUFFER_BYTES = 64 << 10
"""What one read of a file fetches at least."""


class CheckedFile(SeekableStream):
    """A file's content, read by `read_at(offset, length)`: all of it, or a GuestReadError."""

    def __init__(self, where: str, size: int, read_at: Callable[[int, int], bytes]) -> None:
        super().__init__(size)
        self._where = where
        self._read_at = read_at

    # The buffers that its callers have.
    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # it takes no other buffers
        """Fill the buffer, or as much of it as the file has left."""
        wanted = min(len(buffer), self.size - self._position)
        if wanted <= 0:
            return 0
        content = self._read_at(self._position, wanted)
        if len(content) != wanted:
            raise GuestReadError(
                f"{printable(self._where)}: its content ends at byte {self._position + len(content)}"
            )
        buffer[:wanted] = content
        self._position += wanted
        return wanted


def open_checked(where: str, size: int, read_at: Callable[[int, int], bytes]) -> BinaryIO:
    """A buffered, seekable stream over a `CheckedFile`."""
    return io.BufferedReader(CheckedFile(where, size, read_at), BUFFER_BYTES)
