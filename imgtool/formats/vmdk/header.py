"""VMDK: the header of a sparse extent, or the footer that takes its place, and whether they can be.

Source: VMware, "Virtual Disk Format 5.0", "Hosted Sparse Extents" and "Stream-Optimized Compressed Sparse
Extents"; QEMU, block/vmdk.c, vmdk_open_vmdk4. The size of a grain table is bounded as there.
"""

import struct
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.bounds import check_virtual_size
from imgtool.formats.layout import MAX_PACKED_BYTES
from imgtool.formats.source import ReadAt
from imgtool.formats.vmdk.descriptor import check_descriptor

FOOTER_SECTORS = 3
"""Its marker, itself, and the marker of the stream's end: the last ones of the file."""
MAX_TABLES = 8 << 20
"""A disk of 2 TiB, the most that entries of 32 bits can name, in the smallest grains and usual tables; QEMU
takes four times as many. They take 32 MiB."""
_MAX_TABLE_ENTRIES = 512
_MAX_GRAIN_BYTES = 1 << 30
_MAX_VERSION = 3

_HEADER = struct.Struct("<4sIIQQQQIQQQ5xH")
_MARKER = struct.Struct("<QII496x")
_DIRECTORY_AT_END = (1 << 64) - 1
_FOOTER_MARKER = (0, 3)
_END_MARKER = (0, 0, 0)

_ZERO_GRAINS = 1 << 2
_COMPRESSED = 1 << 16
_MARKERS = 1 << 17
_INCOMPATIBLE = 0xFFFF0000
"""Flags without which a file cannot be read."""


class VmdkHeader(NamedTuple):
    """A VMDK header; places and lengths are in sectors of 512 bytes."""

    signature: bytes
    version: int
    flags: int
    capacity: int
    grain_sectors: int
    descriptor_sector: int
    descriptor_sectors: int
    table_entries: int
    second_directory: int
    """A copy, which neither QEMU nor imgtool reads."""
    directory: int
    overhead: int
    compression: int

    @property
    def compressed(self) -> bool:
        """Whether each grain is deflated, behind a marker that says which one it is."""
        return self.compression == 1

    @property
    def has_zero_grains(self) -> bool:
        """Whether an entry of 1 stands for a grain of zeros, and not for sector 1."""
        return bool(self.flags & _ZERO_GRAINS)

    @property
    def tables(self) -> int:
        """How many grain tables the disk has."""
        return -(-self.capacity // (self.grain_sectors * self.table_entries))


class VmdkPlace(NamedTuple):
    """A header, and how many sectors at the file's end it has taken from the data."""

    header: VmdkHeader
    footer_sectors: int


def read_header(read_at: ReadAt, size_bytes: int) -> VmdkPlace:
    """The header that counts, checked, its descriptor too. Raises UnsafeImageError, ImageUnreadableError."""
    header = _parse(read_at(0, 512))
    check_descriptor(read_at, header.descriptor_sectors)
    footer_sectors = 0
    if header.directory == _DIRECTORY_AT_END:
        header, footer_sectors = _footer(read_at, size_bytes, header), FOOTER_SECTORS
    _check(header, size_bytes)
    return VmdkPlace(header, footer_sectors)


def _parse(content: bytes) -> VmdkHeader:
    if not content.startswith(b"KDMV"):
        raise UnsafeImageError(
            "it is a VMDK descriptor that names other files as its content (CVE-2022-47951)",
            hint="make one file of it: qemu-img convert -O qcow2 where it was made",
        )
    if len(content) < 512:
        raise ImageUnreadableError("its VMDK header is cut off")
    return VmdkHeader(*_HEADER.unpack_from(content))


def _footer(read_at: ReadAt, size_bytes: int, header: VmdkHeader) -> VmdkHeader:
    """The header at the end, of which the directory's place is taken. All that the disk is of must agree."""
    content = read_at(max(0, size_bytes - FOOTER_SECTORS * 512), FOOTER_SECTORS * 512)
    if size_bytes % 512 or len(content) < FOOTER_SECTORS * 512:
        raise ImageUnreadableError("its footer is missing: is it cut off?")
    marker, end = _MARKER.unpack_from(content), _MARKER.unpack_from(content, 1024)
    if marker[1:] != _FOOTER_MARKER or end != _END_MARKER or content[512:516] != b"KDMV":
        raise ImageUnreadableError("its footer is missing: is it cut off?")
    footer = _parse(content[512:1024])
    if footer.directory == _DIRECTORY_AT_END or _told_twice(footer) != _told_twice(header):
        raise ImageUnreadableError("its footer contradicts its header")
    return footer


def _told_twice(header: VmdkHeader) -> VmdkHeader:
    return header._replace(directory=0, second_directory=0, overhead=0)


def _check(header: VmdkHeader, size_bytes: int) -> None:
    check_virtual_size(header.capacity * 512)
    if not 1 <= header.version <= _MAX_VERSION:
        raise ImageUnreadableError(f"it is a VMDK of version {header.version}, which nobody knows")
    _check_compression(header)
    grain_bytes = header.grain_sectors * 512
    most = MAX_PACKED_BYTES if header.compressed else _MAX_GRAIN_BYTES
    if grain_bytes.bit_count() != 1 or grain_bytes > most:
        raise ImageUnreadableError(f"its VMDK header claims grains of {header.grain_sectors} sectors")
    if not 1 <= header.table_entries <= _MAX_TABLE_ENTRIES:
        raise ImageUnreadableError(f"its VMDK header claims grain tables of {header.table_entries} entries")
    if header.tables > MAX_TABLES:
        raise ImageUnreadableError(f"its VMDK header claims {header.tables} grain tables")
    last = max(header.overhead * 512, header.directory * 512 + header.tables * 4)
    if last > -(-size_bytes // 512) * 512:
        raise ImageUnreadableError("its grain directory lies beyond the file's end: the file is cut off")


def _check_compression(header: VmdkHeader) -> None:
    """Compressed grains with markers, or neither: of grains without, programs disagree how they begin."""
    wanted = _COMPRESSED | _MARKERS if header.compressed else 0
    if header.compression > 1 or header.flags & _INCOMPATIBLE != wanted:
        raise ImageUnreadableError("its VMDK header asks for features that nobody knows")
