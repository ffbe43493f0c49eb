"""Partition tables that OpenStack refuses, as raw files."""

import struct
from pathlib import Path

from support.hostile.rows import row

PROTECTIVE, LINUX = 0xEE, 0x83


def _disk(folder: Path, *entries: bytes) -> Path:
    path = folder / "x.raw"
    table = b"".join(entries).ljust(64, b"\0")
    path.write_bytes(bytes(446) + table + b"\x55\xaa" + bytes(1 << 20))
    return path


def _entry(kind: int = PROTECTIVE, flag: int = 0, head: int = 0, sector: int = 2, first: int = 1) -> bytes:
    return struct.pack("<BBBBBBBBII", flag, head, sector, 0, kind, 0, 0, 0, first, 2047)


@row("OpenStack refuses it: .*(MBR|CHS|LBA)")
def mbr_with_an_impossible_boot_flag(folder: Path, canary: Path) -> Path:
    return _disk(folder, _entry(LINUX, flag=0x0A))


@row("OpenStack refuses it: .*(MBR|CHS|LBA)")
def mbr_with_a_partition_beside_the_protective_one(folder: Path, canary: Path) -> Path:
    return _disk(folder, _entry(), _entry())


@row("OpenStack refuses it: .*(MBR|CHS|LBA)")
def protective_mbr_that_begins_elsewhere_by_heads(folder: Path, canary: Path) -> Path:
    return _disk(folder, _entry(sector=1))


@row("OpenStack refuses it: .*(MBR|CHS|LBA)")
def protective_mbr_that_begins_elsewhere_by_sectors(folder: Path, canary: Path) -> Path:
    return _disk(folder, _entry(first=2))
