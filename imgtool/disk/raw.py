"""A raw file or block device as a stream of whole sectors."""

from imgtool.disk.stream import DiskStream, fill_zeros
from imgtool.formats.source import Source


class RawStream(DiskStream):
    """The file's bytes, and zeros up to the end of the last sector."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, source.size_bytes)

    def _read_run(self, position: int, view: memoryview) -> int:
        fill_zeros(view[self._source.read_into(position, view) :])
        return len(view)
