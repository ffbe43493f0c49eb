"""VHD ("vpc"): the footer, which dynamic disks repeat at their beginning, and their second header.

Source: Microsoft, "Virtual Hard Disk Image Format Specification"; QEMU, block/vpc.c. QEMU reads the footer at
the beginning, and the one at the end only where there is none: a disk that it takes for fixed is raw content.
"""

import struct
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.source import ReadAt

COOKIE = b"conectix"
FOOTER_BYTES = 512
FIXED, DYNAMIC = 2, 3
_DIFFERENCING = 4
_SIZE_IS_EXACT = frozenset({b"win ", b"qem2", b"d2v ", b"tap\0", b"CTXS", b"wa\0\0"})
"""Creators whose "current size" holds; the others' disks end where cylinders, heads and sectors say. The last
one is Azure: QEMU knows it since later than 7.2."""
_MAX_GEOMETRY_SECTORS = 65535 * 16 * 255
"""What larger disks claim, because the geometry has no larger value."""
_MAX_SECTORS = 0xFF000000
"""2040 GiB, the largest disk."""

_GOVERNING = (slice(16, 24), slice(28, 32), slice(48, 64))
"""Of the footer: where the dynamic header is, the creator, the size, the geometry and the kind."""

_DYNAMIC_COOKIE = b"cxsparse"
DYNAMIC_HEADER_BYTES = 1024
_PARENT_PARTS = (slice(40, 56), slice(64, 576), slice(576, 768))
"""Of the dynamic header: the parent's id, its name, and its locators."""
_MIN_BLOCK_BYTES = 4096
"""QEMU takes smaller ones to have no bitmap, where the specification gives them a sector of it."""
_MAX_BLOCKS = 1 << 22
"""The largest disk in blocks of 512 KiB, the smaller one of the usual sizes."""


class Footer(NamedTuple):
    """What the footer says."""

    kind: int
    size_bytes: int
    """The size of the disk, as QEMU presents it."""
    header_offset: int
    """Where the dynamic header is."""


class DynamicHeader(NamedTuple):
    """What the header of a dynamic disk says."""

    table_offset: int
    blocks: int
    block_bytes: int

    @property
    def bitmap_bytes(self) -> int:
        """How long the bitmap in front of each block is: one bit for a sector, in whole sectors."""
        return (self.block_bytes // 4096 + 511) // 512 * 512


def has_fixed_footer(read_at: ReadAt, size_bytes: int) -> bool:
    """Whether it is a fixed VHD: raw content, then the footer. Nothing at the beginning tells."""
    footer = _last_footer(read_at, size_bytes)
    return len(footer) == FOOTER_BYTES and footer.startswith(COOKIE) and _kind(footer) == FIXED


def read_footer(read_at: ReadAt, size_bytes: int) -> Footer:
    """What the footer says that QEMU goes by. Raises UnsafeImageError for a disk that stands on a parent.

    Raises ImageUnreadableError where it is missing, damaged, or contradicted by the one at the end.
    """
    first, last = read_at(0, FOOTER_BYTES), _last_footer(read_at, size_bytes)
    footer = first if first.startswith(COOKIE) else last
    if len(footer) < FOOTER_BYTES or not footer.startswith(COOKIE):
        raise ImageUnreadableError("its VHD footer is missing: the file is cut off")
    kind = _kind(footer)
    if kind == _DIFFERENCING:
        raise UnsafeImageError("it is a differencing VHD: it stands on a parent image")
    if kind != (DYNAMIC if footer is first else FIXED):
        place = "at its beginning" if footer is first else "only at its end"
        raise ImageUnreadableError(f"its VHD footer is {place} and says that its kind is {kind}")
    if not _checksum_holds(footer, 64):
        raise ImageUnreadableError("the checksum of its VHD footer is wrong")
    if footer is first and is_footer(last) and any(first[part] != last[part] for part in _GOVERNING):
        raise ImageUnreadableError("the VHD footers at its beginning and at its end contradict each other")
    return Footer(kind, _size(footer), int.from_bytes(footer[16:24], "big"))


def is_footer(content: bytes) -> bool:
    """Whether these are the bytes of a whole and valid footer."""
    return len(content) == FOOTER_BYTES and content.startswith(COOKIE) and _checksum_holds(content, 64)


def read_dynamic_header(read_at: ReadAt, footer: Footer) -> DynamicHeader:
    """The dynamic header. Raises ImageUnreadableError where it cannot be, UnsafeImageError for a parent."""
    content = read_at(footer.header_offset, DYNAMIC_HEADER_BYTES)
    if len(content) < DYNAMIC_HEADER_BYTES or not content.startswith(_DYNAMIC_COOKIE):
        raise ImageUnreadableError("its dynamic VHD header is missing: the file is cut off or damaged")
    if not _checksum_holds(content, 36):
        raise ImageUnreadableError("the checksum of its dynamic VHD header is wrong")
    if any(any(content[part]) for part in _PARENT_PARTS):
        raise UnsafeImageError(
            "its dynamic VHD header names a parent image, although it is no differencing disk",
            hint="programs disagree about what such a file contains: convert it where it was made",
        )
    table_offset, _, blocks, block_bytes = struct.unpack_from(">QIII", content, 16)
    _check_blocks(blocks, block_bytes, footer.size_bytes)
    return DynamicHeader(table_offset, blocks, block_bytes)


def _check_blocks(blocks: int, block_bytes: int, size_bytes: int) -> None:
    if block_bytes < _MIN_BLOCK_BYTES or block_bytes.bit_count() != 1:
        raise ImageUnreadableError(
            f"its blocks have {block_bytes} bytes: a power of two from {_MIN_BLOCK_BYTES} on is possible"
        )
    if blocks * block_bytes < size_bytes:
        raise ImageUnreadableError("its VHD block table is too small for its disk")
    if blocks > _MAX_BLOCKS:
        raise ImageUnreadableError(f"its VHD block table has {blocks} entries; {_MAX_BLOCKS} is the limit")


def _last_footer(read_at: ReadAt, size_bytes: int) -> bytes:
    return read_at(max(0, size_bytes - FOOTER_BYTES), FOOTER_BYTES)


def _size(footer: bytes) -> int:
    current_size, cylinders, heads, sectors = struct.unpack_from(">QHBB", footer, 48)
    size: int = cylinders * heads * sectors * 512
    if footer[28:32] in _SIZE_IS_EXACT or size == _MAX_GEOMETRY_SECTORS * 512:
        size = current_size // 512 * 512
    if size > _MAX_SECTORS * 512:
        raise ImageUnreadableError(f"it claims a disk of {size} bytes; a VHD has at most 2040 GiB")
    return size


def _kind(footer: bytes) -> int:
    return int.from_bytes(footer[60:64], "big")


def _checksum_holds(content: bytes, at: int) -> bool:
    """The checksum at `at`: the one's complement of the sum of all bytes but the checksum's own."""
    total = sum(content) - sum(content[at : at + 4])
    return (~total & 0xFFFFFFFF) == int.from_bytes(content[at : at + 4], "big")
