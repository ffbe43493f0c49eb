"""Read-only windows on the bytes of a disk: a partition, a logical volume.

All windows share one disk stream and seek before every read, so the disk may be used by one thread only.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.util.streams import SeekableStream

MAX_READS = 1_000_000
"""Reads of one disk. A full inspection takes under 50,000; a file system made to lead its reader round in
circles takes any number, and ends here."""


ReadAt = Callable[[int, int], bytes]
"""So many bytes (second) at an offset (first) of the disk, fewer only where it ends there."""


class Disk:
    """The disk: every read of it goes through here, and is counted and complete."""

    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._stream = stream
        self._reads_left = MAX_READS

    def read_at(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`, fewer only where the disk ends there."""
        self._reads_left -= 1
        if self._reads_left < 0:
            raise GuestReadError(f"reading took more than {MAX_READS} steps: damaged, or made to mislead")
        length = min(length, self.size_bytes - offset)
        if length <= 0 or offset < 0:
            return b""
        try:
            self._stream.seek(offset)
            content = self._stream.read(length)
        except Exception as error:
            raise GuestReadError(f"the disk cannot be read at byte {offset}: {error}") from error
        if len(content) != length:
            raise GuestReadError(f"the disk ends before byte {offset + length}")
        return content


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of a volume that lies on the disk in one piece, or in stripes of it in turn.

    The layout of stripes is the kernel's: Documentation/admin-guide/device-mapper/striped.rst.
    """

    length: int
    stripes: tuple[int, ...]
    """Disk offset of each stripe; a linear segment has one."""
    stripe_size: int
    """Bytes taken from one stripe before the next one is due; a linear segment's whole length."""

    def place(self, position: int) -> tuple[int, int]:
        """The disk offset of `position`, and how many bytes lie there in one piece."""
        chunk, within = divmod(position, self.stripe_size)
        row, stripe = divmod(chunk, len(self.stripes))
        offset = self.stripes[stripe] + row * self.stripe_size + within
        return offset, min(self.stripe_size - within, self.length - position)


def linear(offset: int, length: int) -> Segment:
    """`length` bytes of the disk from `offset` on."""
    return Segment(length, (offset,), length)


class VolumeStream(SeekableStream):
    """The bytes of a volume: its segments one after the other."""

    def __init__(self, disk: Disk, segments: Sequence[Segment]) -> None:
        super().__init__(0)
        self._disk = disk
        self._segments = [segment for segment in segments if segment.length > 0]
        self._starts: list[int] = []
        for segment in self._segments:
            self._starts.append(self.size)
            self.size += segment.length

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes; fewer only at the end of the volume or of the disk."""
        wanted = self.size - self._position
        if size is not None and size >= 0:
            wanted = min(wanted, size)
        pieces = []
        while wanted > 0:
            piece = self._read_piece(wanted)
            if not piece:
                break
            pieces.append(piece)
            self._position += len(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def places(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Start and end on the disk of each piece of the volume's bytes from `start` up to `end`."""
        end = min(end, self.size)
        while start < end:
            offset, run = self._place(start)
            length = min(run, end - start)
            yield offset, offset + length
            start += length

    # The buffers that its callers have.
    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # it takes no other buffers
        """Read into a buffer."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def _read_piece(self, wanted: int) -> bytes:
        offset, run = self._place(self._position)
        return self._disk.read_at(offset, min(wanted, run))

    def _place(self, position: int) -> tuple[int, int]:
        """The disk offset of `position`, and how many bytes lie there in one piece."""
        index = bisect_right(self._starts, position) - 1
        return self._segments[index].place(position - self._starts[index])
