"""A source without the blocks that are free: whatever stands in them, they are zeros.

The source itself leaves out what it can without reading it; here what is left in the pieces is made zero, to
the byte, so that no source can let it through.
"""

from functools import partial

from imgtool.convert.base import Content, Piece, Source
from imgtool.convert.extents import Extent, data_runs
from imgtool.disk.stream import fill_zeros
from imgtool.util.ranges import Ranges


class SparsifiedSource:
    """The disk of `source`, with zeros in `free`."""

    def __init__(self, source: Source, free: Ranges) -> None:
        self._source = source
        self._free = free

    @property
    def size_bytes(self) -> int:
        """Size of the disk."""
        return self._source.size_bytes

    def take(self, buffer: bytearray) -> Piece | None:
        """The source's next piece."""
        piece = self._source.take(buffer)
        return None if piece is None else Piece(partial(self._load, piece), piece.fragments)

    def _load(self, piece: Piece) -> Content:
        content = piece.load()
        start = content.start_bytes
        within = Ranges(
            (first - start, end - start)
            for first, end in self._free.within(start, start + content.length_bytes)
        )
        if not len(within):
            return content
        runs: list[Extent] = []
        with memoryview(content.buffer) as view:
            for run in content.runs:
                free = list(within.within(*run))
                for first, end in free:
                    fill_zeros(view[first:end])
                runs += data_runs(content.buffer, *run) if free else [run]
        return content._replace(runs=runs)
