"""The tables of a qcow2 file: decoding, and whether their entries can be.

Source: QEMU, docs/interop/qcow2, "Cluster mapping" and "Host cluster management". Pure functions.
"""

import sys
from array import array
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError
from imgtool.formats.cluster_map import ClusterMap
from imgtool.formats.qcow2.header import Qcow2Header
from imgtool.formats.source import ReadAt

OFFSET_MASK = 0x00FFFFFFFFFFFE00
"""Bits 9 to 55 of an L1 entry and of a standard L2 entry: a host offset."""
COPIED = 1 << 63
COMPRESSED = 1 << 62
ZERO = 1
_CHUNK_BYTES = 512 << 10
"""Of a table at a time: its entries take four times as much, and the largest table has 32 MiB."""


class ClusterKind(Enum):
    """Where the bytes of a guest cluster are."""

    UNALLOCATED = auto()
    """Nowhere. Without a backing file it reads as zeros."""
    ZERO = auto()
    STANDARD = auto()
    COMPRESSED = auto()


class Cluster(NamedTuple):
    """One decoded L2 entry; `offset` and `length` are the place in the file of what is kept there."""

    kind: ClusterKind
    offset: int
    length: int


UNALLOCATED_CLUSTER = Cluster(ClusterKind.UNALLOCATED, 0, 0)
ZERO_CLUSTER = Cluster(ClusterKind.ZERO, 0, 0)


def decode_table(content: bytes) -> "array[int]":
    """The big-endian 64-bit entries of a table."""
    entries = array("Q", content)
    if sys.byteorder == "little":
        entries.byteswap()
    return entries


def decode_l2_entry(entry: int, cluster_bits: int, version: int) -> Cluster:
    """What an L2 entry says. Raises ImageUnreadableError for reserved bits and impossible offsets."""
    if entry == 0:
        return UNALLOCATED_CLUSTER
    if entry & COMPRESSED:
        return _compressed(entry, cluster_bits)
    offset = entry & OFFSET_MASK
    flags = entry & ~OFFSET_MASK & ~COPIED
    if flags & ~ZERO or (flags and version < 3) or offset & ((1 << cluster_bits) - 1):
        raise ImageUnreadableError(f"its L2 table holds an impossible entry ({entry:#018x})")
    if flags & ZERO:
        return ZERO_CLUSTER
    if offset == 0:
        # COPIED alone: offset 0 is the header, so nothing is kept.
        return UNALLOCATED_CLUSTER
    return Cluster(ClusterKind.STANDARD, offset, 1 << cluster_bits)


def _compressed(entry: int, cluster_bits: int) -> Cluster:
    """Section "Compressed Clusters Descriptor": a byte offset, and how many *more* sectors are touched."""
    offset_bits = 62 - (cluster_bits - 8)
    offset = entry & ((1 << offset_bits) - 1)
    more_sectors = (entry & (COMPRESSED - 1)) >> offset_bits
    if entry & COPIED or offset < 1 << cluster_bits:
        raise ImageUnreadableError(f"its L2 table holds an impossible compressed entry ({entry:#018x})")
    return Cluster(ClusterKind.COMPRESSED, offset, (more_sectors + 1) * 512 - offset % 512)


def read_l1(read_at: ReadAt, header: Qcow2Header, file_size_bytes: int) -> "array[int]":
    """Where the L2 tables are: see read_tables."""
    return read_tables(read_at, header, file_size_bytes)[0]


def read_tables(
    read_at: ReadAt, header: Qcow2Header, file_size_bytes: int
) -> "tuple[array[int], ClusterMap]":
    """The offset of each L2 table, 0 where there is none; and a map in which the tables' clusters are taken.

    Raises ImageUnreadableError unless each table has its clusters to itself, in the file. The header has the
    first, which no entry can name. Of internal snapshots only the place of their table is known here.
    """
    clusters = ClusterMap(file_size_bytes, header.cluster_bits)
    refcount_table_bytes = header.refcount_table_clusters * header.cluster_size_bytes
    l1_table = _Pointers("L1 table", header.l1_offset, header.l1_entries * 8, OFFSET_MASK | COPIED)
    refcount_table = _Pointers(
        "refcount table", header.refcount_table_offset, refcount_table_bytes, OFFSET_MASK
    )
    snapshots = _Pointers("snapshot table", header.snapshots_offset, min(header.snapshots, 1), 0)
    for table in (l1_table, refcount_table, snapshots):
        if not clusters.take(table.offset >> header.cluster_bits, table.clusters(header.cluster_bits)):
            raise ImageUnreadableError(f"its {table.name} stands where another table does")
    _read_pointers(read_at, refcount_table, clusters, header.cluster_bits)
    return _read_pointers(read_at, l1_table, clusters, header.cluster_bits), clusters


class _Pointers(NamedTuple):
    """A table whose entries are the places of other tables."""

    name: str
    offset: int
    length: int
    bits: int
    """Which bits of an entry may be set, for any size of the clusters."""

    def clusters(self, cluster_bits: int) -> int:
        return -(-self.length >> cluster_bits)


def _read_pointers(
    read_at: ReadAt, table: _Pointers, clusters: ClusterMap, cluster_bits: int
) -> "array[int]":
    """The offsets in `table`; what they point at is taken. A hostile table has 4 million of them.

    The entries of a chunk are masked and shifted as one number: much faster than one entry after the other.
    """
    found, reserved = array("Q"), ~(table.bits & -1 << cluster_bits)
    for start in range(0, table.length, _CHUNK_BYTES):
        length = min(_CHUNK_BYTES, table.length - start)
        entries = int.from_bytes(read_whole(read_at, table.offset + start, length))
        if entries & _repeated(reserved, length):
            raise ImageUnreadableError(
                f"its {table.name} holds an entry with reserved bits, or not at a cluster's start"
            )
        entries &= _repeated(OFFSET_MASK, length)
        # No bit below the cluster's start is set, so that none is shifted into the entry behind.
        numbers = decode_table((entries >> cluster_bits).to_bytes(length))
        if not clusters.take_each(_without_zeros(numbers)):
            raise ImageUnreadableError(
                f"its {table.name} points at the header or at a table, or holds the same entry twice"
            )
        found += decode_table(entries.to_bytes(length))
    return found


@lru_cache(4)
def _repeated(bits: int, length: int) -> int:
    """These bits in every entry of a table of `length` bytes."""
    return int.from_bytes((bits & (1 << 64) - 1).to_bytes(8) * (length // 8))


def _without_zeros(numbers: "array[int]") -> "array[int]":
    return array("Q", filter(None, numbers)) if numbers.count(0) else numbers


def read_whole(read_at: ReadAt, offset: int, length: int) -> bytes:
    """Exactly `length` bytes of tables. Raises ImageUnreadableError where the file ends before."""
    content = read_at(offset, length)
    if len(content) != length:
        raise ImageUnreadableError("its tables are cut off", hint="fetch or copy it again")
    return content
