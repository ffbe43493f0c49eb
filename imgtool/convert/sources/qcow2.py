"""A qcow2 file as a source: the tables are read in order, clusters are read and inflated by any thread.

What the tables say is decoded and checked by the pure functions of formats; an entry that cannot be is an
ImageUnreadableError when its piece's turn comes, before anything of it is written.
"""

from array import array
from collections.abc import Iterator, Sequence
from functools import partial

from imgtool.convert.base import Content, Piece
from imgtool.convert.extents import GRAIN_BYTES, Extent, align, data_runs
from imgtool.convert.reflink import MAX_STRETCHES, MappedExtent
from imgtool.disk.inflate import inflate_cluster
from imgtool.disk.stream import fill_zeros
from imgtool.formats.bounds import round_to_sector
from imgtool.formats.qcow2 import header as qcow2_header
from imgtool.formats.qcow2 import safety as qcow2_safety
from imgtool.formats.qcow2 import tables as qcow2_tables
from imgtool.formats.qcow2.tables import Cluster, ClusterKind
from imgtool.formats.qcow2.usage import check_l2_tables
from imgtool.formats.source import Source as OpenFile
from imgtool.util.ranges import NOTHING, Ranges

_NEAR_BYTES = 64 << 10
"""Compressed clusters with no more than this between them are read at once."""
_MAX_READ_BYTES = 4 << 20


class Qcow2Source:
    """The disk inside a qcow2 file that has passed the gate."""

    def __init__(self, file: OpenFile, *, free: Ranges = NOTHING) -> None:
        """Read the tables; clusters that are all in `free` need not be read."""
        self._file = file
        self._free = free
        self._header = qcow2_header.read(file.read_at)
        qcow2_safety.judge(self._header, file.size_bytes)
        self._l1, clusters = qcow2_tables.read_tables(file.read_at, self._header, file.size_bytes)
        check_l2_tables(file.read_at, self._header, self._l1, clusters)
        self._cluster_size = self._header.cluster_size_bytes
        self.size_bytes = round_to_sector(self._header.virtual_size_bytes)
        self._clusters = -(-self.size_bytes // self._cluster_size)
        self._next_cluster = 0
        self._table_index = -1
        self._table = array("Q")

    def take(self, buffer: bytearray) -> Piece | None:
        """The next piece with any cluster that is not zero; its L2 entries are read here, its data not."""
        count = len(buffer) // self._cluster_size
        while self._next_cluster < self._clusters:
            first = self._next_cluster - self._next_cluster % count
            entries = self._entries(first, min(count, self._clusters - first))
            self._drop_free(first, entries)
            self._next_cluster = first + count
            if any(entries):
                return Piece(partial(self._load, buffer, first, entries))
            self._skip_missing_tables()
        return None

    def mapped_extents(self) -> Iterator[MappedExtent] | None:
        """Runs of clusters, where they stand; None where any is compressed, or the disk has none."""
        found: list[MappedExtent] = []
        for table in range(len(self._l1)):
            if self._l1[table]:
                base = table * self._header.l2_entries
                count = min(self._header.l2_entries, self._clusters - base)
                for place, cluster in self._decoded(self._entries(base, max(0, count))):
                    if cluster.kind is ClusterKind.COMPRESSED or len(found) > MAX_STRETCHES:
                        return None
                    start = base * self._cluster_size + place
                    self._append(found, start, cluster.offset)
        return iter(found)

    def _append(self, found: list[MappedExtent], start: int, offset: int) -> None:
        """One cluster more; the last ends where the disk or the file does."""
        length = min(self._cluster_size, self.size_bytes - start, self._file.size_bytes - offset)
        last = found[-1] if found else None
        if (
            last is not None
            and last.end_bytes == start
            and offset - last.offset_bytes == start - last.start_bytes
        ):
            found[-1] = MappedExtent(last.start_bytes, start + length, last.offset_bytes)
        else:
            found.append(MappedExtent(start, start + length, offset))

    def _skip_missing_tables(self) -> None:
        """Go on at the next L2 table that there is."""
        index, inside = divmod(self._next_cluster, self._header.l2_entries)
        if inside or index >= len(self._l1) or self._l1[index]:
            return
        following = (later for later in range(index, len(self._l1)) if self._l1[later])
        self._next_cluster = next(following, len(self._l1)) * self._header.l2_entries

    def _entries(self, first: int, count: int) -> "array[int]":
        """The L2 entries of `count` clusters from `first`."""
        entries = array("Q")
        while count:
            table, index = divmod(first, self._header.l2_entries)
            part = self._l2_table(table)[index : index + count]
            entries += part
            first, count = first + len(part), count - len(part)
        return entries

    def _drop_free(self, first: int, entries: "array[int]") -> None:
        """Clear the entries of clusters that are free as a whole."""
        bits = self._header.cluster_bits
        begin = first << bits
        for start, end in self._free.within(begin, begin + (len(entries) << bits)):
            from_entry, to_entry = -(-start >> bits) - first, (end >> bits) - first
            if from_entry < to_entry:
                entries[from_entry:to_entry] = array("Q", bytes(8 * (to_entry - from_entry)))

    def _l2_table(self, index: int) -> "array[int]":
        if index != self._table_index:
            offset = self._l1[index]
            size = self._cluster_size
            content = qcow2_tables.read_whole(self._file.read_at, offset, size) if offset else bytes(size)
            self._table_index, self._table = index, qcow2_tables.decode_table(content)
        return self._table

    def _load(self, buffer: bytearray, first_cluster: int, entries: Sequence[int]) -> Content:
        start = first_cluster * self._cluster_size
        length = min(len(buffer), self.size_bytes - start)
        with memoryview(buffer) as view:
            if self._cluster_size < GRAIN_BYTES:
                fill_zeros(view)  # a block may be partly of clusters that are zero
            found: list[Extent] = []
            read = 0
            for run in self._runs(self._decoded(entries)):
                read += self._read(view, run)
                found += (Extent(place, place + self._cluster_size) for place, _ in run)
            fill_zeros(view[length : length + -length % GRAIN_BYTES])
        runs: list[Extent] = []
        for begin, end in align(found, GRAIN_BYTES):
            runs += data_runs(buffer, begin, min(end, length))
        return Content(start, length, buffer, runs, read)

    def _decoded(self, entries: Sequence[int]) -> Iterator[tuple[int, Cluster]]:
        """The clusters that are kept in the file, each with its place in the piece."""
        bits, version = self._header.cluster_bits, self._header.version
        for index, entry in enumerate(entries):
            if entry:
                cluster = qcow2_tables.decode_l2_entry(entry, bits, version)
                if cluster.length:
                    yield index << bits, cluster

    def _runs(self, clusters: Iterator[tuple[int, Cluster]]) -> Iterator[list[tuple[int, Cluster]]]:
        """Clusters that are best read together."""
        run: list[tuple[int, Cluster]] = []
        for place, cluster in clusters:
            if run and not self._continues(run, place, cluster):
                yield run
                run = []
            run.append((place, cluster))
        if run:
            yield run

    def _continues(self, run: list[tuple[int, Cluster]], place: int, cluster: Cluster) -> bool:
        """Whether `cluster` is best read together with the run before it."""
        before_place, before = run[-1]
        if cluster.kind is not before.kind:
            return False
        if cluster.kind is ClusterKind.STANDARD:
            size = self._cluster_size
            return cluster.offset == before.offset + size and place == before_place + size
        end = cluster.offset + cluster.length
        near = 0 <= cluster.offset - before.offset <= before.length + _NEAR_BYTES
        return near and end - run[0][1].offset <= _MAX_READ_BYTES

    def _read(self, view: memoryview, run: list[tuple[int, Cluster]]) -> int:
        """Put the run's clusters into their places; how many bytes of the file that took."""
        (place, first), (last_place, last) = run[0], run[-1]
        if first.kind is ClusterKind.STANDARD:
            part = view[place : last_place + self._cluster_size]
            # The file may end within its last cluster: QEMU does not write what is unused.
            count = self._file.read_into(first.offset, part)
            fill_zeros(part[count:])
            return count
        content = self._file.read_at(first.offset, last.offset + last.length - first.offset)
        for place, cluster in run:
            begin = cluster.offset - first.offset
            data = content[begin : begin + cluster.length]
            end = place + self._cluster_size
            view[place:end] = inflate_cluster(self._header.compression_type, data, self._cluster_size)
        return len(content)
