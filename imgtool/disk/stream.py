"""The disk inside a file as one seekable stream of whole sectors, whose errors name the file.

The file is raw, or a block device, or keeps the disk by a layout (formats/layout.py).
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from imgtool.errors import ImageUnreadableError
from imgtool.formats.bounds import round_to_sector
from imgtool.formats.layout import Layout, Span, Unpacked
from imgtool.formats.source import Source, naming
from imgtool.util.streams import SeekableStream

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ZEROS = bytes(1 << 20)
V = TypeVar("V")


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


class Recent(Generic[V]):
    """The values used last, at most `count` of them (and never fewer than 2)."""

    def __init__(self, count: int) -> None:
        self._count = max(2, count)
        self._values: dict[int, V] = {}

    def get(self, key: int, load: Callable[[], V]) -> V:
        """The value of `key`, by `load` where it is not here."""
        value = self._values.pop(key, None)
        if value is None:
            value = load()
            if len(self._values) >= self._count:
                del self._values[next(iter(self._values))]
        self._values[key] = value
        return value


class RawStream(DiskStream):
    """The file's bytes, and zeros up to the end of the last sector."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, source.size_bytes)

    def _read_run(self, position: int, view: memoryview) -> int:
        fill_zeros(view[self._source.read_into(position, view) :])
        return len(view)


CACHE_BYTES = 4 << 20
"""Inflated blocks kept, for the many small reads of a file system's metadata."""


class MappedStream(DiskStream):
    """The disk inside `source`, by its `layout`."""

    def __init__(self, source: Source, layout: Layout) -> None:
        super().__init__(source, layout.size_bytes)
        self._layout = layout
        self._inflated: Recent[Unpacked] = Recent(CACHE_BYTES // (layout.packed_block_bytes or CACHE_BYTES))

    def _read_run(self, position: int, view: memoryview) -> int:
        if position >= self._layout.size_bytes:  # the rest of the last sector
            fill_zeros(view)
            return len(view)
        span = self._layout.span_at(position)
        inside = position - span.start_bytes
        part = view[: span.end_bytes - position]
        if span.offset_bytes is None:
            fill_zeros(part)
        elif span.packed_bytes:
            content = self._inflated.get(span.offset_bytes, lambda: self._inflate(span))
            part[:] = memoryview(content)[inside : inside + len(part)]
        else:
            self._read(span.offset_bytes + inside, part)
        return len(part)

    def _inflate(self, span: Span) -> Unpacked:
        packed = self._source.read_at(span.offset_bytes or 0, span.packed_bytes)
        return self._layout.unpack(packed, span)

    def _read(self, offset: int, part: memoryview) -> None:
        if self._source.read_into(offset, part) != len(part):
            raise ImageUnreadableError(
                "its data lies beyond the file's end: the file is cut off", hint="fetch or copy it again"
            )
