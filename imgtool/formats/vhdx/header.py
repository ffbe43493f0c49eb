"""VHDX: the two headers, and the table of the regions in the file.

Source: Microsoft, [MS-VHDX], section 2.2; QEMU, block/vhdx.c. Of the headers the valid one with the larger
sequence number holds; of the two region tables QEMU reads the first. Their checksum is CRC-32C (Castagnoli):
RFC 3720, appendix B.4.
"""

import struct
import uuid
from collections.abc import Iterator
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError
from imgtool.formats.block_room import Region
from imgtool.formats.source import ReadAt
from imgtool.formats.vhdx.place import (
    MAX_REGIONS,
    METADATA_REGION,
    REGION_ENTRY,
    REGION_TABLE_OFFSETS,
    TABLE_BYTES,
)

MIB = 1 << 20
HEADER_SECTION = Region(0, MIB)

_HEADER_OFFSETS = (64 << 10, 128 << 10)
_HEADER_BYTES = 4096
_HEADER_FIELDS = struct.Struct("<4s4xQ32x16sHHIQ")
_IS_REQUIRED = 1
_BAT = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08").bytes_le


class Header(NamedTuple):
    """The header that holds."""

    sequence: int
    log_guid: bytes
    """All zeros where the log has no entries."""
    log_version: int
    version: int
    log: Region


class Regions(NamedTuple):
    """Where the parts of the file are."""

    bat: Region
    metadata: Region
    others: tuple[Region, ...]
    """Those that need not be understood."""


def read_header(read_at: ReadAt) -> Header:
    """The current header. Raises ImageUnreadableError where none is valid, or they contradict each other."""
    blocks = [read_at(offset, _HEADER_BYTES) for offset in _HEADER_OFFSETS]
    valid = [(_parsed(block), block) for block in blocks if _is_valid_header(block)]
    if not valid:
        raise ImageUnreadableError("neither of its VHDX headers is valid: the file is cut off or damaged")
    valid.sort(key=lambda found: found[0].sequence)
    (header, content), (other, other_content) = valid[-1], valid[0]
    # Disk2vhd writes the same header twice.
    size = _HEADER_FIELDS.size
    if len(valid) == 2 and header.sequence == other.sequence and content[:size] != other_content[:size]:
        raise ImageUnreadableError("its two VHDX headers contradict each other")
    if header.log_version != 0 or header.log.start_bytes < MIB or header.log.start_bytes % MIB:
        raise ImageUnreadableError("its VHDX header names a log that cannot be")
    return header


def _is_valid_header(content: bytes) -> bool:
    if len(content) < _HEADER_BYTES or not content.startswith(b"head"):
        return False
    return _checksum_holds(content) and _parsed(content).version == 1


def _parsed(content: bytes) -> Header:
    _, sequence, log_guid, log_version, version, log_length, log_offset = _HEADER_FIELDS.unpack_from(content)
    return Header(sequence, log_guid, log_version, version, Region(log_offset, log_offset + log_length))


def read_regions(read_at: ReadAt, size_bytes: int) -> Regions:
    """Where the block table and the metadata are.

    Raises ImageUnreadableError where the table is damaged, or has a required region that nobody knows.
    """
    first, second = (read_at(offset, TABLE_BYTES) for offset in REGION_TABLE_OFFSETS)
    if not _is_valid_table(first):
        raise ImageUnreadableError("its VHDX region table is missing: the file is cut off or damaged")
    if second != first and _is_valid_table(second):
        raise ImageUnreadableError("its two VHDX region tables contradict each other")
    return _sorted_out(_regions(first), size_bytes)


def _is_valid_table(table: bytes) -> bool:
    return len(table) == TABLE_BYTES and table.startswith(b"regi") and _checksum_holds(table)


def _regions(table: bytes) -> list[tuple[bytes, Region, bool]]:
    """Return for each its GUID, where it is, and whether it has to be understood."""
    count = int.from_bytes(table[8:12], "little")
    if count > MAX_REGIONS:
        raise ImageUnreadableError(f"its VHDX region table has {count} entries; {MAX_REGIONS} are possible")
    found = []
    for number in range(count):
        guid, offset, length, flags = REGION_ENTRY.unpack_from(table, 16 + 32 * number)
        found.append((guid, Region(offset, offset + length), bool(flags & _IS_REQUIRED)))
    return found


def _sorted_out(found: list[tuple[bytes, Region, bool]], size_bytes: int) -> Regions:
    known: dict[bytes, Region] = {}
    others = []
    for guid, region, is_required in found:
        if guid in {_BAT, METADATA_REGION}:
            if guid in known:
                raise ImageUnreadableError("its VHDX region table names a region twice")
            known[guid] = region
        elif is_required:
            raise ImageUnreadableError(
                f"it needs a reader that knows the VHDX region {uuid.UUID(bytes_le=guid)}"
            )
        else:
            others.append(region)
    if known.keys() != {_BAT, METADATA_REGION}:
        raise ImageUnreadableError("its VHDX region table lacks the block table or the metadata")
    if any(region.start_bytes % MIB or region.end_bytes > size_bytes for region in known.values()):
        raise ImageUnreadableError(
            "its VHDX tables are not where they can be: the file is cut off or damaged",
            hint="fetch or copy it again",
        )
    return Regions(known[_BAT], known[METADATA_REGION], tuple(others))


def _checksum_holds(content: bytes) -> bool:
    """The CRC-32C at 4, of all the rest, with zeros in its place."""
    return crc32c(content[:4] + bytes(4) + content[8:]) == int.from_bytes(content[4:8], "little")


_POLYNOMIAL = 0x82F63B78
"""Reversed, as the bits of each byte are taken from the lowest on."""


def _remainders() -> Iterator[int]:
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        yield value


_TABLE = tuple(_remainders())


def crc32c(content: bytes) -> int:
    """Return the checksum of `content`. Some 60 ns a byte, but for zeros at its end: it is for headers."""
    table, value = _TABLE, 0xFFFFFFFF
    start = content.rstrip(b"\0")
    for byte in start:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return _after_zeros(value, len(content) - len(start)) ^ 0xFFFFFFFF


_ONE, _X = 1 << 31, 1 << 30
"""The polynomials 1 and x: the lowest bit is the highest coefficient."""


def _after_zeros(value: int, count: int) -> int:
    """Return what becomes of `value` by that many zero bytes: it times x to the power of 8 for each."""
    factor, square, rest = _ONE, _X, 8 * count
    while rest:
        if rest & 1:
            factor = _product(factor, square)
        square, rest = _product(square, square), rest >> 1
    return _product(value, factor)


def _product(left: int, right: int) -> int:
    """Return the product of two polynomials modulo _POLYNOMIAL."""
    product = 0
    for bit in range(31, -1, -1):
        if left >> bit & 1:
            product ^= right
        right = right >> 1 ^ (_POLYNOMIAL if right & 1 else 0)
    return product
