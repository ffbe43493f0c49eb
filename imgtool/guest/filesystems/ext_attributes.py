"""Extended attributes of ext2, ext3 and ext4: in the inode behind its fields, or in a block of their own.

Layout: the kernel's Documentation/filesystems/ext4/attributes.rst.
"""

import struct
from collections.abc import Iterator

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.ext_volume import Inode
from imgtool.guest.filesystems.superblock import number

MAGIC = 0xEA020000
BLOCK_HEADER_BYTES = 32
ENTRY_BYTES = 16
PREFIXES = {"user.": 1, "trusted.": 4, "security.": 6, "system.": 7}
"""Kinds of names, which are written as numbers; access lists are of no use here."""
MAX_VALUE_BYTES = 64 << 10
"""XATTR_SIZE_MAX of Linux."""


def read_attribute(inode: Inode, name: str) -> bytes | None:
    """The value of the attribute `name`; None where the inode has none of that name."""
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
    if prefix is None:
        return None
    wanted = PREFIXES[prefix], name.removeprefix(prefix).encode()
    for area, entries_start, values_start in _areas(inode):
        for kind, entry_name, where in _entries(area, entries_start):
            if (kind, entry_name) == wanted:
                return _value(area, values_start, where)
    return None


def _areas(inode: Inode) -> Iterator[tuple[bytes, int, int]]:
    """Each area with where its entries begin, and from where the places of its values count."""
    within = inode.behind_the_fields
    if len(within) >= 4 and number(within, 0, "<I") == MAGIC:
        yield within, 4, 4
    if not inode.attributes_block:
        return
    area = inode.volume.blocks.read(inode.attributes_block)
    if number(area, 0, "<I") != MAGIC:
        raise GuestReadError("its block of extended attributes is damaged")
    yield area, BLOCK_HEADER_BYTES, 0


def _entries(area: bytes, offset: int) -> Iterator[tuple[int, bytes, tuple[int, int, int]]]:
    """Kind and name of each entry, and where its value is: offset, number of an inode, size."""
    while offset + 4 <= len(area) and any(area[offset : offset + 4]):
        if offset + ENTRY_BYTES > len(area):
            raise GuestReadError("its extended attributes are damaged")
        length, kind, value, elsewhere, size = struct.unpack_from("<BBHII", area, offset)
        name = area[offset + ENTRY_BYTES : offset + ENTRY_BYTES + length]
        yield kind, name, (value, elsewhere, size)
        offset += -(-(ENTRY_BYTES + length) // 4) * 4


def _value(area: bytes, values_start: int, where: tuple[int, int, int]) -> bytes:
    offset, elsewhere, size = where
    start = values_start + offset
    if elsewhere or size > MAX_VALUE_BYTES or start + size > len(area):
        raise GuestReadError("an extended attribute of it is damaged, or kept in another inode")
    return area[start : start + size]
