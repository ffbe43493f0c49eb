"""VHDX: the metadata that tells the size, and whether there is a parent.

Source: Microsoft, [MS-VHDX], sections 2.2.3 (region table) and 2.6 (metadata region).
"""

import struct
import uuid

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.bounds import check_virtual_size
from imgtool.formats.inspector import ReadAt

_REGION_TABLE_OFFSET = 192 << 10
_TABLE_BYTES = 64 << 10
_MAX_ENTRIES = 2047
_METADATA_REGION = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E").bytes_le
_FILE_PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B").bytes_le
_VIRTUAL_DISK_SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8").bytes_le
_HAS_PARENT = 2


def virtual_size(read_at: ReadAt, size_bytes: int) -> int:
    """The disk's size in bytes. Raises UnsafeImageError, ImageUnreadableError."""
    metadata_offset = _metadata_offset(read_at(_REGION_TABLE_OFFSET, _TABLE_BYTES))
    items = _items(read_at(metadata_offset, _TABLE_BYTES))
    if (
        metadata_offset + _TABLE_BYTES > size_bytes
        or not {_FILE_PARAMETERS, _VIRTUAL_DISK_SIZE} <= items.keys()
    ):
        raise ImageUnreadableError("its VHDX metadata is missing: the file is cut off or damaged")
    parameters = read_at(metadata_offset + items[_FILE_PARAMETERS], 8)
    size_item = read_at(metadata_offset + items[_VIRTUAL_DISK_SIZE], 8)
    if len(parameters) < 8 or len(size_item) < 8:
        raise ImageUnreadableError("its VHDX metadata is cut off")
    if struct.unpack_from("<I", parameters, 4)[0] & _HAS_PARENT:
        raise UnsafeImageError("it is a VHDX that stands on a parent image")
    size = int.from_bytes(size_item, "little")
    check_virtual_size(size)
    return size


def _metadata_offset(table: bytes) -> int:
    if len(table) < _TABLE_BYTES or not table.startswith(b"regi"):
        raise ImageUnreadableError("its VHDX region table is missing: the file is cut off or damaged")
    for position in _entries(table, 16, struct.unpack_from("<I", table, 8)[0]):
        if table[position : position + 16] == _METADATA_REGION:
            return int(struct.unpack_from("<Q", table, position + 16)[0])
    raise ImageUnreadableError("its VHDX region table names no metadata")


def _items(table: bytes) -> dict[bytes, int]:
    """GUID to offset in the metadata region."""
    if len(table) < _TABLE_BYTES or not table.startswith(b"metadata"):
        raise ImageUnreadableError("its VHDX metadata is missing: the file is cut off or damaged")
    positions = _entries(table, 32, struct.unpack_from("<H", table, 10)[0])
    return {table[at : at + 16]: struct.unpack_from("<I", table, at + 16)[0] for at in positions}


def _entries(table: bytes, header_bytes: int, count: int) -> range:
    if count > _MAX_ENTRIES:
        raise ImageUnreadableError(f"its VHDX tables claim {count} entries; {_MAX_ENTRIES} are possible")
    return range(header_bytes, min(header_bytes + 32 * count, len(table)), 32)
