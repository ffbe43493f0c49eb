"""VDI whose header and block table cannot be, or make a small file a huge disk."""

import struct
from pathlib import Path

from support.block_images import MIB, Vdi, blocks_of
from support.hostile.block_tables import BEYOND, ON_TABLE, SHARED
from support.hostile.rows import row
from support.images import patch

VDI = Vdi(16 * MIB)


def _vdi(folder: Path, vdi: Vdi = VDI) -> Path:
    return vdi.write(folder / "x.vdi", blocks_of([0, 1, 5], 1000))


def _vdi_entry(folder: Path, entry: int) -> Path:
    return patch(_vdi(folder), 512 + 4 * 3, struct.pack("<I", entry))


@row(SHARED)
def vdi_with_a_shared_block(folder: Path, canary: Path) -> Path:
    return _vdi_entry(folder, 1)


@row(BEYOND)
def vdi_with_a_block_beyond_its_end(folder: Path, canary: Path) -> Path:
    return _vdi_entry(folder, 3)


@row(BEYOND)
def vdi_with_a_block_far_beyond_its_end(folder: Path, canary: Path) -> Path:
    return _vdi_entry(folder, 0xFFFFFFFD)


@row(SHARED)
def vdi_of_terabytes_in_one_block(folder: Path, canary: Path) -> Path:
    path = Vdi(512 << 30).write(folder / "x.vdi", blocks_of([0]))
    return patch(path, 512, bytes(4 * (512 << 10)))


@row(SHARED)
def vdi_with_a_table_of_holes(folder: Path, canary: Path) -> Path:
    path = folder / "x.vdi"
    path.write_bytes(Vdi(64 << 40, data_offset=1 << 30).header(1 << 30, 1))
    with path.open("r+b") as file:
        file.truncate((1 << 30) + MIB)
    return path


@row(ON_TABLE)
def vdi_with_its_blocks_on_its_table(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x158, struct.pack("<I", 512))


@row(ON_TABLE)
def vdi_with_its_blocks_on_its_header(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x158, struct.pack("<I", 0))


@row("overlap each other")
def vdi_with_its_table_on_its_header(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x154, struct.pack("<I", 0))


@row("beyond the file's end")
def vdi_with_its_table_beyond_its_end(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x154, struct.pack("<I", 0xFFFFFE00))


@row("contradicts itself")
def vdi_with_its_data_beside_a_sector(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x158, struct.pack("<I", 1025))


@row("contradicts itself")
def vdi_with_more_blocks_in_use_than_it_has(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x184, struct.pack("<I", 17))


@row("contradicts itself")
def vdi_with_an_absurd_table(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x180, b"\xff" * 4)


@row("blocks of 2097152 bytes")
def vdi_with_larger_blocks(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x178, struct.pack("<I", 2 * MIB))


@row("sectors of 4096")
def vdi_with_larger_sectors(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x168, struct.pack("<I", 4096))


@row("version 0.1")
def vdi_of_another_version(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x44, struct.pack("<I", 1))


@row("stands on a parent image")
def vdi_linked(folder: Path, canary: Path) -> Path:
    return patch(_vdi(folder), 0x1A8, b"l" * 16)
