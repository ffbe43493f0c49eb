"""A raw file or block device as a source: its data by SEEK_DATA and SEEK_HOLE, read by any thread."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from imgtool.convert.base import Content, Piece
from imgtool.convert.extents import GRAIN_BYTES, Extent, align, data_runs, without
from imgtool.convert.reflink import MappedExtent
from imgtool.disk.stream import fill_zeros
from imgtool.errors import ImageUnreadableError
from imgtool.formats.bounds import round_to_sector
from imgtool.formats.source import Source as OpenFile
from imgtool.util.ranges import NOTHING, Ranges
from imgtool.util.text import printable


class FileSource:
    """The bytes of `file`, and zeros up to the end of the last sector.

    The walk trusts the file system about its holes unless `use_extents` is False: some lied in the past
    (OpenZFS 15526, XFS copy-on-write extents), which is why the file is flushed first. What is in `free`
    need not be read.
    """

    def __init__(self, file: OpenFile, *, use_extents: bool = True, free: Ranges = NOTHING) -> None:
        self._file = file
        self.size_bytes = round_to_sector(file.size_bytes)
        whole = [Extent(0, file.size_bytes)]
        self._can_tell = use_extents and flush_and_probe(file)
        self._walk = without(free, walk(file) if self._can_tell else iter(whole))
        self._extent: Extent | None = None
        """What is left of the extent that the last piece ended in."""

    def take(self, buffer: bytearray) -> Piece | None:
        """The next piece with any data, and where in it that is."""
        extent = self._extent or next(self._walk, None)
        if extent is None:
            return None
        start = extent.start_bytes - extent.start_bytes % len(buffer)
        end = start + len(buffer)
        found: list[Extent] = []
        while extent is not None and extent.start_bytes < end:
            found.append(Extent(extent.start_bytes - start, min(extent.end_bytes, end) - start))
            extent = Extent(end, extent.end_bytes) if extent.end_bytes > end else next(self._walk, None)
        self._extent = extent
        return Piece(partial(self._load, buffer, start, found), len(found))

    def mapped_extents(self) -> Iterator[MappedExtent] | None:
        """All data, where it stands; None of a device, whose blocks no file can share."""
        if not self._can_tell:
            return None
        found = walk(self._file)
        return (MappedExtent(start, end, start) for start, end in found)

    def _load(self, buffer: bytearray, start: int, extents: list[Extent]) -> Content:
        length = min(len(buffer), self.size_bytes - start)
        runs: list[Extent] = []
        read = 0
        with memoryview(buffer) as view:
            for first, end in align(extents, GRAIN_BYTES):
                stop = end if end < length else length
                count = self._file.read_into(start + first, view[first:stop])
                read, done = read + count, first + count
                if done < end:
                    fill_zeros(view[done : min(end, len(buffer))])
                runs += data_runs(buffer, first, stop)
        return Content(start, length, buffer, runs, read)


def flush_and_probe(file: OpenFile) -> bool:
    """Whether the file can say where its data is. Block devices cannot, and some file systems."""
    with suppress(OSError):  # a file system that is mounted read-only, say
        os.fsync(file.descriptor)
    try:
        file.next_data(0)
    except OSError:
        return False
    return True


def walk(file: OpenFile) -> Iterator[Extent]:
    """The extents of data, in order, each looked for once: tmpfs looks at every page up to the next hole."""
    hole = 0
    try:
        while (data := file.next_data(hole)) < file.size_bytes:
            hole = file.next_hole(data)
            yield Extent(data, hole)
    except OSError as error:
        raise ImageUnreadableError(f"reading it failed: {printable(str(error.strerror))}") from error
