"""VDI: VirtualBox's header. Source: QEMU, block/vdi.c."""

import struct

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.bounds import check_virtual_size, round_to_sector
from imgtool.formats.inspector import ReadAt

_DYNAMIC, _STATIC = 1, 2
_NO_UUID = bytes(16)


def virtual_size(read_at: ReadAt, size_bytes: int) -> int:
    """The disk's size in bytes. Raises UnsafeImageError, ImageUnreadableError."""
    header = read_at(0, 512)
    if len(header) < 512:
        raise ImageUnreadableError("its VDI header is cut off")
    (image_type,) = struct.unpack_from("<I", header, 0x4C)
    map_offset, data_offset = struct.unpack_from("<II", header, 0x154)
    disk_size, block_size, _, blocks, allocated = struct.unpack_from("<QIIII", header, 0x170)
    linked, parent = header[0x1A8:0x1B8], header[0x1B8:0x1C8]
    if image_type not in {_DYNAMIC, _STATIC} or linked != _NO_UUID or parent != _NO_UUID:
        raise UnsafeImageError("it is a VDI that stands on a parent image")
    check_virtual_size(disk_size)
    if blocks * block_size < disk_size or allocated > blocks:
        raise ImageUnreadableError("its VDI header contradicts itself")
    if map_offset + 4 * blocks > size_bytes or data_offset + allocated * block_size > size_bytes:
        raise ImageUnreadableError("its blocks lie beyond the file's end: the file is cut off")
    return round_to_sector(disk_size)
