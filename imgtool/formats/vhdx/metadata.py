"""VHDX: the metadata, which tell the sizes and whether there is a parent.

Source: Microsoft, [MS-VHDX], section 2.6; QEMU, block/vhdx.c, vhdx_parse_metadata.
"""

import struct
import uuid
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.block_room import Region
from imgtool.formats.source import ReadAt
from imgtool.util.text import printable

_TABLE_BYTES = 64 << 10
_MAX_ITEMS = 2047
_ENTRY = struct.Struct("<16sIII4x")
_IS_REQUIRED = 4
_HAS_PARENT = 2
_MIN_BLOCK_BYTES, _MAX_BLOCK_BYTES = 1 << 20, 256 << 20

_FILE_PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B").bytes_le
_DISK_SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8").bytes_le
_PAGE_83 = uuid.UUID("BECA12AB-B2E6-4523-93EF-C309E000C746").bytes_le
_LOGICAL_SECTOR = uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F").bytes_le
_PHYSICAL_SECTOR = uuid.UUID("CDA348C7-445D-4471-9CC9-E9885251C556").bytes_le
_PARENT_LOCATOR = uuid.UUID("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C").bytes_le
_LENGTHS = {_FILE_PARAMETERS: 8, _DISK_SIZE: 8, _PAGE_83: 16, _LOGICAL_SECTOR: 4, _PHYSICAL_SECTOR: 4}
"""What every disk has, and how long each is."""
_MAX_LOCATOR_BYTES = 64 << 10
_PARENT_PATHS = ("relative_path", "volume_path", "absolute_win32_path")


class Metadata(NamedTuple):
    """What is told of the disk."""

    size_bytes: int
    block_bytes: int
    sector_bytes: int


def read_metadata(read_at: ReadAt, region: Region) -> Metadata:
    """The metadata. Raises UnsafeImageError for a disk that stands on a parent, ImageUnreadableError."""
    items = _items(read_at, region)
    if not _LENGTHS.keys() <= items.keys():
        raise ImageUnreadableError("its VHDX metadata is missing: the file is cut off or damaged")
    content = {guid: _content(read_at, region, items[guid], length) for guid, length in _LENGTHS.items()}
    block_bytes, flags = struct.unpack("<II", content[_FILE_PARAMETERS])
    if flags & _HAS_PARENT or _PARENT_LOCATOR in items:
        raise _stands_on_parent(read_at, region, items.get(_PARENT_LOCATOR))
    size_bytes, sector_bytes = _number(content[_DISK_SIZE]), _number(content[_LOGICAL_SECTOR])
    if not _MIN_BLOCK_BYTES <= block_bytes <= _MAX_BLOCK_BYTES or block_bytes.bit_count() != 1:
        raise ImageUnreadableError(
            f"its blocks have {block_bytes} bytes: a power of two from 1 MiB to 256 MiB is possible"
        )
    _check_sectors(sector_bytes, size_bytes)
    return Metadata(size_bytes, block_bytes, sector_bytes)


def _check_sectors(sector_bytes: int, size_bytes: int) -> None:
    if sector_bytes == 4096:
        raise ImageUnreadableError(
            "its disk has sectors of 4096 bytes: with the 512 that QEMU gives a guest, no partition is found",
            hint="make a disk with sectors of 512 bytes: in Hyper-V, New-VHD -LogicalSectorSizeBytes 512",
        )
    if sector_bytes != 512 or size_bytes % sector_bytes:
        raise ImageUnreadableError(
            f"its VHDX metadata claims {size_bytes} bytes in sectors of {sector_bytes}: that cannot be"
        )


def _items(read_at: ReadAt, region: Region) -> dict[bytes, Region]:
    """GUID to place in the metadata region."""
    table = read_at(region.start_bytes, _TABLE_BYTES)
    if len(table) < _TABLE_BYTES or not table.startswith(b"metadata"):
        raise ImageUnreadableError("its VHDX metadata is missing: the file is cut off or damaged")
    count = int.from_bytes(table[10:12], "little")
    if count > _MAX_ITEMS:
        raise ImageUnreadableError(f"its VHDX metadata has {count} entries; {_MAX_ITEMS} are possible")
    items: dict[bytes, Region] = {}
    for number in range(count):
        guid, offset, length, flags = _ENTRY.unpack_from(table, 32 + 32 * number)
        if guid not in {*_LENGTHS, _PARENT_LOCATOR}:
            _refuse_required(guid, flags)
        elif guid in items:
            raise ImageUnreadableError("its VHDX metadata names an item twice")
        else:
            items[guid] = Region(offset, offset + length)
    return items


def _refuse_required(guid: bytes, flags: int) -> None:
    if flags & _IS_REQUIRED:
        raise ImageUnreadableError(f"it needs a reader that knows the VHDX item {uuid.UUID(bytes_le=guid)}")


def _content(read_at: ReadAt, region: Region, item: Region, length: int) -> bytes:
    """The first `length` bytes of an item. Raises ImageUnreadableError unless it is in the region."""
    start = region.start_bytes + item.start_bytes
    is_inside = item.start_bytes >= _TABLE_BYTES and start + length <= region.end_bytes
    content = read_at(start, length) if is_inside else b""
    if len(content) < length:
        raise ImageUnreadableError("its VHDX metadata is cut off, or not where it can be")
    return content


def _stands_on_parent(read_at: ReadAt, region: Region, locator: Region | None) -> UnsafeImageError:
    name = None if locator is None else _parent_name(read_at, region, locator)
    which = "" if name is None else f" '{printable(name)}'"
    return UnsafeImageError(
        f"it is a VHDX that stands on a parent image{which}",
        hint="merge it into one file where it was made: in Hyper-V, Convert-VHD or Merge-VHD",
    )


def _parent_name(read_at: ReadAt, region: Region, locator: Region) -> str | None:
    """The parent's path, as the locator has it: for the message, it is never opened."""
    length = min(locator.end_bytes - locator.start_bytes, _MAX_LOCATOR_BYTES)
    content = read_at(region.start_bytes + locator.start_bytes, length)
    if len(content) < 20:
        return None
    count = int.from_bytes(content[18:20], "little")
    values: dict[str, str] = {}
    for position in range(20, min(20 + 12 * count, len(content) - 11), 12):
        key_at, value_at, key_length, value_length = struct.unpack_from("<IIHH", content, position)
        key, value = content[key_at : key_at + key_length], content[value_at : value_at + value_length]
        values[key.decode("utf-16-le", "replace")] = value.decode("utf-16-le", "replace")
    return next((values[key] for key in _PARENT_PATHS if key in values), None)


def _number(content: bytes) -> int:
    return int.from_bytes(content, "little")
