"""GUID partition tables: UEFI specification, section 5.3.

A table is read here wherever one is sound. What UEFI and Linux make of it is told beside it: EDK2,
MdeModulePkg/Library/GptLib/Gpt.c and Universal/Disk/PartitionDxe/Gpt.c (a damaged first table is written
anew from the backup), and Linux, block/partitions/efi.c (a damaged first table is not replaced by the backup,
unless the command line says `gpt`).
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.partitions import MAX_PARTITIONS, SECTOR_BYTES, Partition, clipped, cut
from imgtool.guest.streams import Disk
from imgtool.model.layout import TableFaults

SIGNATURE = b"EFI PART"
SECTOR_SIZES = (512, 4096)
HEADER_BYTES = 92
MIN_ENTRY_BYTES = 128
MAX_TABLE_BYTES = 1 << 20
NOT_FOR_UEFI = 1 << 1
"""Attribute bit 1: the firmware makes no device of it."""
LEGACY_BOOT = 1 << 2
"""Attribute bit 2: legacy BIOS bootable (table 5.8)."""
NO_TYPE = bytes(16)


def has_gpt(disk: Disk) -> bool:
    """Whether a header stands where the first one should, sound or not."""
    return any(disk.read_at(sector, 8) == SIGNATURE for sector in SECTOR_SIZES)


@dataclass(frozen=True, slots=True)
class _Table:
    """One sound table: header and entries."""

    sector: int
    """Bytes of the sectors that it counts in."""
    lba: int
    alternate_lba: int
    first_usable: int
    last_usable: int
    entry_size: int
    entries: bytes
    entries_lba: int = 0


class _Entry(NamedTuple):
    """One entry in use."""

    first: int
    last: int
    number: int
    attributes: int
    partition: Partition


def read_gpt(disk: Disk, *, protected: bool) -> tuple[tuple[Partition, ...], TableFaults]:
    """The partitions of the first table, or of the backup where that is damaged, and what is wrong with it.

    `protected`: a master boot record says that there is a GPT. Raises GuestReadError where both are damaged.
    """
    table = _first_sound(disk)
    if table is None:
        raise GuestReadError("the GUID partition table and its backup are damaged")
    entries = list(_entries(disk, table))
    blind = _nobody_sees(table, protected=protected)
    faults = TableFaults(
        uefi=blind,
        kernel=blind or _kernel_sees_none(disk, table),
        mended_by_uefi=blind is None and table.lba != 1,
        hidden=_hidden_from_uefi(table, entries),
        backup=_backup_fault(disk, table),
    )
    return tuple(entry.partition for entry in entries), faults


def held_places(disk: Disk) -> Iterator[tuple[int, int]]:
    """Start and end, in bytes, of each sound table's header and entries, and of all that it gives out.

    Also of a backup that says something else, or that a larger disk has left behind.
    """
    for table in _sound(disk):
        backup = _read_table(disk, table.sector, table.alternate_lba)
        for one in (table, backup) if backup is not None else (table,):
            size = one.sector
            yield one.lba * size, (one.lba + 1) * size
            yield one.entries_lba * size, one.entries_lba * size + len(one.entries)
            yield from ((entry.first * size, (entry.last + 1) * size) for entry in _entries(disk, one))


def _first_sound(disk: Disk) -> _Table | None:
    return next(_sound(disk), None)


def _sound(disk: Disk) -> Iterator[_Table]:
    places = ((sector, lba) for sector in SECTOR_SIZES for lba in (1, disk.size_bytes // sector - 1))
    tables = (_read_table(disk, sector, lba) for sector, lba in places)
    return (table for table in tables if table is not None)


def _nobody_sees(table: _Table, *, protected: bool) -> str | None:
    if table.sector != SECTOR_BYTES:
        return (
            f"the GUID partition table is written for sectors of {table.sector} bytes, "
            f"and virtual disks have sectors of {SECTOR_BYTES}"
        )
    if not protected:
        return "there is a GUID partition table, but no master boot record that protects it"
    return None


def _kernel_sees_none(disk: Disk, table: _Table) -> str | None:
    last = disk.size_bytes // SECTOR_BYTES - 1
    if table.lba != 1:
        return "the first GUID partition table is damaged, and Linux does not look at the backup by itself"
    if table.last_usable > last or table.first_usable > last:
        return (
            f"the GUID partition table says that sector {table.last_usable} can be used, "
            f"and the disk ends at sector {last}"
        )
    if table.entry_size != MIN_ENTRY_BYTES:
        return f"the entries of the GUID partition table have {table.entry_size} bytes each"
    return None


def _backup_fault(disk: Disk, table: _Table) -> str | None:
    if table.lba != 1:
        return None
    if (table.alternate_lba + 1) * table.sector > disk.size_bytes:
        return "the backup of the GUID partition table would lie beyond the end of the disk"
    if _read_table(disk, table.sector, table.alternate_lba) is None:
        return "the backup of the GUID partition table is missing or damaged"
    return None


def _hidden_from_uefi(table: _Table, entries: Sequence[_Entry]) -> tuple[int, ...]:
    """PartitionCheckGptEntry: out of the usable range, overlapping, or marked as not for the firmware."""
    hidden = {entry.number for entry in entries if entry.attributes & NOT_FOR_UEFI}
    reach, reaching = -1, 0
    for entry in sorted(entries):
        if entry.first < table.first_usable or entry.last > table.last_usable:
            hidden.add(entry.number)
        if entry.first <= reach:
            hidden |= {entry.number, reaching}
        if entry.last > reach:
            reach, reaching = entry.last, entry.number
    return tuple(sorted(hidden))


def _read_table(disk: Disk, sector: int, lba: int) -> _Table | None:
    """The table whose header is at `lba`; None where a checksum is wrong."""
    header = disk.read_at(lba * sector, sector)
    if len(header) < HEADER_BYTES or header[:8] != SIGNATURE:
        return None
    header_size, crc = struct.unpack_from("<II", header, 12)
    own_lba, alternate, first, last, entries_lba, count, entry_size, entries_crc = struct.unpack_from(
        "<24xQQQQ16xQIII", header
    )
    if not HEADER_BYTES <= header_size <= sector or own_lba != lba:
        return None
    if zlib.crc32(header[:16] + bytes(4) + header[20:header_size]) != crc:
        return None
    if entry_size < MIN_ENTRY_BYTES:
        return None
    if entry_size * count > MAX_TABLE_BYTES or count > MAX_PARTITIONS:
        raise GuestReadError(
            f"the GUID partition table has room for {count} partitions, of which {MAX_PARTITIONS} can be read"
        )
    entries = disk.read_at(entries_lba * sector, entry_size * count)
    if zlib.crc32(entries) != entries_crc:
        return None
    return _Table(sector, lba, alternate, first, last, entry_size, entries, entries_lba)


def _entries(disk: Disk, table: _Table) -> Iterator[_Entry]:
    for index in range(len(table.entries) // table.entry_size):
        entry = table.entries[index * table.entry_size :][:MIN_ENTRY_BYTES]
        first, last, attributes = struct.unpack_from("<QQQ", entry, 32)
        if entry[:16] == NO_TYPE or last < first:
            continue
        start, size = first * table.sector, (last - first + 1) * table.sector
        partition = Partition(
            number=index + 1,
            type=str(UUID(bytes_le=entry[:16])),
            uuid=str(UUID(bytes_le=entry[16:32])),
            label=entry[56:128].decode("utf-16-le", "replace").split("\0")[0] or None,
            start_bytes=start,
            size_bytes=clipped(start, size, disk.size_bytes),
            bootable=bool(attributes & LEGACY_BOOT),
            table_bytes=cut(start, size, disk.size_bytes),
        )
        yield _Entry(first, last, index + 1, attributes, partition)
