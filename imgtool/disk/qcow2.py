"""Our own qcow2 reader: the disk inside, as one seekable stream. It writes nothing and follows no name.

Refcounts are not needed for reading. What the tables say is decoded and checked by the pure functions of
formats.qcow2_header and formats.qcow2_tables.
"""

from array import array

from imgtool.disk.inflate import inflate_cluster
from imgtool.disk.stream import DiskStream, Recent, fill_zeros
from imgtool.errors import ImageUnreadableError
from imgtool.formats.qcow2 import header as qcow2_header
from imgtool.formats.qcow2 import safety as qcow2_safety
from imgtool.formats.qcow2 import tables as qcow2_tables
from imgtool.formats.qcow2.tables import Cluster, ClusterKind
from imgtool.formats.source import Source

L2_CACHE_BYTES = 8 << 20
"""L2 tables kept: enough for 64 GiB of disk in 64 KiB clusters."""
CLUSTER_CACHE_BYTES = 4 << 20
"""Inflated clusters kept, for the many small reads of a file system's metadata."""

_EMPTY = frozenset({ClusterKind.UNALLOCATED, ClusterKind.ZERO})


class Qcow2Stream(DiskStream):
    """The disk inside a qcow2 file that has passed the gate."""

    def __init__(self, source: Source) -> None:
        self._header = qcow2_header.read(source.read_at)
        super().__init__(source, self._header.virtual_size_bytes)
        qcow2_safety.judge(self._header, source.size_bytes)
        self._l1 = qcow2_tables.read_l1(source.read_at, self._header, source.size_bytes)
        self._cluster_size = self._header.cluster_size_bytes
        self._l2_tables: Recent[array[int]] = Recent(L2_CACHE_BYTES // self._cluster_size)
        self._inflated: Recent[bytes] = Recent(CLUSTER_CACHE_BYTES // self._cluster_size)

    def _read_run(self, position: int, view: memoryview) -> int:
        """Fill the beginning of `view` with what one run of equal clusters holds; how much that was."""
        cluster, table, index = self._locate(position)
        inside = position % self._cluster_size
        if cluster.kind is ClusterKind.COMPRESSED:
            content = self._inflated.get(cluster.offset, lambda: self._inflate(cluster))
            length = min(len(view), self._cluster_size - inside)
            view[:length] = memoryview(content)[inside : inside + length]
            return length
        length = min(len(view), self._run_length(cluster, table, index, inside + len(view)) - inside)
        if cluster.kind in _EMPTY:
            fill_zeros(view[:length])
        else:
            self._read_host(cluster.offset + inside, view[:length])
        return length

    def _locate(self, position: int) -> "tuple[Cluster, array[int] | None, int]":
        """The cluster at `position`, its L2 table and its index there; no table where L1 names none."""
        l1_index, index = divmod(position // self._cluster_size, self._header.l2_entries)
        offset = self._l1[l1_index] & qcow2_tables.OFFSET_MASK
        if not offset:
            return qcow2_tables.UNALLOCATED_CLUSTER, None, index
        table = self._l2_tables.get(offset, lambda: self._load_l2(offset))
        return self._decode(table[index]), table, index

    def _run_length(self, first: Cluster, table: "array[int] | None", index: int, wanted: int) -> int:
        """Bytes from the start of `first` that continue it without a break, within one L2 table."""
        size = self._cluster_size
        last = min(self._header.l2_entries, index + -(-wanted // size))
        if table is None:
            return (last - index) * size
        following = index + 1
        while following < last:
            cluster = self._decode(table[following])
            if first.kind in _EMPTY:
                continues = cluster.kind in _EMPTY
            else:
                continues = cluster == (first.kind, first.offset + (following - index) * size, size)
            if not continues:
                break
            following += 1
        return (following - index) * size

    def _decode(self, entry: int) -> Cluster:
        return qcow2_tables.decode_l2_entry(entry, self._header.cluster_bits, self._header.version)

    def _load_l2(self, offset: int) -> "array[int]":
        content = qcow2_tables.read_whole(self._source.read_at, offset, self._cluster_size)
        return qcow2_tables.decode_table(content)

    def _inflate(self, cluster: Cluster) -> bytes:
        # The last sector may be shorter where the file ends; offset and length are bounded by one L2 entry.
        data = self._source.read_at(cluster.offset, cluster.length)
        return bytes(inflate_cluster(self._header.compression_type, data, self._cluster_size))

    def _read_host(self, offset: int, view: memoryview) -> None:
        """Standard clusters. The file may end within its last cluster: QEMU does not write what is unused."""
        last_byte = offset + len(view) - 1
        if last_byte - last_byte % self._cluster_size >= self._source.size_bytes:
            raise ImageUnreadableError(
                "its data lies beyond the file's end: the file is cut off", hint="fetch or copy it again"
            )
        fill_zeros(view[self._source.read_into(offset, view) :])
