"""The places of a qcow2 file, handed out in order, and the refcounts of its clusters.

Source: QEMU, docs/interop/qcow2, "Host cluster management". Refcounts have 16 bits. A refcount block is
written as soon as no cluster that it counts can be used once more, so memory does not grow with the disk.
"""

import os
import sys
from array import array

from imgtool.convert.sinks.writing import unwritable
from imgtool.errors import ConversionError
from imgtool.formats.qcow2.safety import MAX_REFCOUNT_TABLE_BYTES


class HostSpace:
    """Cluster 0 is the header's; all others are handed out here."""

    def __init__(self, descriptor: int, cluster_size_bytes: int) -> None:
        self._descriptor = descriptor
        self._cluster_size = cluster_size_bytes
        self._per_block = cluster_size_bytes // 2
        self._blocks: list[int] = []
        self._counts = array("H", [1])
        """Of the clusters after those that written blocks count."""
        self._counted = 0
        self._packed_end = 0
        """Where the next compressed cluster goes; 0 where that is a fresh cluster."""

    @property
    def end_bytes(self) -> int:
        """Where the next fresh cluster will be: the end of the file."""
        return (self._counted + len(self._counts)) * self._cluster_size

    def clusters(self, count: int) -> int:
        """The offset of `count` fresh clusters that follow each other."""
        offset = self._fresh(count)
        while len(self._counts) > self._per_block:
            self._write_block()
        return offset

    def packed(self, length: int) -> int:
        """The offset of `length` bytes for a compressed cluster, right after the last one where possible.

        Every cluster that they touch is counted once more.
        """
        offset = self._packed_end or self.end_bytes
        fresh = -(-(offset + length - self.end_bytes) // self._cluster_size)
        if offset < self.end_bytes:
            self._counts[-1] += 1
        if fresh > 0:
            self._counts.extend(_ONE * fresh)
        self._packed_end = offset + length
        if len(self._counts) > self._per_block:
            self._write_block()
        return offset

    def _fresh(self, count: int) -> int:
        offset = self.end_bytes
        self._counts.extend(_ONE * count)
        self._packed_end = 0
        return offset

    def _write_block(self) -> None:
        counts = self._counts[: self._per_block]
        del self._counts[: self._per_block]
        self._counted += self._per_block
        offset = self._fresh(1)
        self._blocks.append(offset)
        write_table(self._descriptor, offset, counts)

    def finish(self) -> tuple[int, int]:
        """Write the blocks that are left and the refcount table; its offset and its clusters.

        They count themselves. Raises ConversionError where the file is larger than QEMU allows.
        """
        blocks, table_clusters = self._still_needed()
        first = self._fresh(blocks + table_clusters)
        self._blocks += range(first, first + blocks * self._cluster_size, self._cluster_size)
        table_offset = first + blocks * self._cluster_size
        if len(self._blocks) * 8 > MAX_REFCOUNT_TABLE_BYTES:
            raise ConversionError(
                "the qcow2 file would need a larger refcount table than QEMU reads",
                hint="choose larger clusters: --cluster-size 64k",
            )
        write_table(self._descriptor, first, self._counts)
        write_table(self._descriptor, table_offset, array("Q", self._blocks))
        return table_offset, table_clusters

    def _still_needed(self) -> tuple[int, int]:
        """Refcount blocks to come, and clusters of the refcount table."""
        blocks = 0
        while True:
            table_bytes = (len(self._blocks) + blocks) * 8
            table_clusters = max(1, -(-table_bytes // self._cluster_size))
            needed = -(-(len(self._counts) + blocks + table_clusters) // self._per_block)
            if needed <= blocks:
                return blocks, table_clusters
            blocks = needed


_ONE = array("H", [1])


def write_table(descriptor: int, offset: int, entries: "array[int]") -> None:
    """Write `entries` big-endian; they are swapped in place."""
    if sys.byteorder == "little":
        entries.byteswap()
    content = memoryview(entries).cast("B")
    try:
        while content:
            done = os.pwrite(descriptor, content, offset)
            content, offset = content[done:], offset + done
    except OSError as error:
        raise unwritable(error) from error
