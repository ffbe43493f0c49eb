"""Writes VHD, VDI and VHDX as qemu-img does not: any block size, any order of the blocks, any creator.

Blocks are given by their number; a block that is not given is not in the file. All is written sparsely, so a
disk of terabytes costs nothing.
"""

import random
import struct
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from imgtool.formats.vhdx.header import crc32c

MIB = 1 << 20
Blocks = Mapping[int, bytes]
GREATEST_GEOMETRY = (65535, 16, 255)
"""What a VHD says that is larger than its geometry can be."""


def vhd_checksum(content: bytes, at: int) -> bytes:
    """`content` with its checksum at `at`."""
    without = content[:at] + bytes(4) + content[at + 4 :]
    return content[:at] + struct.pack(">I", ~sum(without) & 0xFFFFFFFF) + content[at + 4 :]


class Vhd(NamedTuple):
    """How a VHD is written."""

    size_bytes: int
    block_bytes: int = 2 * MIB
    creator: bytes = b"win "
    geometry: tuple[int, int, int] = (0, 0, 0)
    kind: int = 3
    table_entries: int | None = None

    def footer(self) -> bytes:
        offset = 512 if self.kind != 2 else 0xFFFFFFFFFFFFFFFF
        head = struct.pack(">8sIIQI4sI4s", b"conectix", 2, 0x10000, offset, 0, self.creator, 0x10000, b"Wi2k")
        sizes = struct.pack(">QQHBBI", self.size_bytes, self.size_bytes, *self.geometry, self.kind)
        return vhd_checksum((head + sizes).ljust(512, b"\0"), 64)

    @property
    def entries(self) -> int:
        return self.table_entries or -(-self.size_bytes // self.block_bytes)

    def header(self) -> bytes:
        head = struct.pack(
            ">8sQQIII", b"cxsparse", (1 << 64) - 1, 1536, 0x10000, self.entries, self.block_bytes
        )
        return vhd_checksum(head.ljust(1024, b"\0"), 36)

    @property
    def bitmap_bytes(self) -> int:
        return -(-self.block_bytes // 4096 // 512) * 512

    @property
    def first_block(self) -> int:
        """The sector where blocks can start."""
        return -(-(1536 + 4 * self.entries) // 512)

    def write(self, path: Path, blocks: Blocks, order: Sequence[int] = ()) -> Path:
        """A dynamic disk, its blocks in the file in `order`, in that of their numbers without it."""
        table = [0xFFFFFFFF] * self.entries
        room = (self.bitmap_bytes + self.block_bytes) // 512
        with path.open("wb") as file:
            for place, number in enumerate(order or sorted(blocks)):
                table[number] = self.first_block + place * room
                file.seek(table[number] * 512)
                file.write(b"\xff" * self.bitmap_bytes + blocks[number].ljust(self.block_bytes, b"\0"))
            end = (self.first_block + room * len(blocks)) * 512
            _put(file, 0, self.footer() + self.header() + struct.pack(f">{len(table)}I", *table))
            _put(file, end, self.footer())
        return path

    def write_fixed(self, path: Path, content: bytes) -> Path:
        path.write_bytes(content.ljust(self.size_bytes, b"\0") + self._replace(kind=2).footer())
        return path


class Vdi(NamedTuple):
    """How a VDI is written."""

    size_bytes: int
    kind: int = 1
    data_offset: int | None = None
    unused: int = 0xFFFFFFFF
    """The entry of a block that is not in the file."""

    @property
    def blocks(self) -> int:
        return -(-self.size_bytes // MIB)

    def write(self, path: Path, blocks: Blocks, order: Sequence[int] = ()) -> Path:
        table = [self.unused] * self.blocks
        data_offset = self.data_offset or 512 + -(-4 * self.blocks // 512) * 512
        with path.open("wb") as file:
            for place, number in enumerate(order or sorted(blocks)):
                table[number] = place
                _put(file, data_offset + place * MIB, blocks[number].ljust(MIB, b"\0"))
            _put(file, 0, self.header(data_offset, len(blocks)) + struct.pack(f"<{self.blocks}I", *table))
        return path

    def header(self, data_offset: int, allocated: int) -> bytes:
        start = b"<<< test >>>\n".ljust(64, b"\0")
        start += struct.pack("<IIIII", 0xBEDA107F, 0x10001, 0x190, self.kind, 0)
        start = start.ljust(0x154, b"\0") + struct.pack("<IIIIIII", 512, data_offset, 0, 0, 0, 512, 0)
        return (start + struct.pack("<QIIII", self.size_bytes, MIB, 0, self.blocks, allocated)).ljust(
            512, b"\0"
        )


_BAT = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
_METADATA = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")
FILE_PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
DISK_SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
PAGE_83 = uuid.UUID("BECA12AB-B2E6-4523-93EF-C309E000C746")
LOGICAL_SECTOR = uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
PHYSICAL_SECTOR = uuid.UUID("CDA348C7-445D-4471-9CC9-E9885251C556")
PARENT_LOCATOR = uuid.UUID("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C")

FULLY_PRESENT = 6


class Vhdx(NamedTuple):
    """How a VHDX is written."""

    size_bytes: int
    block_bytes: int = MIB
    sector_bytes: int = 512
    unused: int = 0
    """The entry of a block that is not in the file."""
    bitmap_entry: int = 0
    """The entry of each bitmap of sectors, which is none here."""
    log_guid: bytes = bytes(16)
    log_length: int = MIB
    flags: int = 0
    """Of the file parameters: 2 for a parent."""
    more_items: tuple[tuple[uuid.UUID, bytes, int], ...] = ()
    """GUID, content and flags."""
    more_regions: tuple[tuple[uuid.UUID, int, int, int], ...] = ()
    """GUID, offset, length and flags."""
    sequences: tuple[int, int] = (1, 2)

    @property
    def blocks(self) -> int:
        return -(-self.size_bytes // self.block_bytes)

    @property
    def ratio(self) -> int:
        return (self.sector_bytes << 23) // self.block_bytes

    @property
    def table_bytes(self) -> int:
        entries = self.blocks + (self.blocks - 1) // self.ratio
        return -(-8 * entries // MIB) * MIB

    @property
    def table_offset(self) -> int:
        return 3 * MIB + self.log_length - MIB

    @property
    def metadata_offset(self) -> int:
        return MIB + self.log_length

    @property
    def first_block(self) -> int:
        """In MiB."""
        return (self.table_offset + self.table_bytes) // MIB

    def entry_offset(self, block: int) -> int:
        """Where the table has the entry of a block."""
        return self.table_offset + 8 * (block + block // self.ratio)

    def write(self, path: Path, blocks: Blocks, order: Sequence[int] = ()) -> Path:
        with path.open("wb") as file:
            _put(file, 0, b"vhdxfile" + "test".encode("utf-16-le"))
            for offset, sequence in zip((64 << 10, 128 << 10), self.sequences, strict=True):
                _put(file, offset, self.header(sequence))
            for offset in (192 << 10, 256 << 10):
                _put(file, offset, self.regions())
            _put(file, self.metadata_offset, self.metadata())
            self._write_table(file)
            end = self.first_block
            for number in order or sorted(blocks):
                entry = struct.pack("<Q", end * MIB | FULLY_PRESENT)
                _put(file, self.entry_offset(number), entry)
                _put(file, end * MIB, blocks[number])
                end += self.block_bytes // MIB
            file.truncate(end * MIB)
        return path

    def _write_table(self, file: BinaryIO) -> None:
        if self.unused or self.bitmap_entry:
            for block in range(self.blocks):
                _put(file, self.entry_offset(block), struct.pack("<Q", self.unused))
                if block and block % self.ratio == 0:
                    _put(file, self.entry_offset(block) - 8, struct.pack("<Q", self.bitmap_entry))

    def header(self, sequence: int) -> bytes:
        head = struct.pack("<4s4xQ16s16s16s", b"head", sequence, bytes(16), bytes(16), self.log_guid)
        return sealed((head + struct.pack("<HHIQ", 0, 1, self.log_length, MIB)).ljust(4096, b"\0"))

    def regions(self) -> bytes:
        known = (
            (_METADATA, self.metadata_offset, MIB, 1),
            (_BAT, self.table_offset, self.table_bytes, 1),
        )
        found = [*known, *self.more_regions]
        entries = b"".join(struct.pack("<16sQII", guid.bytes_le, *rest) for guid, *rest in found)
        return sealed((struct.pack("<4s4xII", b"regi", len(found), 0) + entries).ljust(64 << 10, b"\0"))

    def metadata(self) -> bytes:
        items = (
            (FILE_PARAMETERS, struct.pack("<II", self.block_bytes, self.flags), 4),
            (DISK_SIZE, struct.pack("<Q", self.size_bytes), 6),
            (PAGE_83, bytes(range(16)), 6),
            (LOGICAL_SECTOR, struct.pack("<I", self.sector_bytes), 6),
            (PHYSICAL_SECTOR, struct.pack("<I", 4096), 6),
            *self.more_items,
        )
        table = struct.pack("<8sHH20x", b"metadata", 0, len(items))
        content = b""
        for guid, value, flags in items:
            table += struct.pack("<16sIII4x", guid.bytes_le, (64 << 10) + len(content), len(value), flags)
            content += value
        return table.ljust(64 << 10, b"\0") + content


def sealed(content: bytes) -> bytes:
    """`content` with its CRC-32C at 4."""
    without = content[:4] + bytes(4) + content[8:]
    return content[:4] + struct.pack("<I", crc32c(without)) + content[8:]


def _put(file: BinaryIO, offset: int, content: bytes) -> None:
    file.seek(offset)
    file.write(content)


def scattered(size_bytes: int, seed: int = 1) -> bytes:
    """A disk's content: noise, text, long and short runs of zeros."""
    noise = random.Random(seed).randbytes(64 << 10)
    text = b"".join(b"%d: a line of text\n" % number for number in range(3000))
    pattern = noise + bytes(300 << 10) + text + bytes(512 * 7) + noise[:4096] + bytes(1 << 20) + noise[:1536]
    return (pattern * (size_bytes // len(pattern) + 1))[:size_bytes]


def blocks_of(numbers: Sequence[int], length: int = 70_000) -> dict[int, bytes]:
    """Blocks with these numbers: each tells its own at its beginning, and is otherwise noise."""
    noise = random.Random(7).randbytes(length)
    return {number: b"block %d" % number + noise[number % 7 :] for number in numbers}
