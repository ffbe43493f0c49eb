"""Free clusters of a FAT: those whose entry is 0, where both tables agree and every file is whole.

The second reading follows the chain of every file and directory: none may lead to a free cluster, nor be
shorter than its file. Source: Microsoft's FAT file system specification, 2005, sections 3.1 and 4.
"""

from array import array
from collections.abc import Iterator
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.fat import (
    DIRECTORY,
    FIRST_CLUSTER,
    MAX_DIRECTORY_BYTES,
    MAX_TABLE_BYTES,
    FatVolume,
    Geometry,
    entries_of,
    geometry_of,
)
from imgtool.guest.filesystems.superblock import HEAD_BYTES, number
from imgtool.util.ranges import Ranges

TABLES_AT, FLAGS_AT = 16, 40
NOT_MIRRORED = 0x80
"""Of FAT32's flags: only one of its tables is in use."""
AT_REST = {16: 0xC000, 32: 0x0C000000}
"""Bits of the second entry that say: unmounted, and without errors. FAT12 has none."""
ENTRY_MASK = 0x0FFFFFFF
MAX_ENTRIES = 1 << 22
"""Files and directories in all."""


def free_of_fat(stream: BinaryIO, size_bytes: int) -> Ranges:
    """What of the volume `stream` is free. Raises GuestReadError with the reason where all is to be kept."""
    stream.seek(0)
    head = stream.read(min(HEAD_BYTES, size_bytes))
    geometry = geometry_of(head)
    if geometry is None:
        raise GuestReadError("its boot sector is damaged")
    volume = FatVolume(stream, geometry)
    table = _entries(_table(volume, head), geometry)
    if geometry.bits in AT_REST and ~table[1] & AT_REST[geometry.bits]:
        raise GuestReadError("its table is marked as not unmounted, or with errors")
    in_use = bytes(map(bool, table[: geometry.clusters + FIRST_CLUSTER]))
    for first, length in _files(volume, table):
        _check(table, first, -(-length // geometry.cluster_size), (1 << min(geometry.bits, 28)) - 8)
    return Ranges(_runs(in_use, geometry))


def _table(volume: FatVolume, head: bytes) -> bytes:
    """The first table, which all others have to be copies of."""
    geometry = volume.geometry
    needed = -(-(geometry.clusters + FIRST_CLUSTER) * geometry.bits // 8)
    if needed > min(geometry.table_size, MAX_TABLE_BYTES):
        raise GuestReadError("its table is too small, or too large")
    if geometry.is_fat32 and number(head, FLAGS_AT, "<H") & NOT_MIRRORED:
        raise GuestReadError("only one of its tables is in use")
    first = volume.read(geometry.table_start, needed)
    for copy in range(1, head[TABLES_AT]):
        if volume.read(geometry.table_start + copy * geometry.table_size, needed) != first:
            raise GuestReadError("its tables differ")
    if len(first) != needed:
        raise GuestReadError("its table goes on beyond the end of the volume")
    return first


def _entries(content: bytes, geometry: Geometry) -> "array[int]":
    if geometry.bits == 32:
        return array("I", (value & ENTRY_MASK for value in array("I", content)))
    if geometry.bits == 16:
        return array("H", content)
    found = array("H")
    for at in range(0, len(content) - 2, 3):
        three = int.from_bytes(content[at : at + 3], "little")
        found.extend((three & 0xFFF, three >> 12))
    if len(content) % 3 == 2:  # the last entry has its byte and a half alone
        found.append(int.from_bytes(content[-2:], "little") & 0xFFF)
    return found


def _files(volume: FatVolume, table: "array[int]") -> Iterator[tuple[int, int]]:
    """First cluster and length of every file, and of every directory, whose length is what its chain has."""
    geometry = volume.geometry
    limit = -(-MAX_DIRECTORY_BYTES // geometry.cluster_size)
    if geometry.is_fat32:
        yield geometry.root_cluster, 0
    pending, seen, count = [volume.root_directory(limit)], set(), 0
    while pending:
        for name, attributes, cluster, length in entries_of(pending.pop()):
            count += 1
            if count > MAX_ENTRIES:
                raise GuestReadError("it has too many files")
            if name in {".", ".."} or (not cluster and not length):
                continue
            yield cluster, length
            if attributes & DIRECTORY and cluster not in seen:
                seen.add(cluster)
                chain = volume.chain(cluster, limit)
                pending.append(volume.read_chain(chain, 0, len(chain) * geometry.cluster_size))


def _check(table: "array[int]", cluster: int, needed: int, last_mark: int) -> None:
    """Raise GuestReadError unless the chain from `cluster` ends, and has `needed` clusters at least.

    From `last_mark` on, an entry is that of the last cluster of a chain.
    """
    count = 0
    while True:
        if not FIRST_CLUSTER <= cluster < len(table) or not table[cluster] or count > len(table):
            raise GuestReadError(f"a file leads to cluster {cluster}, which is free or is not there")
        count += 1
        cluster = table[cluster]
        if cluster >= last_mark:
            break
    if count < needed:
        raise GuestReadError("a file is longer than its chain of clusters")


def _runs(in_use: bytes, geometry: Geometry) -> Iterator[tuple[int, int]]:
    size = geometry.cluster_size
    start = in_use.find(b"\0", FIRST_CLUSTER)
    while start >= 0:
        end = in_use.find(b"\1", start)
        end = len(in_use) if end < 0 else end
        yield (
            geometry.data_start + (start - FIRST_CLUSTER) * size,
            geometry.data_start + (end - FIRST_CLUSTER) * size,
        )
        start = in_use.find(b"\0", end)
