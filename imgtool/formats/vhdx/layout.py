"""VHDX, fixed and dynamic: where its disk is in the file.

Source: Microsoft, [MS-VHDX], section 2.5 (BAT); QEMU, block/vhdx.c. After the entries of each 4 GiB of disk
stands one for a bitmap of sectors, which only differencing disks have.
"""

from array import array

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.block_room import Room, refuse_overlaps
from imgtool.formats.block_table import BlockLayout, Disk, Table
from imgtool.formats.bounds import check_virtual_size
from imgtool.formats.layout import Layout
from imgtool.formats.source import ReadAt
from imgtool.formats.vhdx.header import (
    HEADER_SECTION,
    MIB,
    Header,
    Regions,
    read_header,
    read_regions,
)
from imgtool.formats.vhdx.metadata import read_metadata
from imgtool.formats.vhdx.place import SIGNATURE

_ENTRY_BYTES = 8
_SECTORS_OF_BITMAP = 1 << 23
"""What one bitmap of 1 MiB describes."""
_STATE = 7
_FULLY_PRESENT, _PARTIALLY_PRESENT = 6, 7
_ZERO_STATES = frozenset({0, 1, 2, 3, 5})
"""Not present, undefined, zero, unmapped, and unmapped as version 0.95 wrote it: QEMU reads zeros in all."""
_STATES = _ZERO_STATES | {_FULLY_PRESENT}


def read_layout(read_at: ReadAt, size_bytes: int) -> Layout:
    """The layout of a VHDX. Raises UnsafeImageError, ImageUnreadableError."""
    if read_at(0, len(SIGNATURE)) != SIGNATURE:
        raise ImageUnreadableError("it has no VHDX signature")
    regions = read_regions(read_at, size_bytes)
    header = read_header(read_at)
    _refuse_log(header)
    metadata = read_metadata(read_at, regions.metadata)
    check_virtual_size(metadata.size_bytes)
    everything = [HEADER_SECTION, header.log, regions.bat, regions.metadata, *regions.others]
    refuse_overlaps(everything)
    room = Room(size_bytes, MIB, metadata.block_bytes // MIB, everything)
    disk = Disk(metadata.size_bytes, metadata.block_bytes)
    table = _table(regions, disk, metadata.sector_bytes)
    return BlockLayout(read_at, disk, table, _Entries(), room)


def _refuse_log(header: Header) -> None:
    if any(header.log_guid) and header.log.start_bytes != header.log.end_bytes:
        raise ImageUnreadableError(
            "its log has writes that are not in their places yet: the disk was not closed",
            hint="open and close it where it was made, or run `qemu-img check -r all` on a copy",
        )


def _table(regions: Regions, disk: Disk, sector_bytes: int) -> Table:
    ratio = _SECTORS_OF_BITMAP * sector_bytes // disk.block_bytes
    entries = disk.blocks + (disk.blocks - 1) // ratio
    if entries * _ENTRY_BYTES > regions.bat.end_bytes - regions.bat.start_bytes:
        raise ImageUnreadableError("its VHDX block table is too small for its disk")
    return Table(regions.bat.start_bytes, disk.blocks, "Q", page_blocks=ratio, page_gap=1)


class _Entries:
    """Each entry is a state and, in MiB, where the block is."""

    def offset_of(self, entry: int) -> int | None:
        state = entry & _STATE
        if state == _FULLY_PRESENT:
            return entry & -MIB
        if state in _ZERO_STATES:
            return None
        raise _meaningless(state)

    def starts(self, entries: "array[int]") -> list[int]:
        for state in {entry & _STATE for entry in entries} - _STATES:
            raise _meaningless(state)
        return [entry >> 20 for entry in entries if entry & _STATE == _FULLY_PRESENT]


def _meaningless(state: int) -> ImageUnreadableError | UnsafeImageError:
    if state == _PARTIALLY_PRESENT:
        return UnsafeImageError("it is a VHDX of which a part stands on a parent image that it does not name")
    return ImageUnreadableError(f"its VHDX block table has a block in the state {state}, which is none")
