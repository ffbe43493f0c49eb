"""What every reader of a disk has in common: a position, whole sectors, errors that name the file."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from imgtool.formats.bounds import round_to_sector
from imgtool.formats.source import Source, naming
from imgtool.streams import SeekableStream

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ZEROS = bytes(1 << 20)


class DiskStream(SeekableStream):
    """A disk as a read-only seekable stream. Not safe for use by several threads at once."""

    def __init__(self, source: Source, size_bytes: int) -> None:
        super().__init__(round_to_sector(size_bytes))
        self._source = source

    @abstractmethod
    def _read_run(self, position: int, view: memoryview) -> int:
        """Fill the beginning of `view` with the disk's bytes from `position`; how many that were."""

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer`; fewer bytes at the disk's end only. Raises ImageUnreadableError."""
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self.size - self._position))
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
