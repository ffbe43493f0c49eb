"""MBR partition tables with logical partitions.

Offsets: UEFI specification, section 5.2.1. Numbering and the limits of an extended partition follow
Linux, block/partitions/msdos.c.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.partitions import SECTOR_BYTES, Partition, clipped, cut
from imgtool.guest.streams import Disk

SIGNATURE = b"\x55\xaa"
EXTENDED = (0x05, 0x0F, 0x85)
PROTECTIVE = 0xEE
ACTIVE = 0x80
ACTIVE_FLAGS = (0x00, ACTIVE)
CODE_BYTES = 440
"""What boot code may take: up to the disk signature."""
MAX_LOGICAL = 100
"""Links of the chain of logical partitions: Linux stops at as many bad ones."""
FIRST_LOGICAL = 5


class Entry(NamedTuple):
    """One of the four entries of a table, in sectors."""

    flag: int
    type: int
    start: int
    size: int


def entries(sector: bytes) -> tuple[Entry, ...] | None:
    """The four entries; None where the sector has no table (no signature, impossible flags)."""
    if len(sector) < SECTOR_BYTES or sector[510:512] != SIGNATURE:
        return None
    table = tuple(Entry(*struct.unpack_from("<B3xB3xII", sector, 446 + 16 * index)) for index in range(4))
    return table if all(entry.flag in ACTIVE_FLAGS for entry in table) else None


def is_protective(table: tuple[Entry, ...] | None) -> bool:
    """Whether the kernel and UEFI look for a GPT behind it: an entry of type 0xEE that starts at sector 1."""
    return any(entry.type == PROTECTIVE and entry.start == 1 for entry in table or ())


def refused_by_uefi(table: tuple[Entry, ...], disk_bytes: int) -> str | None:
    """Why UEFI takes none of the partitions, or None: EDK2, PartitionDxe/Mbr.c, PartitionValidMbr."""
    used = [(number, entry) for number, entry in enumerate(table, 1) if entry.type and entry.size]
    for number, entry in used:
        if (entry.start + entry.size) * SECTOR_BYTES > disk_bytes:
            return f"partition {number} ends beyond the end of the disk"
    ranges = sorted((entry.start, entry.start + entry.size, number) for number, entry in used)
    for (_, end, number), (start, _, other) in pairwise(ranges):
        if start < end:
            return f"partitions {number} and {other} overlap"
    return None


def is_table(table: tuple[Entry, ...] | None) -> bool:
    """Whether any entry is in use: a boot sector of a file system has a signature and none."""
    return table is not None and any(entry.type and entry.size and entry.start for entry in table)


def read_mbr(disk: Disk, sector: bytes) -> tuple[tuple[Partition, ...], str | None]:
    """Primary and logical partitions, and what is wrong with the chain of the logical ones, if anything.

    Extended partitions, which are only their frame, are left out.
    """
    table = entries(sector) or ()
    signature = int.from_bytes(sector[440:444], "little")
    found = []
    for number, entry in enumerate(table, 1):
        if entry.type and entry.size and entry.type not in EXTENDED:
            found.append(_partition(disk, signature, number, entry, 0))
    number = FIRST_LOGICAL
    try:
        for base, entry in _all_logical(disk, table):
            found.append(_partition(disk, signature, number, entry, base))
            number += 1
    except GuestReadError as error:
        return tuple(found), str(error)
    return tuple(found), None


def _all_logical(disk: Disk, table: tuple[Entry, ...]) -> Iterator[tuple[int, Entry]]:
    for entry in table:
        if entry.type in EXTENDED and entry.size:
            yield from _logical(disk, entry)


def _logical(disk: Disk, extended: Entry) -> Iterator[tuple[int, Entry]]:
    """Start of its own boot record, and entry, of each logical partition: a chain, walked once."""
    record = extended.start
    seen: set[int] = set()
    while record not in seen:
        if len(seen) >= MAX_LOGICAL:
            raise GuestReadError(f"more than {MAX_LOGICAL} logical partitions")
        seen.add(record)
        table = entries(disk.read_at(record * SECTOR_BYTES, SECTOR_BYTES))
        if table is None:
            raise GuestReadError(f"the extended boot record at sector {record} is damaged")
        yield from ((record, entry) for entry in table[:2] if entry.size and entry.type not in {0, *EXTENDED})
        links = [entry for entry in table if entry.type in EXTENDED and entry.size]
        if not links:
            return
        record = extended.start + links[0].start
    raise GuestReadError(f"the chain of logical partitions leads in a circle at sector {record}")


def _partition(disk: Disk, signature: int, number: int, entry: Entry, base: int) -> Partition:
    start = (base + entry.start) * SECTOR_BYTES
    return Partition(
        number=number,
        type=f"{entry.type:#04x}",
        uuid=f"{signature:08x}-{number:02x}" if signature else None,
        label=None,
        start_bytes=start,
        size_bytes=clipped(start, entry.size * SECTOR_BYTES, disk.size_bytes),
        bootable=entry.flag == ACTIVE,
        table_bytes=cut(start, entry.size * SECTOR_BYTES, disk.size_bytes),
    )
