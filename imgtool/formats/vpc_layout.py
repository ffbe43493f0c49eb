"""VHD ("vpc"), fixed and dynamic: where its disk is in the file.

Source: Microsoft, "Virtual Hard Disk Image Format Specification"; QEMU, block/vpc.c. A bitmap stands before
each block and tells which of its sectors were written. QEMU reads the whole block whatever the bitmap says,
and so do we: in a disk without a parent the other sectors are zeros.
"""

from array import array
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError
from imgtool.formats.block_room import Region, Room
from imgtool.formats.block_table import BlockLayout, Disk, Table, UncompressedLayout
from imgtool.formats.layout import Layout, Span
from imgtool.formats.source import ReadAt
from imgtool.formats.vpc_header import (
    DYNAMIC_HEADER_BYTES,
    FIXED,
    FOOTER_BYTES,
    Footer,
    is_footer,
    read_dynamic_header,
    read_footer,
)

_SECTOR_BYTES = 512
_NOT_IN_FILE = 0xFFFFFFFF


def read_layout(read_at: ReadAt, size_bytes: int) -> Layout:
    """The layout of a VHD. Raises UnsafeImageError, ImageUnreadableError."""
    footer = read_footer(read_at, size_bytes)
    if footer.kind == FIXED:
        return _fixed(footer, size_bytes)
    return _dynamic(read_at, footer, size_bytes)


class FixedLayout(UncompressedLayout):
    """The disk is the beginning of the file."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes

    def span_at(self, position: int) -> Span:
        """All of it."""
        return Span(0, self.size_bytes, 0)

    def check(self) -> None:
        """There is no table."""


class _Entries(NamedTuple):
    """Each entry is the sector of a block's bitmap; the data follows."""

    bitmap_bytes: int

    def offset_of(self, entry: int) -> int | None:
        return None if entry == _NOT_IN_FILE else entry * _SECTOR_BYTES + self.bitmap_bytes

    def starts(self, entries: "array[int]") -> list[int]:
        return [entry for entry in entries if entry != _NOT_IN_FILE]


def _fixed(footer: Footer, size_bytes: int) -> Layout:
    if footer.size_bytes > size_bytes - FOOTER_BYTES:
        raise ImageUnreadableError("its disk is larger than the file: the file is cut off")
    return FixedLayout(footer.size_bytes)


def _dynamic(read_at: ReadAt, footer: Footer, size_bytes: int) -> Layout:
    header = read_dynamic_header(read_at, footer)
    bitmap = header.bitmap_bytes
    room = Room(
        file_bytes=size_bytes,
        unit_bytes=_SECTOR_BYTES,
        block_units=(bitmap + header.block_bytes) // _SECTOR_BYTES,
        regions=[
            Region(0, FOOTER_BYTES),
            Region(footer.header_offset, footer.header_offset + DYNAMIC_HEADER_BYTES),
            Region(header.table_offset, header.table_offset + header.blocks * 4),
            *_last_footer(read_at, size_bytes),
        ],
    )
    disk = Disk(footer.size_bytes, header.block_bytes)
    table = Table(header.table_offset, header.blocks, "I", big_endian=True)
    return BlockLayout(read_at, disk, table, _Entries(bitmap), room)


def _last_footer(read_at: ReadAt, size_bytes: int) -> list[Region]:
    """The room of the footer at the end; QEMU reads a file that lost it, too."""
    start = max(0, size_bytes - FOOTER_BYTES)
    return [Region(start, size_bytes)] if is_footer(read_at(start, FOOTER_BYTES)) else []
