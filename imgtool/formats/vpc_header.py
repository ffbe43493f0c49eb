"""VHD ("vpc"): the footer, which dynamic disks repeat at their beginning.

Source: Microsoft, "Virtual Hard Disk Image Format Specification"; QEMU, block/vpc.c.
"""

import struct

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.bounds import check_virtual_size
from imgtool.formats.inspector import ReadAt

COOKIE = b"conectix"
FOOTER_BYTES = 512
_FIXED, _DYNAMIC = 2, 3
_SIZE_IS_EXACT = frozenset({b"win ", b"qem2", b"d2v ", b"tap\0", b"CTXS", b"wa\0\0"})
"""Creators whose "current size" holds; the others' disks end where cylinders, heads and sectors say."""
_MAX_GEOMETRY_SECTORS = 65535 * 16 * 255
"""What larger disks claim, because the geometry has no larger value."""


def has_fixed_footer(read_at: ReadAt, size_bytes: int) -> bool:
    """Whether it is a fixed VHD: raw content, then the footer. Nothing at the beginning tells."""
    footer = read_at(max(0, size_bytes - FOOTER_BYTES), FOOTER_BYTES)
    return len(footer) == FOOTER_BYTES and footer.startswith(COOKIE) and _type(footer) == _FIXED


def virtual_size(read_at: ReadAt, size_bytes: int) -> int:
    """The disk's size in bytes, as QEMU reads it. Raises UnsafeImageError, ImageUnreadableError."""
    footer = read_at(0, FOOTER_BYTES)
    if not footer.startswith(COOKIE):
        footer = read_at(max(0, size_bytes - FOOTER_BYTES), FOOTER_BYTES)
    if len(footer) < FOOTER_BYTES or not footer.startswith(COOKIE):
        raise ImageUnreadableError("its VHD footer is missing: the file is cut off")
    if _type(footer) not in {_FIXED, _DYNAMIC}:
        raise UnsafeImageError("it is a VHD that stands on a parent image")
    if not _checksum_holds(footer):
        raise ImageUnreadableError("the checksum of its VHD footer is wrong")
    current_size, cylinders, heads, sectors = struct.unpack_from(">QHBB", footer, 48)
    size: int = cylinders * heads * sectors * 512
    if footer[28:32] in _SIZE_IS_EXACT or size == _MAX_GEOMETRY_SECTORS * 512:
        size = current_size // 512 * 512
    check_virtual_size(size)
    if _type(footer) == _FIXED and size > size_bytes:
        raise ImageUnreadableError("its disk is larger than the file: the file is cut off")
    return size


def _type(footer: bytes) -> int:
    return int.from_bytes(footer[60:64], "big")


def _checksum_holds(footer: bytes) -> bool:
    """The one's complement of the sum of all bytes but the checksum's own."""
    total = sum(footer) - sum(footer[64:68])
    return (~total & 0xFFFFFFFF) == int.from_bytes(footer[64:68], "big")
