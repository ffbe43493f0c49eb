"""Writes qcow2, version 3, in the disk's order and in one pass. Source: QEMU, docs/interop/qcow2.

Data and L2 tables come first, the L1 table and the refcounts at the end, the header last of all: what is cut
off half-way is no valid qcow2. Neither backing file, data file nor extended L2: OpenStack refuses them.
"""

import os
import struct
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from imgtool.convert.base import Content, Write
from imgtool.convert.reflink import MappedExtent
from imgtool.convert.sinks.host_space import HostSpace, write_table
from imgtool.convert.sinks.writing import unwritable, write_all
from imgtool.errors import ConversionError
from imgtool.formats.qcow2.header import COMPRESSION_TYPE, MAGIC
from imgtool.formats.qcow2.safety import MAX_L1_BYTES
from imgtool.formats.qcow2.tables import COPIED

_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")
_REFCOUNT_ORDER = 4


def check_size(size_bytes: int, cluster_size_bytes: int) -> None:
    """Raise ConversionError where QEMU could not read the L1 table that a disk of this size needs."""
    if _l1_entries(size_bytes, cluster_size_bytes) * 8 > MAX_L1_BYTES:
        raise ConversionError(
            f"a disk of {size_bytes} bytes is too large for qcow2 clusters of {cluster_size_bytes} bytes",
            hint="choose larger clusters: --cluster-size 64k",
        )


def _l1_entries(size_bytes: int, cluster_size_bytes: int) -> int:
    return -(-size_bytes // (cluster_size_bytes * (cluster_size_bytes // 8)))


class Qcow2File:
    """The tables of a new qcow2 file, and its places."""

    def __init__(self, descriptor: int, cluster_size_bytes: int) -> None:
        self.space = HostSpace(descriptor, cluster_size_bytes)
        self._descriptor = descriptor
        self._cluster_size = cluster_size_bytes
        self._per_table = cluster_size_bytes // 8
        self._l1 = array("Q")
        self._open_table = 0
        self._entries: list[tuple[int, Sequence[int]]] = []
        """Of the L2 table that is being filled: runs of entries, each with the index of its first."""

    def map(self, first_cluster: int, entries: Sequence[int]) -> None:
        """Enter the L2 entries of the guest clusters from `first_cluster`; each after all before it."""
        while entries:
            table, index = divmod(first_cluster, self._per_table)
            if table != self._open_table:
                self._write_l2()
                self._open_table = table
            part = entries[: self._per_table - index]
            self._entries.append((index, part))
            entries, first_cluster = entries[len(part) :], first_cluster + len(part)

    def _write_l2(self) -> None:
        """Write the part of the table between its first and its last entry; the rest stays a hole."""
        if not self._entries:
            return
        first = self._entries[0][0]
        end = self._entries[-1][0] + len(self._entries[-1][1])
        table = array("Q", bytes(8 * (end - first)))
        for index, part in self._entries:
            table[index - first : index - first + len(part)] = array("Q", part)
        offset = self.space.clusters(1)
        write_table(self._descriptor, offset + first * 8, table)
        self._l1.extend(array("Q", bytes(8 * (self._open_table - len(self._l1)))))
        self._l1.append(offset | COPIED)
        self._entries = []

    def finish(self, size_bytes: int, compression: str) -> None:
        """Write all tables that are left, then the header."""
        check_size(size_bytes, self._cluster_size)
        self._write_l2()
        l1_entries = _l1_entries(size_bytes, self._cluster_size)
        l1_offset = self.space.clusters(-(-l1_entries * 8 // self._cluster_size))
        write_table(self._descriptor, l1_offset, self._l1)
        refcounts, refcount_clusters = self.space.finish()
        zstd = compression == "zstd"
        header = _HEADER.pack(
            MAGIC,
            3,
            0,  # no backing file
            0,
            self._cluster_size.bit_length() - 1,
            size_bytes,
            0,  # not encrypted
            l1_entries,
            l1_offset,
            refcounts,
            refcount_clusters,
            0,  # no snapshots
            0,
            COMPRESSION_TYPE if zstd else 0,
            0,
            0,
            _REFCOUNT_ORDER,
            _HEADER.size + (8 if zstd else 0),
        )
        header += struct.pack(">B7x", 1) if zstd else b""
        header += bytes(8)  # the end of the header extensions
        try:
            os.ftruncate(self._descriptor, self.space.end_bytes)
            os.pwrite(self._descriptor, header, 0)
        except OSError as error:
            raise unwritable(error) from error


class Clusters(NamedTuple):
    """What to write of a piece, uncompressed."""

    runs: list[tuple[int, int]]
    """Guest clusters that follow each other: the first one's number, and how many."""
    total: int
    parts: list[tuple[int, memoryview]]
    """Data, and its place counted from the first of the clusters in the file."""


class Qcow2Sink:
    """A new qcow2 file, not compressed. Only what is not zero is written: the rest of a cluster is a hole."""

    def __init__(self, descriptor: int, cluster_size_bytes: int) -> None:
        self._descriptor = descriptor
        self._cluster_size = cluster_size_bytes
        self._file = Qcow2File(descriptor, cluster_size_bytes)
        self._adopted_end = 0
        """The guest cluster after the last one that was adopted, and where that last one is in the file."""
        self._adopted_offset = 0

    def prepare(self, content: Content) -> Clusters:
        """The clusters that are needed; in the file they will follow each other."""
        size, view = self._cluster_size, memoryview(content.buffer)
        base = content.start_bytes // size
        runs: list[tuple[int, int]] = []
        parts: list[tuple[int, memoryview]] = []
        end = count = skipped = 0
        for start, stop in content.runs:
            first, last = start // size, -(-stop // size)
            if first > end or not runs:
                runs.append((base + first, 0))
                skipped, end = first - count, first
            count += last - end
            runs[-1] = (runs[-1][0], runs[-1][1] + last - end)
            end = last
            parts.append((start - skipped * size, view[start:stop]))
        return Clusters(runs, count, parts)

    def place(self, prepared: Clusters) -> list[Write]:
        """The next clusters of the file."""
        if not prepared.total:
            return []
        offset = self._file.space.clusters(prepared.total)
        place = offset | COPIED
        for first, count in prepared.runs:
            entries = range(place, place + count * self._cluster_size, self._cluster_size)
            self._file.map(first, entries)
            place += count * self._cluster_size
        return [Write(offset + position, (part,)) for position, part in prepared.parts]

    def adopt(self, start_bytes: int, end_bytes: int) -> list[MappedExtent]:
        """Clusters for this part of the disk; its first bytes may belong to the last part's last cluster."""
        size, mapped_extents = self._cluster_size, []
        first, end = start_bytes // size, -(-end_bytes // size)
        if first < self._adopted_end:
            stop = min(end_bytes, self._adopted_end * size)
            mapped_extents.append(MappedExtent(start_bytes, stop, self._adopted_offset + start_bytes % size))
            start_bytes, first = stop, self._adopted_end
        if start_bytes < end_bytes:
            offset = self._file.space.clusters(end - first)
            place = offset | COPIED
            self._file.map(first, range(place, place + (end - first) * size, size))
            mapped_extents.append(MappedExtent(start_bytes, end_bytes, offset + start_bytes - first * size))
            self._adopted_end, self._adopted_offset = end, offset + (end - first - 1) * size
        return mapped_extents

    def write(self, writes: Sequence[Write]) -> None:
        """Write it."""
        write_all(self._descriptor, writes)

    def finish(self, size_bytes: int) -> None:
        """Tables, refcounts, header."""
        self._file.finish(size_bytes, "none")
