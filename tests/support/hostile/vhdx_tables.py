"""VHDX whose headers, metadata and block table cannot be, or make a small file a huge disk."""

import struct
import uuid
from pathlib import Path
from typing import Any

from support.block_images import LOGICAL_SECTOR, MIB, PARENT_LOCATOR, Vhdx, blocks_of, sealed
from support.hostile.block_tables import BEYOND, ON_TABLE, SHARED
from support.hostile.rows import row
from support.images import patch

UNKNOWN = uuid.UUID("00112233-4455-6677-8899-AABBCCDDEEFF")


def _vhdx(folder: Path, **how: Any) -> Path:
    return Vhdx(16 * MIB, **how).write(folder / "x.vhdx", blocks_of([0, 1, 5], 1000))


def _vhdx_entry(folder: Path, entry: int, **how: Any) -> Path:
    path = _vhdx(folder, **how)
    return patch(path, Vhdx(16 * MIB, **how).entry_offset(3), struct.pack("<Q", entry))


@row(SHARED)
def vhdx_with_a_shared_block(folder: Path, canary: Path) -> Path:
    return _vhdx_entry(folder, Vhdx(16 * MIB).first_block * MIB | 6)


@row(SHARED)
def vhdx_with_overlapping_blocks(folder: Path, canary: Path) -> Path:
    how = {"block_bytes": 2 * MIB}
    return _vhdx_entry(folder, (Vhdx(16 * MIB, **how).first_block + 1) * MIB | 6, **how)


@row(ON_TABLE)
def vhdx_with_a_block_on_its_header(folder: Path, canary: Path) -> Path:
    return _vhdx_entry(folder, 6)


@row(ON_TABLE)
def vhdx_with_a_block_on_its_log(folder: Path, canary: Path) -> Path:
    return _vhdx_entry(folder, MIB | 6)


@row(ON_TABLE)
def vhdx_with_a_block_on_its_metadata(folder: Path, canary: Path) -> Path:
    return _vhdx_entry(folder, 2 * MIB | 6)


@row(ON_TABLE)
def vhdx_with_a_block_on_its_table(folder: Path, canary: Path) -> Path:
    return _vhdx_entry(folder, 3 * MIB | 6)


@row(ON_TABLE)
def vhdx_with_a_block_on_an_unknown_region(folder: Path, canary: Path) -> Path:
    how = {"more_regions": ((UNKNOWN, 4 * MIB, MIB, 0),)}
    return _vhdx_entry(folder, 4 * MIB | 6, **how)


@row(BEYOND)
def vhdx_with_a_block_beyond_its_end(folder: Path, canary: Path) -> Path:
    return _vhdx_entry(folder, 7 * MIB | 6)


@row(BEYOND)
def vhdx_with_a_block_far_beyond_its_end(folder: Path, canary: Path) -> Path:
    return _vhdx_entry(folder, (1 << 64) - MIB | 6)


@row(SHARED)
def vhdx_of_terabytes_in_one_block(folder: Path, canary: Path) -> Path:
    vhdx = Vhdx(16 << 40, 256 * MIB)
    path = vhdx.write(folder / "x.vhdx", blocks_of([0]))
    table = struct.pack("<Q", vhdx.first_block * MIB | 6) * (vhdx.table_bytes // 8)
    return patch(path, vhdx.table_offset, table)


@row("partly|a part stands on a parent")
def vhdx_with_a_block_that_is_partly_there(folder: Path, canary: Path) -> Path:
    return _vhdx_entry(folder, 7)


@row("in the state 4")
def vhdx_with_a_block_in_no_state(folder: Path, canary: Path) -> Path:
    return _vhdx_entry(folder, 4)


@row("a part stands on a parent")
def vhdx_with_all_blocks_partly_there(folder: Path, canary: Path) -> Path:
    return Vhdx(16 * MIB, unused=7).write(folder / "x.vhdx", {})


@row("neither of its VHDX headers")
def vhdx_without_a_valid_header(folder: Path, canary: Path) -> Path:
    path = _vhdx(folder)
    for offset in (64 << 10, 128 << 10):
        patch(path, offset + 4, b"wrong")
    return path


@row("two VHDX headers contradict")
def vhdx_with_two_headers_of_one_number(folder: Path, canary: Path) -> Path:
    vhdx = Vhdx(16 * MIB)
    other = vhdx._replace(log_length=2 * MIB).header(2)
    return patch(_vhdx(folder), 64 << 10, other)


@row("checksum|VHDX region table is missing")
def vhdx_with_a_wrong_checksum_of_its_regions(folder: Path, canary: Path) -> Path:
    return patch(_vhdx(folder), (192 << 10) + 5000, b"x")


@row("two VHDX region tables contradict")
def vhdx_with_two_region_tables(folder: Path, canary: Path) -> Path:
    other = Vhdx(16 * MIB, more_regions=((UNKNOWN, 9 * MIB, MIB, 0),)).regions()
    return patch(_vhdx(folder), 256 << 10, other)


@row("names a region twice|format cannot be told")
def vhdx_with_a_region_twice(folder: Path, canary: Path) -> Path:
    bat = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
    return _vhdx(folder, more_regions=((bat, 9 * MIB, MIB, 1),))


@row(f"knows the VHDX region {UNKNOWN}")
def vhdx_that_needs_an_unknown_region(folder: Path, canary: Path) -> Path:
    return _vhdx(folder, more_regions=((UNKNOWN, 9 * MIB, MIB, 1),))


@row("overlap each other")
def vhdx_with_overlapping_regions(folder: Path, canary: Path) -> Path:
    return _vhdx(folder, more_regions=((UNKNOWN, 3 * MIB, 2 * MIB, 0),))


@row("overlap each other")
def vhdx_with_a_region_on_its_headers(folder: Path, canary: Path) -> Path:
    return _vhdx(folder, more_regions=((UNKNOWN, 512 << 10, MIB, 0),))


@row("overlap each other")
def vhdx_with_its_log_on_its_tables(folder: Path, canary: Path) -> Path:
    header = Vhdx(16 * MIB, log_length=4 * MIB).header(9)
    return patch(_vhdx(folder), 64 << 10, header)


@row("entries; 2047 are possible|format cannot be told")
def vhdx_with_too_many_regions(folder: Path, canary: Path) -> Path:
    table = bytearray(Vhdx(16 * MIB).regions())
    table[8:12] = b"\xff" * 4
    return patch(patch(_vhdx(folder), 192 << 10, sealed(bytes(table))), 256 << 10, sealed(bytes(table)))


@row("lacks the block table|format cannot be told")
def vhdx_without_a_block_table(folder: Path, canary: Path) -> Path:
    table = bytearray(Vhdx(16 * MIB).regions())
    table[8:12] = struct.pack("<I", 1)
    return patch(patch(_vhdx(folder), 192 << 10, sealed(bytes(table))), 256 << 10, sealed(bytes(table)))


@row("names an item twice")
def vhdx_with_an_item_twice(folder: Path, canary: Path) -> Path:
    return _vhdx(folder, more_items=((LOGICAL_SECTOR, struct.pack("<I", 4096), 6),))


@row(f"knows the VHDX item {UNKNOWN}")
def vhdx_that_needs_an_unknown_item(folder: Path, canary: Path) -> Path:
    return _vhdx(folder, more_items=((UNKNOWN, b"x", 4),))


def _vhdx_item(folder: Path, number: int, offset: int, value: bytes) -> Path:
    """The entry of an item in the metadata table, changed."""
    vhdx = Vhdx(16 * MIB)
    return patch(_vhdx(folder), vhdx.metadata_offset + 32 + 32 * number + offset, value)


@row("metadata is missing")
def vhdx_without_page_83(folder: Path, canary: Path) -> Path:
    return _vhdx_item(folder, 2, 0, bytes(32))


@row("not where it can be")
def vhdx_with_an_item_outside_of_its_region(folder: Path, canary: Path) -> Path:
    return _vhdx_item(folder, 3, 16, struct.pack("<I", MIB - 2))


@row("not where it can be")
def vhdx_with_an_item_in_its_table(folder: Path, canary: Path) -> Path:
    return _vhdx_item(folder, 3, 16, struct.pack("<I", 64))


def locator(path: str) -> bytes:
    """A parent's locator as Hyper-V writes it."""
    key, value = "relative_path".encode("utf-16-le"), path.encode("utf-16-le")
    head = uuid.UUID("B04AEFB7-D19E-4A81-B789-25B8E9445913").bytes_le + struct.pack("<HH", 0, 1)
    return head + struct.pack("<IIHH", 32, 32 + len(key), len(key), len(value)) + key + value


@row("stands on a parent image '.*canary'")
def vhdx_with_the_locator_of_a_parent(folder: Path, canary: Path) -> Path:
    return _vhdx(folder, flags=2, more_items=((PARENT_LOCATOR, locator(str(canary)), 4),))


@row("stands on a parent image '.*canary'")
def vhdx_with_a_locator_and_no_parent(folder: Path, canary: Path) -> Path:
    return _vhdx(folder, more_items=((PARENT_LOCATOR, locator(str(canary)), 4),))


@row("stands on a parent image")
def vhdx_with_an_absurd_locator(folder: Path, canary: Path) -> Path:
    content = bytearray(locator(str(canary)))
    content[18:20] = b"\xff\xff"
    content[20:32] = b"\xff" * 12
    return _vhdx(folder, flags=2, more_items=((PARENT_LOCATOR, bytes(content), 4),))


@row("writes that are not in their places yet")
def vhdx_with_writes_in_its_log(folder: Path, canary: Path) -> Path:
    return _vhdx(folder, log_guid=b"g" * 16)


@row("a log that cannot be")
def vhdx_with_its_log_at_an_odd_place(folder: Path, canary: Path) -> Path:
    header = bytearray(Vhdx(16 * MIB).header(9))
    header[72:80] = struct.pack("<Q", MIB + 512)
    return patch(_vhdx(folder), 64 << 10, sealed(bytes(header)))


@row("a log that cannot be")
def vhdx_with_a_log_of_another_version(folder: Path, canary: Path) -> Path:
    header = bytearray(Vhdx(16 * MIB).header(9))
    header[64:66] = b"\1\0"
    return patch(_vhdx(folder), 64 << 10, sealed(bytes(header)))


@row("block table is too small")
def vhdx_with_a_short_table(folder: Path, canary: Path) -> Path:
    path = _vhdx(folder)
    return patch(path, _disk_size_at(), struct.pack("<Q", 1 << 40))


@row("claims 16777217 bytes")
def vhdx_with_a_part_of_a_sector(folder: Path, canary: Path) -> Path:
    return patch(_vhdx(folder), _disk_size_at(), struct.pack("<Q", 16 * MIB + 1))


def _disk_size_at() -> int:
    return Vhdx(16 * MIB).metadata_offset + (64 << 10) + 8


@row("sectors of 4096 bytes")
def vhdx_with_larger_sectors(folder: Path, canary: Path) -> Path:
    return _vhdx(folder, sector_bytes=4096)


@row("in sectors of 520")
def vhdx_with_odd_sectors(folder: Path, canary: Path) -> Path:
    return patch(_vhdx(folder), _disk_size_at() + 8 + 16, struct.pack("<I", 520))


@row("its blocks have 0 bytes")
def vhdx_with_blocks_of_nothing(folder: Path, canary: Path) -> Path:
    return patch(_vhdx(folder), _disk_size_at() - 8, bytes(4))


@row("its blocks have 3145728 bytes")
def vhdx_with_blocks_of_an_odd_size(folder: Path, canary: Path) -> Path:
    return patch(_vhdx(folder), _disk_size_at() - 8, struct.pack("<I", 3 * MIB))


@row("its blocks have 536870912 bytes")
def vhdx_with_blocks_too_large(folder: Path, canary: Path) -> Path:
    return patch(_vhdx(folder), _disk_size_at() - 8, struct.pack("<I", 512 * MIB))


@row("not where they can be|Incomplete")
def vhdx_with_its_table_beyond_its_end(folder: Path, canary: Path) -> Path:
    vhdx = Vhdx(16 * MIB)
    table = bytearray(vhdx.regions())
    table[16 + 32 + 16 : 16 + 32 + 24] = struct.pack("<Q", 1 << 50)
    return patch(patch(_vhdx(folder), 192 << 10, sealed(bytes(table))), 256 << 10, sealed(bytes(table)))
