"""VMDK: where the grains of a monolithicSparse or streamOptimized file are. Source: as for vmdk_header.py."""

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator

from deflate import DeflateError, zlib_decompress

from imgtool.errors import ImageUnreadableError
from imgtool.formats.layout import Packed, Span, Unpacked
from imgtool.formats.source import ReadAt
from imgtool.formats.vmdk.header import read_header
from imgtool.formats.vmdk.tables import VmdkTables
from imgtool.formats.vmdk.usage import check_usage

_CACHED_TABLES = 32
"""1 GiB of disk in usual grains; what they say takes at most 3 MiB."""
_MARKER = struct.Struct("<QI")
"""Before each compressed grain: its first sector on the disk, the length of what follows."""
_NEVER = 1 << 32
"""No two entries differ by so much."""


def read_layout(read_at: ReadAt, size_bytes: int) -> "VmdkLayout":
    """The layout of a VMDK of `size_bytes`. Raises UnsafeImageError, ImageUnreadableError."""
    return VmdkLayout(VmdkTables(read_at, read_header(read_at, size_bytes), size_bytes))


class VmdkLayout:
    """The disk of a VMDK, by its grain tables."""

    def __init__(self, tables: VmdkTables) -> None:
        self._tables = tables
        self._grain_bytes = tables.header.grain_sectors * 512
        self._reach = self._grain_bytes * tables.header.table_entries
        self._recent: dict[int, list[Span]] = {}
        self.size_bytes = tables.header.capacity * 512
        self.packed_block_bytes = self._grain_bytes if tables.header.compressed else 0
        self.table_bytes = tables.total_bytes

    def check(self) -> None:
        """Read all tables. Raises ImageUnreadableError unless each entry can be."""
        check_usage(self._tables)

    def span_at(self, position: int) -> Span:
        """The span that holds `position`. Raises ImageUnreadableError where the table is cut off."""
        index = position // self._reach
        if not self._tables.directory[index]:
            return self._missing(index)
        spans = self._recent.get(index)
        if spans is None:
            spans = self._remember(index)
        return spans[bisect_left(spans, (position + 1,)) - 1]

    def unpack(self, content: Packed, span: Span) -> Unpacked:
        """The grain in `content`, inflated. Raises ImageUnreadableError unless it is that of `span`.

        At the disk's end it may hold less than a whole grain, or more than the disk has of it.
        """
        if len(content) < _MARKER.size:
            raise ImageUnreadableError("one of its compressed grains is cut off")
        sector, length = _MARKER.unpack_from(content)
        if sector * 512 != span.start_bytes:
            raise ImageUnreadableError("one of its compressed grains is marked as another")
        if length > len(content) - _MARKER.size:
            raise ImageUnreadableError("one of its compressed grains runs into another, or is cut off")
        try:
            found = zlib_decompress(memoryview(content)[_MARKER.size :][:length], self._grain_bytes)
        except (ValueError, MemoryError, DeflateError) as error:
            raise ImageUnreadableError(f"one of its compressed grains is damaged: {error}") from error
        wanted = span.end_bytes - span.start_bytes
        if len(found) < wanted:
            raise ImageUnreadableError("one of its compressed grains does not hold a grain")
        return found if len(found) == wanted else found[:wanted]

    def _missing(self, index: int) -> Span:
        """What no table is there for, up to the next one that there is."""
        used = self._tables.used
        place = bisect_left(used, index)
        end = used[place] * self._reach if place < len(used) else self.size_bytes
        return Span(index * self._reach, end, None)

    def _remember(self, index: int) -> list[Span]:
        if len(self._recent) >= _CACHED_TABLES:
            del self._recent[next(iter(self._recent))]
        found = self._packed if self._tables.header.compressed else self._plain
        spans = list(found(self._tables.entries(index), index * self._reach))
        self._recent[index] = spans
        return spans

    def _plain(self, entries: "array[int]", start: int) -> Iterator[Span]:
        for first, end, sector in _runs(entries, self._tables.header.grain_sectors):
            yield self._span(start, first, end, sector)

    def _packed(self, entries: "array[int]", start: int) -> Iterator[Span]:
        """Where each grain ends stands in its marker; the next one's beginning is as far as it may reach."""
        sectors = [entry for entry in entries if entry]
        following = iter([*sectors[1:], 0])
        for first, end, sector in _runs(entries, _NEVER):
            yield self._span(start, first, end, sector, self._room(sector, next(following)) if sector else 0)

    def _span(self, start: int, first: int, end: int, sector: int, packed_bytes: int = 0) -> Span:
        """Grains from `first` to `end` of the table for the disk from `start`."""
        grain = self._grain_bytes
        stop = min(start + end * grain, self.size_bytes)
        return Span(start + first * grain, stop, sector * 512 if sector else None, packed_bytes)

    def _room(self, sector: int, following: int) -> int:
        """Bytes that a compressed grain may take with its marker: QEMU reads no more than two grains."""
        end = following if following > sector else _NEVER
        return max(
            1, min(2 * self._grain_bytes, (end - sector) * 512, self._tables.size_bytes - sector * 512)
        )


def _runs(entries: "array[int]", step: int) -> Iterator[tuple[int, int, int]]:
    """Entries that are 0, or each by `step` larger than the one before: first index, end, first entry."""
    first = expected = 0
    for index, entry in enumerate(entries):
        if entry != expected and index:
            yield first, index, entries[first]
            first = index
        expected = entry + step if entry else 0
    yield first, len(entries), entries[first]
