"""Sorted runs of bytes, in two arrays: 16 bytes for each run, and any place is found in a few steps."""

import base64
import binascii
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

UNIT_BYTES = 512
"""What `to_text` counts in: a sector, which no file system divides."""
_MOST = 0xFFFFFFFF
_TEXT_ENTRIES = 96 << 10
"""Numbers in one text: 512 Ki characters, under the most that util/codec.py takes in a string."""

Run = tuple[int, int]
"""The bytes from the first up to, not including, the second."""


class Ranges:
    """Runs that are sorted, not empty, and do not touch each other."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        """Keep `runs`, sorted by their starts; those that touch or overlap become one, empty ones none."""
        starts, ends = array("Q"), array("Q")
        last = -1
        for start, end in runs:
            if start >= end:
                continue
            if start > last:
                starts.append(start)
                ends.append(end)
                last = end
            elif end > last:
                ends[-1] = last = end
        self._starts, self._ends = starts, ends

    def __iter__(self) -> Iterator[Run]:
        return zip(self._starts, self._ends, strict=True)

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def total(self) -> int:
        """How many bytes there are in all runs."""
        return sum(self._ends) - sum(self._starts)

    @property
    def end(self) -> int:
        """The end of the last run; 0 where there is none."""
        return self._ends[-1] if self._ends else 0

    def touches(self, start: int, end: int) -> bool:
        """Whether any byte from `start` up to `end` is in a run."""
        index = bisect_right(self._starts, start)
        if index and self._ends[index - 1] > start:
            return start < end
        return index < len(self._starts) and self._starts[index] < end

    def within(self, start: int, end: int) -> Iterator[Run]:
        """The parts of the runs between `start` and `end`."""
        index = bisect_right(self._starts, start)
        if index and self._ends[index - 1] > start:
            index -= 1
        while index < len(self._starts) and self._starts[index] < end:
            yield max(start, self._starts[index]), min(end, self._ends[index])
            index += 1

    def outside(self, start: int, end: int) -> Iterator[Run]:
        """What of the span from `start` to `end` is in no run."""
        for begin, stop in self.within(start, end):
            if begin > start:
                yield start, begin
            start = stop
        if start < end:
            yield start, end

    def without(self, others: "Ranges") -> "Ranges":
        """Return these runs less all that `others` has."""
        return Ranges(part for start, end in self for part in others.outside(start, end))

    def at_least(self, length: int) -> "Ranges":
        """The runs of `length` bytes or more."""
        return Ranges((start, end) for start, end in self if end - start >= length)


NOTHING = Ranges()


def to_text(ranges: Ranges) -> tuple[str, ...]:
    """The runs, all edges of which are multiples of UNIT_BYTES, as distances in base64: 11 characters each.

    What `from_text` makes of any such text is sorted, and has no two runs that overlap.
    """
    entries = array("I")
    last = 0
    for start, end in ranges:
        gap, length = (start - last) // UNIT_BYTES, (end - start) // UNIT_BYTES
        while gap > _MOST:
            entries.extend((_MOST, 0))
            gap -= _MOST
        while length > _MOST:
            entries.extend((gap, _MOST))
            gap, length = 0, length - _MOST
        entries.extend((gap, length))
        last = end
    parts = (entries[at : at + _TEXT_ENTRIES] for at in range(0, len(entries), _TEXT_ENTRIES))
    return tuple(base64.b64encode(part.tobytes()).decode() for part in parts)


def from_text(texts: Sequence[str], size_bytes: int) -> Ranges:
    """The runs that `to_text` made such texts of. Raises ValueError unless all lie within `size_bytes`."""
    entries = array("I")
    for text in texts:
        try:
            entries.frombytes(base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise ValueError("it is no base64") from error
    if len(entries) % 2:
        raise ValueError("a run without an end")
    edges = [edge * UNIT_BYTES for edge in accumulate(entries)]
    if edges and edges[-1] > size_bytes:
        raise ValueError("a run beyond the end")
    return Ranges(zip(edges[::2], edges[1::2], strict=True))
