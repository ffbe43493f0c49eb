"""GUID partition tables: UEFI specification, section 5.3."""

import struct
import zlib
from collections.abc import Iterator
from uuid import UUID

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.partitions import MAX_PARTITIONS, Partition, clipped
from imgtool.guest.streams import Disk

SIGNATURE = b"EFI PART"
SECTOR_SIZES = (512, 4096)
HEADER_BYTES = 92
MIN_ENTRY_BYTES = 128
MAX_TABLE_BYTES = 1 << 20
LEGACY_BOOT = 1 << 2
"""Attribute bit 2: legacy BIOS bootable (table 5.8)."""
NO_TYPE = bytes(16)


def has_gpt(disk: Disk) -> bool:
    """Whether a header stands where the first one should, sound or not."""
    return any(disk.read_at(sector, 8) == SIGNATURE for sector in SECTOR_SIZES)


def read_gpt(disk: Disk) -> tuple[Partition, ...]:
    """The partitions of the first table, or of the backup at the end of the disk where that is damaged."""
    for sector in SECTOR_SIZES:
        for lba in (1, disk.size_bytes // sector - 1):
            table = _read_table(disk, sector, lba)
            if table is not None:
                return tuple(_partitions(disk, sector, *table))
    raise GuestReadError("the GUID partition table and its backup are damaged")


def _read_table(disk: Disk, sector: int, lba: int) -> tuple[bytes, int] | None:
    """The entries and the size of one, of the header at `lba`; None where a checksum is wrong."""
    header = disk.read_at(lba * sector, sector)
    if len(header) < HEADER_BYTES or header[:8] != SIGNATURE:
        return None
    header_size, crc = struct.unpack_from("<II", header, 12)
    own_lba, entries_lba, count, entry_size, entries_crc = struct.unpack_from("<24xQ40xQIII", header)
    if not HEADER_BYTES <= header_size <= sector or own_lba != lba:
        return None
    if zlib.crc32(header[:16] + bytes(4) + header[20:header_size]) != crc:
        return None
    if entry_size < MIN_ENTRY_BYTES or entry_size * count > MAX_TABLE_BYTES or count > MAX_PARTITIONS:
        return None
    entries = disk.read_at(entries_lba * sector, entry_size * count)
    return (entries, entry_size) if zlib.crc32(entries) == entries_crc else None


def _partitions(disk: Disk, sector: int, entries: bytes, entry_size: int) -> Iterator[Partition]:
    for index in range(len(entries) // entry_size):
        entry = entries[index * entry_size : index * entry_size + MIN_ENTRY_BYTES]
        first, last, attributes = struct.unpack_from("<QQQ", entry, 32)
        if entry[:16] == NO_TYPE or last < first:
            continue
        start = first * sector
        yield Partition(
            number=index + 1,
            type=str(UUID(bytes_le=entry[:16])),
            uuid=str(UUID(bytes_le=entry[16:32])),
            label=entry[56:128].decode("utf-16-le", "replace").split("\0")[0] or None,
            start_bytes=start,
            size_bytes=clipped(start, (last - first + 1) * sector, disk.size_bytes),
            bootable=bool(attributes & LEGACY_BOOT),
        )
