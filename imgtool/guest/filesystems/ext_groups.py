"""Where the group descriptors and inodes of an ext file system are, also where dissect.extfs does not know.

Sources: the kernel's fs/ext4/super.c (ext4_load_super, descriptor_loc), fs/ext4/balloc.c (ext4_bg_has_super).
"""

import io
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO

from dissect.extfs.extfs import ExtFS

if TYPE_CHECKING:
    from dissect.extfs.c_ext import c_ext

SUPERBLOCK = 1024
BLOCK_SIZE, CLUSTER_SIZE, REVISION, INODE_SIZE = (SUPERBLOCK + at for at in (0x18, 0x1C, 0x4C, 0x58))
OLD_INODE_BYTES = 128
"""Of revision 0, whose superblock does not say."""
META_BG, SPARSE_SUPER, SPARSE_SUPER_2 = 0x10, 0x1, 0x200
POWERS_OF = (3, 5, 7)
"""Groups of these numbers have a copy of the superblock, where not all have one."""
CACHED_GROUPS = 356


def open_ext(head: bytes, stream: BinaryIO) -> ExtFS:
    """The file system of `stream`, whose first bytes are `head`.

    The library reads nothing but the superblock to begin with, and refuses some that it could go on with: it
    gets one whose clusters are as large as blocks (bigalloc counts only free space in clusters, and extents
    in blocks), and the inode size of revision 0 is written out.
    """
    superblock = bytearray(head)
    superblock[CLUSTER_SIZE : CLUSTER_SIZE + 4] = superblock[BLOCK_SIZE : BLOCK_SIZE + 4]
    if not any(superblock[REVISION : REVISION + 4]):
        struct.pack_into("<H", superblock, INODE_SIZE, OLD_INODE_BYTES)
    found = ExtFS(io.BytesIO(bytes(superblock)))
    found.fh = stream
    if found.sb.s_feature_incompat & META_BG:
        _find_groups_one_by_one(found)
    return found


def _find_groups_one_by_one(found: ExtFS) -> None:
    """meta_bg: each block of descriptors stands in the first of the groups that it is of."""
    start = found.groups_offset
    read = type(found)._read_group_desc

    @lru_cache(CACHED_GROUPS)
    def read_descriptor(group: int) -> "c_ext.ext4_group_desc":
        found.groups_offset = _table_offset(found, group, start)
        return read(found, group)

    found._read_group_desc = read_descriptor


def _table_offset(found: ExtFS, group: int, classic: int) -> int:
    """Where a table of descriptors, of which the one of `group` is in its block, would begin; in bytes."""
    in_block = found.block_size // found._group_desc_size
    block = group // in_block
    if block < found.sb.s_first_meta_bg:
        return classic
    first = block * in_block
    place = found.sb.s_first_data_block + first * found.sb.s_blocks_per_group + _has_superblock(found, first)
    if found.block_size == SUPERBLOCK and block == 0 and found.sb.s_first_data_block == 0:
        place += 1
    return int(place * found.block_size - first * found._group_desc_size)


def _has_superblock(found: ExtFS, group: int) -> bool:
    sb = found.sb
    if group == 0:
        return True
    if sb.s_feature_compat & SPARSE_SUPER_2:
        return group in tuple(sb.s_backup_bgs)
    if group == 1 or not sb.s_feature_ro_compat & SPARSE_SUPER:
        return True
    return any(_is_power(group, base) for base in POWERS_OF)


def _is_power(number: int, base: int) -> bool:
    while number % base == 0:
        number //= base
    return number == 1
