"""Raw targets: each byte at its own place. They differ in what becomes of the zeros."""

import fcntl
import os
import struct
from collections.abc import Sequence

from imgtool.convert.base import Content, Write
from imgtool.convert.extents import Extent
from imgtool.convert.reflink import MappedExtent
from imgtool.convert.sinks import writing
from imgtool.convert.sinks.writing import unwritable, write_all
from imgtool.errors import ReaderGoneError
from imgtool.util.streams import write_some

BLKZEROOUT = 0x127F
"""linux/fs.h: _IO(0x12, 127); discards where the device then reads as zeros, else writes them."""
_STEP_BYTES = 1 << 30
_ZEROS = bytes(1 << 20)


class FileSink:
    """A new, empty file: zeros become holes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def prepare(self, content: Content) -> Sequence[Write]:
        """Whatever is not zero, at its own place."""
        view, start = memoryview(content.buffer), content.start_bytes
        return [Write(start + first, (view[first:end],)) for first, end in content.runs]

    def place(self, prepared: Sequence[Write]) -> Sequence[Write]:
        """There is nothing to decide."""
        return prepared

    def write(self, writes: Sequence[Write]) -> None:
        """Write it."""
        write_all(self._descriptor, writes)

    def adopt(self, start_bytes: int, end_bytes: int) -> list[MappedExtent]:
        """Take the extent at its own place."""
        return [MappedExtent(start_bytes, end_bytes, start_bytes)]

    def finish(self, size_bytes: int) -> None:
        """A disk may end with zeros."""
        try:
            os.ftruncate(self._descriptor, size_bytes)
        except OSError as error:
            raise unwritable(error) from error


class ReservedFileSink(FileSink):
    """A new file with its space reserved (posix_fallocate(3)), so that a guest never meets a full disk."""

    def finish(self, size_bytes: int) -> None:
        """What is not written by now is reserved, and reads as zeros."""
        super().finish(size_bytes)
        try:
            os.posix_fallocate(self._descriptor, 0, size_bytes)
        except OSError as error:
            raise unwritable(error) from error


class FilledSink(FileSink):
    """A sink that has to write zeros too: base of those below, and by itself a file that is all written."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._end = 0

    def place(self, prepared: Sequence[Write]) -> Sequence[Write]:
        """Place the piece. Pieces come in order, so each gap before them is known and zeroed here."""
        for offset, parts in prepared:
            self._zero(Extent(self._end, offset))
            self._end = offset + sum(map(len, parts))
        return prepared

    def finish(self, size_bytes: int) -> None:
        """Zeros up to the end."""
        self._zero(Extent(self._end, size_bytes))

    def _zero(self, gap: Extent) -> None:
        for place in range(gap.start_bytes, gap.end_bytes, len(_ZEROS)):
            zeros = memoryview(_ZEROS)[: gap.end_bytes - place]
            self.write([Write(place, (zeros,))])


class DeviceSink(FilledSink):
    """A block device: what was on it before does not show through."""

    def _zero(self, gap: Extent) -> None:
        try:
            for place in range(gap.start_bytes, gap.end_bytes, _STEP_BYTES):
                length = min(_STEP_BYTES, gap.end_bytes - place)
                fcntl.ioctl(self._descriptor, BLKZEROOUT, struct.pack("=QQ", place, length))
        except OSError:
            super()._zero(gap)


class PipeSink(FilledSink):
    """A pipe: everything in order, zeros included.

    What cannot be taken back is judged beforehand: see writing.py.
    """

    def place(self, prepared: Sequence[Write]) -> Sequence[Write]:
        """Written here, where pieces come in order."""
        for offset, parts in prepared:
            if offset == 0:
                writing.refuse(bytes(parts[0]))
            self._zero(Extent(self._end, offset))
            self._send(parts[0])
            self._end = offset + len(parts[0])
        return []

    def _zero(self, gap: Extent) -> None:
        for place in range(gap.start_bytes, gap.end_bytes, len(_ZEROS)):
            self._send(memoryview(_ZEROS)[: gap.end_bytes - place])

    def _send(self, part: bytes | memoryview) -> None:
        rest = memoryview(part)
        try:
            while rest:
                rest = rest[write_some(self._descriptor, rest) :]
        except BrokenPipeError as error:
            raise ReaderGoneError("nobody reads what is written to the pipe") from error
        except OSError as error:
            raise unwritable(error) from error
