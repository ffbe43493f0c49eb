"""VDI, VirtualBox's format: where its disk is in the file. Source: QEMU, block/vdi.c."""

import struct
from array import array

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.block_room import Region, Room
from imgtool.formats.block_table import BlockLayout, Disk, Table
from imgtool.formats.bounds import check_virtual_size, round_to_sector
from imgtool.formats.layout import Layout
from imgtool.formats.source import ReadAt

_HEADER_BYTES = 512
_SIGNATURE, _VERSION = 0xBEDA107F, 0x00010001
_DYNAMIC, _STATIC = 1, 2
_NO_UUID = bytes(16)
_BLOCK_BYTES = 1 << 20
"""The only size that QEMU reads, and that VirtualBox writes."""
_MAX_BLOCKS = 0x1FFFFF80
"""As many as QEMU takes."""
_DISCARDED = 0xFFFFFFFE
"""This entry and the one after it, of a block that was never written, read as zeros."""


def read_layout(read_at: ReadAt, size_bytes: int) -> Layout:
    """The layout of a VDI. Raises UnsafeImageError, ImageUnreadableError."""
    header = read_at(0, _HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        raise ImageUnreadableError("its VDI header is cut off")
    _check_kind(header)
    map_offset, data_offset = struct.unpack_from("<II", header, 0x154)
    (sector_bytes,) = struct.unpack_from("<I", header, 0x168)
    disk_bytes, block_bytes, _, blocks, allocated = struct.unpack_from("<QIIII", header, 0x170)
    check_virtual_size(disk_bytes)
    if (
        blocks * block_bytes < disk_bytes
        or not allocated <= blocks <= _MAX_BLOCKS
        or map_offset % 512
        or data_offset % 512
    ):
        raise ImageUnreadableError("its VDI header contradicts itself")
    if block_bytes != _BLOCK_BYTES or sector_bytes != 512:
        raise ImageUnreadableError(
            f"it has blocks of {block_bytes} bytes and sectors of {sector_bytes}: only 1 MiB, 512 are read",
            hint="QEMU reads no others either; convert it where it was made: VBoxManage clonemedium",
        )
    if map_offset + 4 * blocks > size_bytes or data_offset + allocated * block_bytes > size_bytes:
        raise ImageUnreadableError("its blocks lie beyond the file's end: the file is cut off")
    room = Room(
        file_bytes=size_bytes,
        unit_bytes=block_bytes,
        block_units=1,
        regions=[Region(0, _HEADER_BYTES), Region(map_offset, map_offset + 4 * blocks)],
        base_bytes=data_offset,
    )
    table = Table(map_offset, blocks, "I")
    disk = Disk(round_to_sector(disk_bytes), block_bytes)
    return BlockLayout(read_at, disk, table, _Entries(data_offset), room)


def _check_kind(header: bytes) -> None:
    signature, version, _, image_type = struct.unpack_from("<IIII", header, 0x40)
    if signature != _SIGNATURE or version != _VERSION:
        raise ImageUnreadableError(
            f"it is a VDI of version {version >> 16}.{version & 0xFFFF}: only 1.1 is read",
            hint="convert it where it was made: VBoxManage clonemedium",
        )
    linked, parent = header[0x1A8:0x1B8], header[0x1B8:0x1C8]
    if image_type not in {_DYNAMIC, _STATIC} or linked != _NO_UUID or parent != _NO_UUID:
        raise UnsafeImageError("it is a VDI that stands on a parent image")


class _Entries:
    """Each entry is the number of a block in the file."""

    def __init__(self, data_offset: int) -> None:
        self._data_offset = data_offset

    def offset_of(self, entry: int) -> int | None:
        return None if entry >= _DISCARDED else self._data_offset + entry * _BLOCK_BYTES

    def starts(self, entries: "array[int]") -> list[int]:
        return [entry for entry in entries if entry < _DISCARDED]
