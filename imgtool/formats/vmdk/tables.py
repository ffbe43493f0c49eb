"""A VMDK's grain directory and grain tables: where they are, and what they say. Read one at a time.

Both are arrays of sector numbers in 32 bits, little-endian. Source: as for vmdk_header.py.
"""

import heapq
import sys
from array import array
from collections.abc import Iterator

from imgtool.formats.qcow2.tables import read_whole
from imgtool.formats.source import ReadAt
from imgtool.formats.vmdk.descriptor import DESCRIPTOR_SECTOR
from imgtool.formats.vmdk.header import VmdkHeader, VmdkPlace

_CHUNK_BYTES = 1 << 20
_ZERO_GRAIN = 1


class VmdkTables:
    """The tables that belong to `header`; the directory is kept."""

    def __init__(self, read_at: ReadAt, place: VmdkPlace, size_bytes: int) -> None:
        self._read_at = read_at
        self.header: VmdkHeader = place.header
        self.size_bytes = size_bytes
        self._footer_sectors = place.footer_sectors
        self.directory = self._read_directory()
        """Sectors of the tables, 0 for none: all that they would name is zeros."""
        self.used = array("I", (index for index, sector in enumerate(self.directory) if sector))
        """Numbers of the tables that there are."""

    @property
    def total_bytes(self) -> int:
        """Return the size of the directory and all tables, in whole sectors."""
        return (_sectors(len(self.directory)) + len(self.used) * _sectors(self.header.table_entries)) * 512

    def entries(self, index: int) -> "array[int]":
        """The sectors of a table's grains, 0 for what reads as zeros: as many as the disk has of them.

        Raises ImageUnreadableError where the file ends before.
        """
        count = self._count(index)
        entries = decode_entries(read_whole(self._read_at, self.directory[index] * 512, count * 4))
        if self.header.has_zero_grains and _ZERO_GRAIN in entries:
            return array("I", (0 if entry == _ZERO_GRAIN else entry for entry in entries))
        return entries

    def places(self) -> Iterator[tuple[int, int]]:
        """First sector and number of sectors of all that is no data, by the first sectors."""
        header, last = self.header, len(self.directory) - 1
        others = [
            (0, 1),
            (DESCRIPTOR_SECTOR, header.descriptor_sectors),
            (header.directory, _sectors(len(self.directory))),
        ]
        if self._footer_sectors:
            others.append((self.size_bytes // 512 - self._footer_sectors, self._footer_sectors))
        if self.directory[last]:
            others.append((self.directory[last], _sectors(self._count(last))))
        length = _sectors(header.table_entries)
        tables = sorted(filter(None, self.directory[:last]))
        return heapq.merge(sorted(others), ((sector, length) for sector in tables))

    def _count(self, index: int) -> int:
        """Entries of a table; the last one has no more than the disk has grains."""
        grains = -(-self.header.capacity // self.header.grain_sectors)
        return min(self.header.table_entries, grains - index * self.header.table_entries)

    def _read_directory(self) -> "array[int]":
        directory = array("I")
        start, length = self.header.directory * 512, self.header.tables * 4
        for offset in range(0, length, _CHUNK_BYTES):
            part = min(_CHUNK_BYTES, length - offset)
            directory.extend(decode_entries(read_whole(self._read_at, start + offset, part)))
        return directory


def _sectors(entries: int) -> int:
    """What so many of them take."""
    return -(-entries * 4 // 512)


def decode_entries(content: bytes) -> "array[int]":
    """The little-endian 32-bit entries of a table."""
    entries = array("I", content)
    if sys.byteorder == "big":
        entries.byteswap()
    return entries
