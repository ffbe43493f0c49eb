"""Whole blocks of a volume: all of what was asked for, or an error."""

from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError

MAX_READ_BYTES = 16 << 20
"""At once: larger than anything that is read as one."""


class Blocks:
    """A volume of `count` blocks of `size` bytes each."""

    def __init__(self, stream: BinaryIO, size: int, count: int) -> None:
        self._stream = stream
        self.size = size
        self.count = count

    def read(self, first: int, count: int = 1) -> bytes:
        """`count` blocks from `first` on. Raises GuestReadError where they are not all there."""
        if not 0 <= first <= first + count <= self.count:
            raise GuestReadError(f"block {first} lies outside of the file system")
        return self.read_bytes(first * self.size, count * self.size)

    def read_bytes(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`. Raises GuestReadError where they are not all there."""
        if not 0 <= length <= MAX_READ_BYTES or offset < 0:
            raise GuestReadError("a read of impossible size or place")
        self._stream.seek(offset)
        content = self._stream.read(length)
        if len(content) != length:
            raise GuestReadError("the file system goes on beyond the end of its volume")
        return content
