"""Writes qcow2 with compressed clusters, packed byte by byte. Source: QEMU, docs/interop/qcow2."""

from collections.abc import Sequence
from typing import NamedTuple

from imgtool.convert.base import Content, Write
from imgtool.convert.deflate import compressor
from imgtool.convert.extents import align, gaps
from imgtool.convert.sinks.qcow2 import Qcow2File
from imgtool.convert.sinks.writing import write_all
from imgtool.disk.stream import fill_zeros
from imgtool.formats.qcow2.tables import COMPRESSED, COPIED

_SECTOR_BYTES = 512


class Cluster(NamedTuple):
    """A guest cluster as it will be stored; uncompressed where compression does not make it smaller."""

    number: int
    payload: bytes | memoryview
    compressed: bool


class CompressedQcow2Sink:
    """A new qcow2 file with compressed clusters. Clusters that are zero are not stored."""

    def __init__(self, descriptor: int, cluster_size_bytes: int, method: str, level: int) -> None:
        self._descriptor = descriptor
        self._cluster_size = cluster_size_bytes
        self._method = method
        self._compress = compressor(method, level)
        self._file = Qcow2File(descriptor, cluster_size_bytes)
        self._offset_bits = 62 - (cluster_size_bytes.bit_length() - 1 - 8)

    def prepare(self, content: Content) -> list[Cluster]:
        """Each cluster that is not zero, compressed; the disk's last one is filled up with zeros."""
        size, view = self._cluster_size, memoryview(content.buffer)
        clusters = []
        for start, end in align(content.runs, size):
            for gap in gaps(content.runs, start, end):
                fill_zeros(view[gap.start_bytes : gap.end_bytes])
            for place in range(start, end, size):
                data = view[place : place + size]
                payload = self._compress(data)
                small = len(payload) < size
                number = (content.start_bytes + place) // size
                clusters.append(Cluster(number, payload if small else data, small))
        return clusters

    def place(self, prepared: Sequence[Cluster]) -> list[Write]:
        """Compressed clusters one right after the other, the others in clusters of their own."""
        writes: list[Write] = []
        end = -1
        for cluster in prepared:
            offset, entry = self._place(cluster)
            self._file.map(cluster.number, (entry,))
            if offset != end:
                parts: list[bytes | memoryview] = []
                writes.append(Write(offset, parts))
            parts.append(cluster.payload)
            end = offset + len(cluster.payload)
        return writes

    def _place(self, cluster: Cluster) -> tuple[int, int]:
        """Where it goes, and its L2 entry: the sectors that it touches beyond its first are counted there."""
        length = len(cluster.payload)
        if not cluster.compressed:
            offset = self._file.space.clusters(1)
            return offset, offset | COPIED
        offset = self._file.space.packed(length)
        more_sectors = (offset + length - 1) // _SECTOR_BYTES - offset // _SECTOR_BYTES
        return offset, COMPRESSED | more_sectors << self._offset_bits | offset

    def write(self, writes: Sequence[Write]) -> None:
        """Write it."""
        write_all(self._descriptor, writes)

    def finish(self, size_bytes: int) -> None:
        """Tables, refcounts, header."""
        self._file.finish(size_bytes, self._method)
