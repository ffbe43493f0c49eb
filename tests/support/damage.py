"""Disks with bytes changed, without copying them: for tests of what damage does."""

import io
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.util.ranges import Ranges

SECTOR = 512


class DamagedStream(io.RawIOBase):
    """The file with some bytes replaced, and cut off where asked."""

    def __init__(self, file: BinaryIO, changes: Mapping[int, bytes], size: int | None = None) -> None:
        super().__init__()
        self._file = file
        self._changes = dict(changes)
        self._end = size if size is not None else file.seek(0, io.SEEK_END)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # as much as is asked of it
        start = self._file.tell()
        content = bytearray(self._file.read(max(0, min(len(buffer), self._end - start))))
        for offset, change in self._changes.items():
            first, last = max(offset, start), min(offset + len(change), start + len(content))
            if first < last:
                content[first - start : last - start] = change[first - offset : last - offset]
        buffer[: len(content)] = content
        return len(content)


def damaged(file: BinaryIO, changes: Mapping[int, bytes], size: int | None = None) -> BinaryIO:
    """A stream over `file` in which `changes` (offset to bytes) replace what is there."""
    return cast(BinaryIO, io.BufferedReader(DamagedStream(file, changes, size)))


def used_sectors(disk: Path) -> list[int]:
    """Offsets of the sectors that hold anything but zeros."""
    zeros = bytes(SECTOR)
    found = []
    with disk.open("rb") as file:
        position = 0
        while chunk := file.read(1 << 20):
            if any(chunk):
                sectors = range(0, len(chunk), SECTOR)
                found.extend(position + at for at in sectors if chunk[at : at + SECTOR] != zeros)
            position += len(chunk)
    return found


def random_changes(seed: int, sectors: list[int], count: int) -> dict[int, bytes]:
    """`count` changes of 1 to 8 bytes in sectors that are in use; the same for the same seed."""
    chance = random.Random(seed)
    changes = {}
    for _ in range(count):
        offset = chance.choice(sectors) + chance.randrange(SECTOR - 8)
        value = chance.choice((b"\0", b"\xff", b"\x7f", b"\x01", chance.randbytes(1)))
        changes[offset] = value * chance.choice((1, 2, 4, 8))
    return changes


def refused_of(
    volume: Path, free_of: Callable[[BinaryIO], Ranges], spoil: Callable[[], Mapping[int, bytes]], tries: int
) -> int:
    """How many of so many spoilt forms are refused; what is free in each of the others was free before."""
    refused = 0
    with volume.open("rb") as file:
        before = free_of(file)
        for _ in range(tries):
            changes = spoil()
            try:
                with guarded("it"):
                    after = free_of(damaged(file, changes))
            except GuestReadError:
                refused += 1
            else:
                assert after.without(before).total == 0, changes
    return refused
