"""Which clusters of an image file are taken: one bit each, so that none is given away twice."""

import mmap
from collections.abc import Iterable, Iterator, Sequence

from imgtool.errors import ImageUnreadableError

MAX_CLUSTERS = (1 << 30) + (1 << 26)
"""A disk of 64 TiB in clusters of 64 KiB, and what its tables need: 136 MiB of bits."""

_BITS = tuple(1 << number for number in range(8))
"""Of a byte: looked up, not shifted, where it is done for millions."""


class ClusterMap:
    """The clusters of a file of `file_size_bytes`, all free at first. The last one may be cut short."""

    def __init__(self, file_size_bytes: int, cluster_bits: int) -> None:
        self.count = -(-file_size_bytes >> cluster_bits)
        self._whole = file_size_bytes >> cluster_bits
        # Anonymous memory is there only where a bit was set: the holes of a sparse file cost nothing.
        # Private: a process that is forked meanwhile must not share it (sandbox/).
        length = min(self.count, MAX_CLUSTERS) // 8 + 1
        self._bits = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    def take(self, first: int, count: int = 1) -> bool:
        """Take clusters that follow each other; False, and nothing taken, where any was taken before.

        Raises ImageUnreadableError where they do not stand in the file, as is_free does.
        """
        place, mask = self._find(first, count, self.count)
        taken = int.from_bytes(self._bits[place], "little")
        if taken & mask:
            return False
        self._bits[place] = (taken | mask).to_bytes(place.stop - place.start, "little")
        return True

    def is_free(self, first: int, count: int = 1) -> bool:
        """Whether none of them is taken."""
        place, mask = self._find(first, count, self.count)
        return not int.from_bytes(self._bits[place], "little") & mask

    def take_each(self, clusters: Sequence[int]) -> bool:
        """Take clusters one by one, each of which has to be there whole; made for millions of them.

        False where one was taken before; those before it are taken by then.
        """
        bits, bit = self._bits, _BITS
        self._find(max(clusters, default=0), 1, self._whole)
        for cluster in clusters:
            index = cluster >> 3
            before = bits[index]
            after = before | bit[cluster & 7]
            if after == before:
                return False
            bits[index] = after
        return True

    def _find(self, first: int, count: int, clusters: int) -> tuple[slice, int]:
        """The bytes that hold the bits of these clusters, and the bits in them. `clusters` are there."""
        end = first + count
        if end > clusters:
            raise ImageUnreadableError(
                "its tables point beyond the file's end: the file is cut off or damaged",
                hint="fetch or copy it again",
            )
        if end > MAX_CLUSTERS:
            raise ImageUnreadableError(
                f"it uses more than {MAX_CLUSTERS} clusters",
                hint="give it larger ones: qemu-img convert -O qcow2 -o cluster_size=64k SOURCE TARGET",
            )
        return slice(first >> 3, (end + 7) >> 3), ((1 << count) - 1) << (first & 7)


def runs(entries: Iterable[int], step: int) -> Iterator[tuple[int, int]]:
    """Entries each of which is by `step` larger than the one before: the first, and what would come next.

    None of them is 0.
    """
    start = end = 0
    for entry in entries:
        if entry == end:
            end += step
            continue
        if end:
            yield start, end
        start, end = entry, entry + step
    if end:
        yield start, end
