"""The room that the blocks of a disk take in its file: inside it, beside its tables, no two overlapping."""

import mmap
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from imgtool.errors import ImageUnreadableError
from imgtool.util.text import human_size

MAX_FILE_BYTES = 128 << 40
"""Larger files are refused: no disk of these formats has more than 64 TiB."""


class Region(NamedTuple):
    """Bytes of the file that are no block: a header or a table."""

    start_bytes: int
    end_bytes: int


class Room(NamedTuple):
    """Where blocks can be in a file. A block's start is counted in units from `base_bytes`."""

    file_bytes: int
    unit_bytes: int
    block_units: int
    """How many units each block takes."""
    regions: Sequence[Region]
    """Where no block can be."""
    base_bytes: int = 0

    @property
    def block_bytes(self) -> int:
        """How many bytes of the file each block takes."""
        return self.unit_bytes * self.block_units


class TakenRoom:
    """Which of the room is taken: nothing at first.

    All blocks are equally long, so at most one can start in each stretch of that length, and it can overlap
    only those that start in the two mapped_extents beside its own. One number for each stretch is enough.
    """

    def __init__(self, room: Room) -> None:
        if room.file_bytes > MAX_FILE_BYTES:
            raise ImageUnreadableError(
                f"the file has {human_size(room.file_bytes)}, more than any disk of its format takes"
            )
        self._room = room
        self._regions = _merged(room.regions)
        mapped_extents = max(0, room.file_bytes - room.base_bytes) // room.block_bytes + 3
        width, code = _narrowest(room.block_units)
        # Anonymous memory is there only where something was written: the holes of a sparse file cost nothing.
        self._starts = memoryview(mmap.mmap(-1, mapped_extents * width)).cast(code)

    def take(self, starts: Sequence[int], least_bytes: int | None = None) -> None:
        """Take the room of blocks that start at these units; at least `least_bytes` of each is in the file.

        Raises ImageUnreadableError where that is not so, or the room is not free.
        """
        if not starts:
            return
        room = self._room
        least = room.block_bytes if least_bytes is None else least_bytes
        if room.base_bytes + max(starts) * room.unit_bytes + least > room.file_bytes:
            raise ImageUnreadableError(
                "its block table points beyond the file's end: the file is cut off or damaged",
                hint="fetch or copy it again",
            )
        self._avoid_regions(starts)
        free = self._take_units(starts) if room.block_units == 1 else self._take_blocks(starts)
        if not free:
            raise ImageUnreadableError(
                "its block table gives the same place in the file to two blocks",
                hint="it is damaged, or made to be harmful: make it anew where it was made",
            )

    def _avoid_regions(self, starts: Sequence[int]) -> None:
        room, regions = self._room, self._regions
        if not regions or room.base_bytes + min(starts) * room.unit_bytes >= regions[-1].end_bytes:
            return
        ends = [region.end_bytes for region in regions]
        for start in starts:
            first = room.base_bytes + start * room.unit_bytes
            index = bisect_right(ends, first)  # the first region that ends after the block's start
            if index < len(regions) and regions[index].start_bytes < first + room.block_bytes:
                raise ImageUnreadableError(
                    "its block table puts a block where a header or a table is",
                    hint="it is damaged, or made to be harmful: make it anew where it was made",
                )

    def _take_units(self, starts: Iterable[int]) -> bool:
        taken = self._starts
        for start in starts:
            if taken[start]:
                return False
            taken[start] = 1
        return True

    def _take_blocks(self, starts: Iterable[int]) -> bool:
        """Each stretch holds 0, or 1 more than how far into it a block starts."""
        taken, units = self._starts, self._room.block_units
        for start in starts:
            stretch, inside = divmod(start, units)
            # The one before (index -1, the unused last one, for the first) starts later in its stretch, or
            # the one after starts earlier: they overlap.
            if taken[stretch] or taken[stretch - 1] > inside + 1 or 0 < taken[stretch + 1] <= inside:
                return False
            taken[stretch] = inside + 1
        return True


def refuse_overlaps(regions: Iterable[Region]) -> None:
    """Raise ImageUnreadableError where two of them share a byte."""
    _merged(regions)


def _merged(regions: Iterable[Region]) -> list[Region]:
    """Return them in their order in the file. Raises ImageUnreadableError where two of them share a byte."""
    ordered = sorted(region for region in regions if region.start_bytes < region.end_bytes)
    for before, after in pairwise(ordered):
        if after.start_bytes < before.end_bytes:
            raise ImageUnreadableError("its headers and tables overlap each other")
    return ordered


def _narrowest(block_units: int) -> tuple[int, Literal["B", "H", "I"]]:
    """The width and the code of the narrowest number that can be `block_units`."""
    if block_units < 1 << 8:
        return 1, "B"
    return (2, "H") if block_units < 1 << 16 else (4, "I")
