"""Disks with as many partitions as there can be, each with something on it."""

import os
import struct
import zlib
from pathlib import Path
from uuid import UUID

SECTOR = 512
LINUX = UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
FIRST, APART = 4096, 16
"""Sectors: where the first partition begins, and from each to the next."""
CONTENT = b"LUKS\xba\xbe\0\1".ljust(SECTOR, b"\0")
"""Something of which a file system's fact is made."""


def write_gpt(path: Path, count: int, label: str = "a label of 36 characters, all of them") -> Path:
    """A GUID partition table of `count` entries, all in use."""
    size = (FIRST + (count + 1) * APART) * SECTOR
    entries = b"".join(_entry(number, label) for number in range(count))
    with path.open("wb") as file:
        file.truncate(size)
        file.write(_boot_record([(0xEE, 1, size // SECTOR - 1)]))
        file.write(_header(count, size, entries))
        file.seek(2 * SECTOR)
        file.write(entries)
        _fill(file.fileno(), FIRST, count)
    return path


def write_chain(path: Path, count: int) -> Path:
    """An extended partition with `count` logical ones."""
    size = (FIRST + (count + 2) * APART) * SECTOR
    with path.open("wb") as file:
        file.truncate(size)
        file.write(_boot_record([(0x0F, FIRST, size // SECTOR - FIRST)]))
        for number in range(count):
            here = number * APART
            links = [(0x0F, here + APART, APART)] if number < count - 1 else []
            file.seek((FIRST + here) * SECTOR)
            file.write(_boot_record([(0x83, 1, APART - 1), *links]))
        _fill(file.fileno(), FIRST + 1, count)
    return path


def _fill(descriptor: int, first: int, count: int) -> None:
    for number in range(count):
        os.pwrite(descriptor, CONTENT, (first + number * APART) * SECTOR)


def _entry(number: int, label: str) -> bytes:
    first = FIRST + number * APART
    name = label[:36].encode("utf-16-le").ljust(72, b"\0")
    return struct.pack(
        "<16s16sQQQ72s", LINUX.bytes_le, UUID(int=number + 1).bytes_le, first, first + APART - 1, 0, name
    )


def _header(count: int, size: int, entries: bytes) -> bytes:
    last = size // SECTOR - 1

    def packed(crc: int) -> bytes:
        return struct.pack(
            "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, 1, last, FIRST, last - 1,
            UUID(int=1).bytes_le, 2, count, 128, zlib.crc32(entries),
        )  # fmt: skip

    return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")


def _boot_record(entries: list[tuple[int, int, int]]) -> bytes:
    """Of each entry the type, the first sector and their number; OpenStack looks at a GPT's CHS too."""
    table = b"".join(struct.pack("<4BB3xII", 0, 0, 2, 0, *entry) for entry in entries)
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"
