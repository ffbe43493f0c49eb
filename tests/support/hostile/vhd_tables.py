"""VHD whose headers and block table cannot be, or make a small file a huge disk."""

import struct
from collections.abc import Callable
from pathlib import Path

from support.block_images import MIB, Vhd, blocks_of, vhd_checksum
from support.hostile.block_tables import BEYOND, ON_TABLE, SHARED
from support.hostile.rows import row
from support.images import patch

Change = Callable[[bytearray], None]
VHD = Vhd(16 * MIB)


def _vhd(folder: Path, vhd: Vhd = VHD) -> Path:
    return vhd.write(folder / "x.vhd", blocks_of([0, 1, 5], 1000))


def _vhd_entry(folder: Path, entry: int, number: int = 3) -> Path:
    return patch(_vhd(folder), 1536 + 4 * number, struct.pack(">I", entry))


def _vhd_header(folder: Path, offset: int, value: bytes) -> Path:
    header = bytearray(VHD.header())
    header[offset : offset + len(value)] = value
    return patch(_vhd(folder), 512, vhd_checksum(bytes(header), 36))


@row(SHARED)
def vhd_with_a_shared_block(folder: Path, canary: Path) -> Path:
    return _vhd_entry(folder, VHD.first_block)


@row(SHARED)
def vhd_with_overlapping_blocks(folder: Path, canary: Path) -> Path:
    return _vhd_entry(folder, VHD.first_block + 1)


@row(SHARED)
def vhd_with_blocks_that_overlap_by_a_sector(folder: Path, canary: Path) -> Path:
    return _vhd_entry(folder, VHD.first_block + 4096)


@row(ON_TABLE)
def vhd_with_a_block_on_its_header(folder: Path, canary: Path) -> Path:
    return _vhd_entry(folder, 0)


@row(ON_TABLE)
def vhd_with_a_block_on_its_table(folder: Path, canary: Path) -> Path:
    return _vhd_entry(folder, 3)


@row(ON_TABLE)
def vhd_with_a_block_on_its_last_footer(folder: Path, canary: Path) -> Path:
    return _vhd_entry(folder, VHD.first_block + 2 * 4097 + 1, number=5)


@row(BEYOND)
def vhd_with_a_block_beyond_its_end(folder: Path, canary: Path) -> Path:
    return _vhd_entry(folder, 1 << 20)


@row(BEYOND)
def vhd_with_a_block_beyond_its_disk_and_its_end(folder: Path, canary: Path) -> Path:
    path = _vhd(folder, Vhd(16 * MIB, table_entries=20))
    return patch(path, 1536 + 4 * 19, struct.pack(">I", 0xFFFFFFFE))


@row(SHARED)
def vhd_of_terabytes_in_one_block(folder: Path, canary: Path) -> Path:
    vhd = Vhd(2039 << 30)
    table = struct.pack(">I", vhd.first_block) * vhd.entries
    return patch(vhd.write(folder / "x.vhd", blocks_of([0])), 1536, table)


@row(ON_TABLE)
def vhd_with_a_table_of_holes(folder: Path, canary: Path) -> Path:
    path = _vhd(folder, Vhd(2039 << 30))
    return patch(path, 1536, bytes(4 * Vhd(2039 << 30).entries))


@row("checksum of its dynamic VHD header")
def vhd_with_a_wrong_checksum_of_its_header(folder: Path, canary: Path) -> Path:
    return patch(_vhd(folder), 512 + 36, bytes(4))


@row("table is too small")
def vhd_with_a_short_table(folder: Path, canary: Path) -> Path:
    return _vhd_header(folder, 28, struct.pack(">I", 7))


@row("has 4294967295 entries")
def vhd_with_an_absurd_table(folder: Path, canary: Path) -> Path:
    return _vhd_header(folder, 28, b"\xff" * 4)


@row("table is cut off|overlap")
def vhd_with_its_table_beyond_its_end(folder: Path, canary: Path) -> Path:
    return _vhd_header(folder, 16, struct.pack(">Q", 1 << 62))


@row("overlap each other")
def vhd_with_its_table_on_its_header(folder: Path, canary: Path) -> Path:
    return _vhd_header(folder, 16, struct.pack(">Q", 512))


@row("its blocks have 0 bytes")
def vhd_with_blocks_of_nothing(folder: Path, canary: Path) -> Path:
    return _vhd_header(folder, 32, bytes(4))


@row("its blocks have 3145728 bytes")
def vhd_with_blocks_of_an_odd_size(folder: Path, canary: Path) -> Path:
    return _vhd_header(folder, 32, struct.pack(">I", 3 * MIB))


@row("its blocks have 512 bytes")
def vhd_with_blocks_too_small_for_a_bitmap(folder: Path, canary: Path) -> Path:
    return _vhd_header(folder, 32, struct.pack(">I", 512))


@row("names a parent image")
def vhd_with_the_name_of_a_parent(folder: Path, canary: Path) -> Path:
    return _vhd_header(folder, 64, str(canary).encode("utf-16-be")[:512])


@row("names a parent image")
def vhd_with_the_locator_of_a_parent(folder: Path, canary: Path) -> Path:
    return _vhd_header(folder, 576, b"W2ku" + struct.pack(">IIIQ", 512, 20, 0, 1 << 20))


def _vhd_footer(folder: Path, change: Change) -> Path:
    footer = bytearray(VHD.footer())
    change(footer)
    return patch(_vhd(folder), 0, vhd_checksum(bytes(footer), 64))


def _at(offset: int, value: bytes) -> Change:
    def change(content: bytearray) -> None:
        content[offset : offset + len(value)] = value

    return change


@row("stands on a parent image")
def vhd_differencing_with_a_valid_checksum(folder: Path, canary: Path) -> Path:
    return _vhd_footer(folder, _at(60, struct.pack(">I", 4)))


@row("at its beginning and says that its kind is 2")
def vhd_that_begins_as_a_fixed_one(folder: Path, canary: Path) -> Path:
    return _vhd_footer(folder, _at(60, struct.pack(">I", 2)))


@row("says that its kind is 7")
def vhd_of_an_unknown_kind(folder: Path, canary: Path) -> Path:
    return _vhd_footer(folder, _at(60, struct.pack(">I", 7)))


@row("contradict each other")
def vhd_with_two_sizes(folder: Path, canary: Path) -> Path:
    return _vhd_footer(folder, _at(48, struct.pack(">Q", 15 * MIB)))


@row("2040 GiB")
def vhd_of_absurd_size(folder: Path, canary: Path) -> Path:
    path = _vhd_footer(folder, _at(48, struct.pack(">Q", 1 << 62)))
    return patch(path, path.stat().st_size - 512, path.read_bytes()[:512])


@row("no bytes at all|contradict")
def vhd_of_nothing(folder: Path, canary: Path) -> Path:
    return Vhd(0, table_entries=1).write(folder / "x.vhd", {})


@row("header is missing|contradict")
def vhd_with_its_header_nowhere(folder: Path, canary: Path) -> Path:
    return _vhd_footer(folder, _at(16, b"\xff" * 8))


@row("larger than the file")
def vhd_fixed_and_larger_than_its_file(folder: Path, canary: Path) -> Path:
    path = folder / "x.vhd"
    path.write_bytes(bytes(MIB) + Vhd(2 * MIB, kind=2).footer())
    return path


@row("larger than the file")
def vhd_fixed_with_its_footer_in_the_disk(folder: Path, canary: Path) -> Path:
    path = folder / "x.vhd"
    path.write_bytes(bytes(MIB) + Vhd(MIB + 512, kind=2).footer())
    return path
