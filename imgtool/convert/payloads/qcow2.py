"""A qcow2, not compressed, that is sent while the disk is read: no file of it is ever written.

The disk is read twice: to plan where each cluster will stand, which has to be known before the first byte is
sent, then to send. What `imgtool convert -O qcow2` would write comes out, byte by byte (but where that shares
the source's blocks by reflink, allocated zeros included).
"""

import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from threading import Event

from imgtool.convert.base import Source, Write
from imgtool.convert.engine import Work, copy, default_threads
from imgtool.convert.native import piece_bytes, source_of
from imgtool.convert.ordered import contents, reading_threads
from imgtool.convert.payloads.chunks import CHUNK_BYTES, Chunks, filled, joined
from imgtool.convert.sinks.qcow2 import Clusters, Qcow2Sink
from imgtool.formats.source import Source as OpenFile
from imgtool.formats.source import changed
from imgtool.model.free_blocks import FreeBlocks
from imgtool.model.image import DiskImage
from imgtool.util.progress import Meter

CLUSTER_BYTES = 64 << 10
"""As `imgtool convert` and qemu-img choose it."""
_FIELDS = 3


class PlanningSink(Qcow2Sink):
    """Writes header and tables into a sparse descriptor, at their places, and no data.

    Keeps 24 bytes for each piece of the disk that is not all zero.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, CLUSTER_BYTES)
        self._pieces = array("Q")
        """For each: its first guest cluster, which from there on it needs (a bit for each), its place."""

    def place(self, prepared: Clusters) -> list[Write]:
        """Where they go is kept; there is nothing to write."""
        writes: Sequence[Write] = super().place(prepared)
        if writes:
            self._pieces.extend((*_needed(prepared), writes[0].offset_bytes - prepared.parts[0][0]))
        return []

    def __len__(self) -> int:
        return len(self._pieces) // _FIELDS

    def place_of(self, number: int, clusters: Clusters) -> int:
        """Where piece `number` stands. Raises ImageUnreadableError unless it needs the clusters it needed."""
        planned = self._pieces[number * _FIELDS : (number + 1) * _FIELDS]
        if not planned or tuple(planned[:2]) != _needed(clusters):
            raise changed()
        return planned[2]


def _needed(clusters: Clusters) -> tuple[int, int]:
    """A piece has no more than 32 clusters: it is as large as the largest cluster at most."""
    first = clusters.runs[0][0]
    return first, sum((1 << count) - 1 << start - first for start, count in clusters.runs)


@contextmanager
def planned(
    image: DiskImage, file: OpenFile, meter: Meter, free_blocks: FreeBlocks | None = None
) -> "Iterator[Qcow2Payload]":
    """The payload, once all data was read and is known to be data. Raises ImageUnreadableError.

    Memory, besides the pieces under way: the header and the tables (a memfd), which are 64 KiB for each
    512 MiB of the disk that hold any data, and 2 bytes for each cluster of the file; and 24 bytes for each
    MiB of the disk that holds any. For 20 GiB full of data that makes 4 MiB.
    """
    tables = os.memfd_create("imgtool-qcow2-tables")
    try:
        sink = PlanningSink(tables)
        work = Work(piece_bytes(image, CLUSTER_BYTES), default_threads())
        copy(source_of(image, file, free_blocks=free_blocks), sink, work, meter, Event())
        yield Qcow2Payload(partial(source_of, image, file, free_blocks=free_blocks), image, sink, tables)
    finally:
        os.close(tables)


class Qcow2Payload:
    """Data from the source, all else from `tables`, where it stands at its place in the qcow2."""

    def __init__(
        self, opened: Callable[[], Source], image: DiskImage, plan: PlanningSink, tables: int
    ) -> None:
        """Send what `opened` gives, each time anew."""
        self._opened = opened
        self._image = image
        self._plan = plan
        self._tables = tables
        self.size_bytes = os.fstat(tables).st_size

    def chunks(self) -> Chunks:
        """All of it. Raises ImageUnreadableError where the data is elsewhere than when it was planned."""
        return joined(self._parts())

    def _parts(self) -> Chunks:
        position = number = 0
        source = self._opened()
        size = piece_bytes(self._image, CLUSTER_BYTES)
        with closing(contents(source, size, reading_threads())) as pieces:
            for content in pieces:
                clusters = self._plan.prepare(content)
                if clusters.total:
                    place = self._plan.place_of(number, clusters)
                    number += 1
                    yield from self._metadata(position, place)
                    position = place + clusters.total * CLUSTER_BYTES
                    yield from filled(clusters.parts, position - place)
        if number != len(self._plan):
            raise changed()
        yield from self._metadata(position, self.size_bytes)

    def _metadata(self, start: int, end: int) -> Chunks:
        """Between the data there is nothing but header and tables."""
        for place in range(start, end, CHUNK_BYTES):
            yield memoryview(os.pread(self._tables, min(CHUNK_BYTES, end - place), place))
