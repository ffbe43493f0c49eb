"""The image's file, byte by byte."""

from imgtool.disk.payloads.chunks import CHUNK_BYTES, Chunks
from imgtool.formats.source import Source as OpenFile


class FilePayload:
    """The file as it is. Memory: one chunk."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self.size_bytes = file.size_bytes

    def chunks(self) -> Chunks:
        """All of it; less where the file became shorter."""
        buffer, position = memoryview(bytearray(CHUNK_BYTES)), 0
        while count := self._file.read_into(position, buffer):
            yield buffer[:count]
            position += count
