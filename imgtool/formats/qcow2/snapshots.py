"""The internal snapshots of a qcow2 file: where their tables stand, and that these can be.

Nothing of them is ever read by imgtool, but `qemu-img check` walks the tables of each: 65536 snapshots that
share one table would keep it busy for as long as anybody lets it.

Source: QEMU, docs/interop/qcow2, "Snapshots", and the limits of block/qcow2.h.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError
from imgtool.formats.cluster_map import ClusterMap
from imgtool.formats.qcow2.header import Qcow2Header
from imgtool.formats.qcow2.safety import MAX_L1_BYTES
from imgtool.formats.qcow2.tables import OFFSET_MASK, decode_table, read_whole
from imgtool.formats.source import ReadAt

MAX_TABLE_BYTES = 64 << 20
"""QEMU: QCOW_MAX_SNAPSHOTS_SIZE."""
MAX_EXTRA_BYTES = 1024
"""QEMU: QCOW_MAX_SNAPSHOT_EXTRA_DATA."""
_FIXED = struct.Struct(">QIHHIIQII")


class _Table(NamedTuple):
    """The L1 table of a snapshot."""

    offset: int
    entries: int


def count_l2_tables(read_at: ReadAt, header: Qcow2Header, taken: ClusterMap) -> int:
    """How many L2 tables the snapshots name, one that several name counted for each.

    `taken` are the clusters of all other tables; those of the snapshots' L1 tables come to them.
    Raises ImageUnreadableError where one stands in another's place, outside the file, or all are too large.
    """
    found = l1_bytes = 0
    for table in _tables(read_at, header):
        l1_bytes += table.entries * 8
        if l1_bytes > MAX_L1_BYTES:
            raise ImageUnreadableError("the L1 tables of its snapshots take more than 32 MiB together")
        if table.entries:
            found += _count(read_at, header, table, taken)
    return found


def _tables(read_at: ReadAt, header: Qcow2Header) -> Iterator[_Table]:
    position = header.snapshots_offset
    end = position + MAX_TABLE_BYTES
    for _ in range(header.snapshots):
        fields = _FIXED.unpack(read_whole(read_at, position, _FIXED.size))
        offset, entries, id_bytes, name_bytes, extra_bytes = (*fields[:4], fields[-1])
        position += (_FIXED.size + extra_bytes + id_bytes + name_bytes + 7) // 8 * 8
        if extra_bytes > MAX_EXTRA_BYTES or position > end:
            raise ImageUnreadableError("its snapshot table is larger than QEMU allows")
        yield _Table(offset, entries)


def _count(read_at: ReadAt, header: Qcow2Header, table: _Table, taken: ClusterMap) -> int:
    size, bits = header.cluster_size_bytes, header.cluster_bits
    if table.offset % size or table.offset < size:
        raise ImageUnreadableError(f"a snapshot's L1 table claims to be at offset {table.offset}")
    if not taken.take(table.offset >> bits, -(-table.entries * 8 >> bits)):
        raise ImageUnreadableError("a snapshot's L1 table stands where another table does")
    offsets = decode_table(read_whole(read_at, table.offset, table.entries * 8))
    for offset in filter(None, offsets):
        if offset & OFFSET_MASK & (size - 1) or (offset & OFFSET_MASK) >> bits >= taken.count:
            raise ImageUnreadableError("a snapshot's L1 table points beyond the file, or into a cluster")
    return len(offsets) - offsets.count(0)
