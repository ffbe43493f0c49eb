"""Where in a seed the edits go: a reader's own reads are the map of a disk's metadata."""

import io
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import BinaryIO, cast

from fuzz.model import Place, Seed

_TRIES = 8
_MAX_PLACES = 20_000


class _Recorder(io.RawIOBase):
    """Notes which bytes are asked for."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.places: dict[Place, None] = {}

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int | None = -1) -> bytes:
        start = self._file.tell()
        content = self._file.read(-1 if size is None else size)
        if any(content) and len(self.places) < _MAX_PLACES:
            self.places[start, len(content)] = None
        return content


def recorded(disk: Path, read: Callable[[BinaryIO, int], object]) -> tuple[Place, ...]:
    """Where `read`, given the disk and its size, finds anything but zeros."""
    with disk.open("rb", buffering=0) as file:
        recorder = _Recorder(cast("BinaryIO", file))
        read(cast("BinaryIO", recorder), disk.stat().st_size)
        return tuple(recorder.places)


class Aim:
    """Picks offsets in one seed."""

    def __init__(self, seed: Seed, chance: Random) -> None:
        self._chance = chance
        content = seed.content
        self.size = content.stat().st_size if isinstance(content, Path) else len(content)
        self._places = seed.places or ((0, self.size),)
        self._file = content.open("rb", buffering=0) if isinstance(content, Path) else io.BytesIO(content)

    def offset(self, align: int = 1) -> int:
        """Of something that is not zero, if a few tries find any; a multiple of `align`."""
        offset = 0
        for _ in range(_TRIES):
            start, length = self._chance.choice(self._places)
            # Most of what rules a block stands at its beginning.
            reach = length if self._chance.random() < 0.5 else min(length, 128)
            offset = (start + self._chance.randrange(max(1, reach))) // align * align
            if any(self.at(offset - 8, 24)):
                break
        return min(max(0, offset), max(0, self.size - 1))

    def at(self, offset: int, length: int) -> bytes:
        """The seed's own bytes there."""
        self._file.seek(max(0, offset))
        return self._file.read(length) or b""
