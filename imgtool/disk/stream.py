"""What every reader of a disk has in common: a position, whole sectors, errors that name the file."""

import io
import os
from abc import abstractmethod
from typing import TYPE_CHECKING

from imgtool.formats.bounds import round_to_sector
from imgtool.formats.source import Source, naming

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ZEROS = bytes(1 << 20)


class DiskStream(io.RawIOBase):
    """A disk as a read-only seekable stream. Not safe for use by several threads at once."""

    def __init__(self, source: Source, size_bytes: int) -> None:
        self._source = source
        self._size = round_to_sector(size_bytes)
        self._position = 0

    @abstractmethod
    def _read_run(self, position: int, view: memoryview) -> int:
        """Fill the beginning of `view` with the disk's bytes from `position`; how many that were."""

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def seekable(self) -> bool:
        """Any place can be read."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to `offset`; beyond the end nothing is read."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a seek before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer`; fewer bytes at the disk's end only. Raises ImageUnreadableError."""
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._size - self._position))
        done = 0
        with naming(self._source.path):
            while done < wanted:
                done += self._read_run(self._position + done, view[done:wanted])
        self._position += done
        return done


def fill_zeros(view: memoryview) -> None:
    """Make all of `view` zero."""
    for start in range(0, len(view), len(_ZEROS)):
        part = view[start : start + len(_ZEROS)]
        part[:] = _ZEROS[: len(part)]
