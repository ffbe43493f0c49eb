"""The tables of a qcow2 file: decoding, and whether their entries can be.

Source: QEMU, docs/interop/qcow2, "Cluster mapping" and "Host cluster management". Pure functions.
"""

import sys
from array import array
from enum import Enum, auto
from functools import reduce
from operator import or_
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError
from imgtool.formats.inspector import ReadAt
from imgtool.formats.qcow2_header import Qcow2Header

OFFSET_MASK = 0x00FFFFFFFFFFFE00
"""Bits 9 to 55 of an L1 entry and of a standard L2 entry: a host offset."""
COPIED = 1 << 63
COMPRESSED = 1 << 62
ZERO = 1
_REFCOUNT_TABLE_OFFSET_MASK = 0xFFFFFFFFFFFFFE00


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
    """The L1 table: each L2 table lies inside the file, on none of the other tables, and is used once."""
    entries = decode_table(_read_whole(read_at, header.l1_offset, header.l1_entries * 8))
    _check_pointers("L1 table", entries, OFFSET_MASK | COPIED, header, file_size_bytes)
    return entries


def check_refcount_table(read_at: ReadAt, header: Qcow2Header, file_size_bytes: int) -> None:
    """The same for refcount blocks."""
    length = header.refcount_table_clusters * header.cluster_size_bytes
    entries = decode_table(_read_whole(read_at, header.refcount_table_offset, length))
    _check_pointers("refcount table", entries, _REFCOUNT_TABLE_OFFSET_MASK, header, file_size_bytes)


def _read_whole(read_at: ReadAt, offset: int, length: int) -> bytes:
    content = read_at(offset, length)
    if len(content) != length:
        raise ImageUnreadableError("its tables are cut off", hint="fetch or copy it again")
    return content


def _check_pointers(
    what: str, entries: "array[int]", allowed_bits: int, header: Qcow2Header, file_size_bytes: int
) -> None:
    """Written with whole-table operations only: a hostile table has 4 million entries."""
    cluster_size = header.cluster_size_bytes
    allowed_bits &= -cluster_size
    if reduce(or_, entries, 0) & ~allowed_bits:
        raise ImageUnreadableError(
            f"its {what} holds an entry with reserved bits, or not at a cluster's start"
        )
    pointers = [entry & ~COPIED for entry in entries if entry]
    if not pointers:
        return
    if max(pointers) + cluster_size > file_size_bytes:
        raise ImageUnreadableError(
            f"its {what} points beyond the file's end: the file is cut off or damaged",
            hint="fetch or copy it again",
        )
    distinct = set(pointers)
    if len(distinct) != len(pointers):
        raise ImageUnreadableError(f"its {what} holds the same entry twice")
    if any(not distinct.isdisjoint(place) for place in _occupied(header)):
        raise ImageUnreadableError(f"its {what} points at the header or at a table of another kind")


def _occupied(header: Qcow2Header) -> list[range]:
    """The clusters of the header, of the L1 table and of the refcount table."""
    size = header.cluster_size_bytes
    l1_end = header.l1_offset + header.l1_entries * 8
    refcount_end = header.refcount_table_offset + header.refcount_table_clusters * size
    return [
        range(0, size, size),
        range(header.l1_offset, l1_end, size),
        range(header.refcount_table_offset, refcount_end, size),
    ]
