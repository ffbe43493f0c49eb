"""Whether all that the L2 tables of a qcow2 file point at can be theirs.

COPIED in an entry says that its cluster has no other user. The other entries may share: compressed clusters
one host cluster, and any cluster where there are internal snapshots; but not what has one user by another's
word, and nobody shares with a table. `qemu-img check` finds the same and calls it corrupt; what it finds
besides needs the refcounts, and is no obstacle to reading.

Source: QEMU, docs/interop/qcow2, "Cluster mapping".
"""

from array import array
from collections.abc import Callable, Iterable, Iterator

from imgtool.errors import ImageUnreadableError
from imgtool.formats.cluster_map import ClusterMap, runs
from imgtool.formats.qcow2.header import Qcow2Header
from imgtool.formats.qcow2.tables import (
    COMPRESSED,
    COPIED,
    OFFSET_MASK,
    ZERO,
    decode_l2_entry,
    decode_table,
    read_whole,
)
from imgtool.formats.source import ReadAt

_Clusters = tuple[int, int]
"""Clusters of the file that follow each other: the first one's number, and how many."""


def check_l2_tables(read_at: ReadAt, header: Qcow2Header, offsets: Iterable[int], taken: ClusterMap) -> None:
    """Raise ImageUnreadableError unless every entry can be.

    `offsets` are the tables', 0 for none; `taken` are the clusters of all tables, to which their data's come.

    It takes 0.1 us for a cluster that follows the one before in the file, and about 1 us for any other.
    """

    def entries(offset: int) -> list[int]:
        content = read_whole(read_at, offset, header.cluster_size_bytes)
        return [] if content == empty else [entry for entry in decode_table(content) if entry > nothing]

    nothing = ZERO if header.version >= 3 else 0
    empty = bytes(header.cluster_size_bytes)
    with_others = array("Q")
    for offset in filter(None, offsets):
        found = entries(offset)
        owned = [entry for entry in found if entry & _OWNED > COPIED]
        _demand(taken.take, _standard(owned, header))
        if len(owned) < len(found):
            with_others.append(offset)
    for offset in with_others:  # only now it is known what has one user
        others = [entry for entry in entries(offset) if entry & _OWNED <= COPIED]
        _demand(taken.is_free, _standard((entry for entry in others if not entry & COMPRESSED), header))
        compressed = (entry for entry in others if entry & COMPRESSED)
        _demand(taken.is_free, _compressed(compressed, header, taken.count))


_OWNED = COPIED | OFFSET_MASK
"""A cluster has one user where its entry has COPIED and a place: COPIED alone is unallocated."""


def _demand(of: Callable[[int, int], bool], clusters: Iterable[_Clusters]) -> None:
    for first, count in clusters:
        if not of(first, count):
            raise ImageUnreadableError(
                "its L2 table points at the header or at a table, or at one cluster twice"
            )


def _standard(entries: Iterable[int], header: Qcow2Header) -> Iterator[_Clusters]:
    """The clusters of standard entries. Flags are the same in a run: the first stands for all."""
    size, bits = header.cluster_size_bytes, header.cluster_bits
    usual = COPIED | OFFSET_MASK & -size
    for start, end in runs(entries, size):
        if start & ~usual:
            decode_l2_entry(start, bits, header.version)
        if place := start & OFFSET_MASK:
            yield place >> bits, (end - start) // size


def _compressed(entries: Iterable[int], header: Qcow2Header, clusters: int) -> Iterator[_Clusters]:
    """The clusters that compressed ones touch, of those that the file has: its last sector may be short."""
    bits = header.cluster_bits
    start = end = 0
    for entry in entries:
        _, offset, length = decode_l2_entry(entry, bits, header.version)
        if not start <= offset <= end:
            if end:
                yield _touched(start, end, bits, clusters)
            start = end = offset
        end = max(end, offset + length)
    if end:
        yield _touched(start, end, bits, clusters)


def _touched(start: int, end: int, cluster_bits: int, clusters: int) -> _Clusters:
    first, last = start >> cluster_bits, end - 1 >> cluster_bits
    return (first, max(first, min(last, clusters - 1)) + 1 - first)
