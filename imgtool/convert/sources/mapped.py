"""A disk that its file keeps by a layout (formats/layout.py): VMDK, VHD, VHDX, VDI. Read by any thread.

Runs of blocks are read at once, compressed ones that stand near each other too; what the file's own file
system keeps as a hole is not read.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain

from imgtool.convert.base import Content, Piece
from imgtool.convert.extents import GRAIN_BYTES, Extent, align, data_runs, gaps
from imgtool.convert.reflink import MAX_STRETCHES, MappedExtent
from imgtool.disk.stream import fill_zeros
from imgtool.errors import ImageUnreadableError
from imgtool.formats.bounds import round_to_sector
from imgtool.formats.layout import Layout, Span
from imgtool.formats.source import Source as OpenFile
from imgtool.util.ranges import NOTHING, Ranges

_NEAR_BYTES = 64 << 10
"""Compressed blocks with no more than this between them are read at once."""
_MAX_READ_BYTES = 4 << 20


class MappedSource:
    """The disk inside `file`, by its checked `layout`."""

    def __init__(self, file: OpenFile, layout: Layout, *, free: Ranges = NOTHING) -> None:
        """Take the disk; what is in `free` need not be read."""
        self._file = file
        self._free = free
        self._layout = layout
        self.size_bytes = round_to_sector(layout.size_bytes)
        self._position = 0

    def take(self, buffer: bytearray) -> Piece | None:
        """The next piece with any data; tables are read here, data is not."""
        together: list[list[Span]] = []
        start = 0
        while not together:
            self._skip_zeros(len(buffer))
            if self._position >= self._layout.size_bytes:
                return None
            start = self._position - self._position % len(buffer)
            end = min(start + len(buffer), self._layout.size_bytes)
            together = list(_read_together(self._not_free(self._data(self._position, end))))
            self._position = start + len(buffer)
        return Piece(partial(self._load, buffer, start, together), len(together))

    def mapped_extents(self) -> Iterator[MappedExtent] | None:
        """All data, where it stands; None where any of it is compressed."""
        found: list[MappedExtent] = []
        for span in self._data(0, self._layout.size_bytes):
            if span.packed_bytes or len(found) > MAX_STRETCHES:
                return None
            found.append(MappedExtent(span.start_bytes, span.end_bytes, _place(span)))
        return iter(found)

    def _data(self, position: int, end: int) -> Iterator[Span]:
        """What is kept of the disk between `position` and `end`; neighbours in the file too are one span."""
        last: Span | None = None
        while position < end:
            span = _from(self._layout.span_at(position), position, end)
            position = span.end_bytes
            if last is not None and _continues(last, span):
                last = last._replace(end_bytes=span.end_bytes)
                continue
            if last is not None:
                yield last
            last = span if span.offset_bytes is not None else None
        if last is not None:
            yield last

    def _not_free(self, spans: Iterable[Span]) -> Iterator[Span]:
        """The parts of the spans that are not free; a compressed block is read whole, or not at all."""
        for span in spans:
            kept = self._free.outside(span.start_bytes, span.end_bytes)
            if not span.packed_bytes:
                yield from (_from(span, start, end) for start, end in kept)
            elif any(kept):
                yield span

    def _skip_zeros(self, piece_bytes: int) -> None:
        """Go on where the layout, and the holes of the file, may have data."""
        while self._position < self._layout.size_bytes:
            span = _from(self._layout.span_at(self._position), self._position, self._layout.size_bytes)
            if span.offset_bytes is None:
                self._position = span.end_bytes
                continue
            hole = 0 if span.packed_bytes else self._hole_at(span, piece_bytes)
            if hole < span.end_bytes - span.start_bytes:
                self._position += hole
                return
            self._position = span.end_bytes

    def _hole_at(self, span: Span, piece_bytes: int) -> int:
        """How many bytes from its start are a hole of the file; asked only where that may save a piece."""
        if span.end_bytes - span.start_bytes < piece_bytes:
            return 0
        place = _place(span)
        try:
            return self._file.next_data(place) - place
        except OSError:  # the file system cannot tell
            return 0

    def _load(self, buffer: bytearray, start: int, together: list[list[Span]]) -> Content:
        length = min(len(buffer), self.size_bytes - start)
        spans = chain.from_iterable(together)
        found = [Extent(span.start_bytes - start, span.end_bytes - start) for span in spans]
        runs: list[Extent] = []
        read = 0
        with memoryview(buffer) as view:
            for run in together:
                read += self._read(view, start, run)
            for first, end in align(found, GRAIN_BYTES):
                for gap in gaps(found, first, end):
                    fill_zeros(view[gap.start_bytes : gap.end_bytes])
                runs += data_runs(buffer, first, min(end, length))
        return Content(start, length, buffer, runs, read)

    def _read(self, view: memoryview, start: int, run: list[Span]) -> int:
        """Put a run into its place; how many bytes of the file that took."""
        first, last = run[0], run[-1]
        if not first.packed_bytes:
            part = view[first.start_bytes - start : first.end_bytes - start]
            if self._file.read_into(_place(first), part) != len(part):
                raise _cut_off()
            return len(part)
        begin = _place(first)
        wanted = _place(last) + last.packed_bytes - begin
        content = memoryview(bytearray(wanted))
        if self._file.read_into(begin, content) != wanted:
            raise _cut_off()
        for span in run:
            packed = content[_place(span) - begin :][: span.packed_bytes]
            view[span.start_bytes - start : span.end_bytes - start] = self._layout.unpack(packed, span)
        return wanted


def _from(span: Span, position: int, end: int) -> Span:
    """What of `span` lies between `position` and `end`; a compressed one is always whole."""
    if span.packed_bytes:
        return span
    offset = None if span.offset_bytes is None else span.offset_bytes + position - span.start_bytes
    return Span(position, min(span.end_bytes, end), offset)


def _continues(last: Span, span: Span) -> bool:
    if last.packed_bytes or span.packed_bytes or span.offset_bytes is None:
        return False
    return _place(last) + last.end_bytes - last.start_bytes == span.offset_bytes


def _read_together(spans: Iterable[Span]) -> Iterator[list[Span]]:
    run: list[Span] = []
    for span in spans:
        if run and not _near(run, span):
            yield run
            run = []
        run.append(span)
    if run:
        yield run


def _near(run: list[Span], span: Span) -> bool:
    """Whether `span` is best read together with the compressed ones of `run`."""
    before = run[-1]
    if not before.packed_bytes or not span.packed_bytes:
        return False
    distance = _place(span) - _place(before)
    end = _place(span) + span.packed_bytes
    return 0 <= distance <= before.packed_bytes + _NEAR_BYTES and end - _place(run[0]) <= _MAX_READ_BYTES


def _place(span: Span) -> int:
    assert span.offset_bytes is not None  # noqa: S101 - only what is kept comes here
    return span.offset_bytes


def _cut_off() -> ImageUnreadableError:
    return ImageUnreadableError(
        "its data lies beyond the file's end: the file is cut off", hint="fetch or copy it again"
    )
