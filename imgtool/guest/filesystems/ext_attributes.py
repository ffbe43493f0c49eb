"""Extended attributes of ext2, ext3 and ext4: in the inode behind its fields, or in a block of their own.

Layout: the kernel's Documentation/filesystems/ext4/attributes.rst. Read here, because the library takes every
inode for one of 256 bytes, and reads a value of any size from another inode.
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.superblock import number

if TYPE_CHECKING:
    from dissect.extfs.extfs import INode

MAGIC = 0xEA020000
CLASSIC_INODE_BYTES = 128
BLOCK_HEADER_BYTES = 32
ENTRY_BYTES = 16
PREFIXES = {"user.": 1, "trusted.": 4, "security.": 6, "system.": 7}
"""Kinds of names, which are written as numbers; access lists are of no use here."""
MAX_VALUE_BYTES = 64 << 10
"""XATTR_SIZE_MAX of Linux."""


def read_attribute(inode: "INode", name: str) -> bytes | None:
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


def _areas(inode: "INode") -> Iterator[tuple[bytes, int, int]]:
    """Each area with where its entries begin, and from where the places of its values count."""
    within = _behind_the_fields(inode)
    if len(within) >= 4 and number(within, 0, "<I") == MAGIC:
        yield within, 4, 4
    block = int(inode.inode.i_file_acl_lo) | int(inode.inode.i_file_acl_high) << 32
    if not block:
        return
    size = int(inode.extfs.block_size)
    inode.extfs.fh.seek(block * size)
    area = bytes(inode.extfs.fh.read(size))
    if len(area) != size or number(area, 0, "<I") != MAGIC:
        raise GuestReadError("its block of extended attributes is damaged")
    yield area, BLOCK_HEADER_BYTES, 0


def _behind_the_fields(inode: "INode") -> bytes:
    """The inode's own bytes behind its fixed fields: none where inodes have 128 bytes."""
    extfs = inode.extfs
    size = int(extfs.sb.s_inode_size)
    if size <= CLASSIC_INODE_BYTES:
        return b""
    group, index = divmod(inode.inum - 1, int(extfs.sb.s_inodes_per_group))
    description = extfs._read_group_desc(group)
    table = int(description.bg_inode_table_lo) | int(getattr(description, "bg_inode_table_hi", 0)) << 32
    extfs.fh.seek(table * extfs.block_size + index * size)
    raw = bytes(extfs.fh.read(size))
    return raw[CLASSIC_INODE_BYTES + number(raw, CLASSIC_INODE_BYTES, "<H") :]


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
