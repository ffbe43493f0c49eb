"""Where each cluster of a qcow2 will stand that nobody writes: known before its first byte is sent."""

from array import array
from collections.abc import Sequence

from imgtool.disk.base import Write
from imgtool.disk.sinks.qcow2 import Clusters, Qcow2Sink
from imgtool.formats.gate import changed

CLUSTER_BYTES = 64 << 10
"""As `imgtool convert` and qemu-img choose it."""
_FIELDS = 3


class PlanningSink(Qcow2Sink):
    """Writes header and tables into a sparse descriptor, at their places, and no data.

    Keeps 24 bytes for each piece of the disk that is not all zero.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, CLUSTER_BYTES)
        self._pieces = array("Q")
        """For each: its first guest cluster, which from there on it needs (a bit for each), its place."""

    def place(self, prepared: Clusters) -> list[Write]:
        """Where they go is kept; there is nothing to write."""
        writes: Sequence[Write] = super().place(prepared)
        if writes:
            self._pieces.extend((*_needed(prepared), writes[0].offset_bytes - prepared.parts[0][0]))
        return []

    def __len__(self) -> int:
        return len(self._pieces) // _FIELDS

    def place_of(self, number: int, clusters: Clusters) -> int:
        """Where piece `number` stands. Raises ImageUnreadableError unless it needs the clusters it needed."""
        planned = self._pieces[number * _FIELDS : (number + 1) * _FIELDS]
        if not planned or tuple(planned[:2]) != _needed(clusters):
            raise changed()
        return planned[2]


def _needed(clusters: Clusters) -> tuple[int, int]:
    """A piece has no more than 32 clusters: it is as large as the largest cluster at most."""
    first = clusters.runs[0][0]
    return first, sum((1 << count) - 1 << start - first for start, count in clusters.runs)
