"""The content of a guest's file as a stream: all of it, or an error."""

import io
from collections.abc import Callable
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.text import printable

BUFFER_BYTES = 64 << 10
"""What one read of a file fetches at least."""


class CheckedFile(io.RawIOBase):
    """A file's content, read by `read_at(offset, length)`: all of it, or a GuestReadError."""

    def __init__(self, where: str, size: int, read_at: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._where = where
        self._size = size
        self._read_at = read_at
        self._position = 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be sought."""
        return True

    def tell(self) -> int:
        """The position of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position of the next read."""
        self._position = seek_position(offset, whence, self._position, self._size)
        return self._position

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Fill the buffer, or as much of it as the file has left."""
        wanted = min(len(buffer), self._size - self._position)
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


def seek_position(offset: int, whence: int, position: int, size: int) -> int:
    """Where a seek leads: never before the start."""
    base = {io.SEEK_SET: 0, io.SEEK_CUR: position, io.SEEK_END: size}[whence]
    return max(0, base + offset)
