"""Extended attributes of XFS: in the inode, in one block, or in a tree of blocks.

Layout: XFS Algorithms & Data Structures, 3rd edition, chapter "Extended Attributes". The library reads none.
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.superblock import number

if TYPE_CHECKING:
    from dissect.xfs.xfs import INode

NAMESPACES = {"user.": 0x00, "trusted.": 0x02, "security.": 0x04}
ROOT_AND_SECURE = 0x06
LOCAL_FLAG, INCOMPLETE_FLAG = 0x01, 0x80
LOCAL, EXTENTS, BTREE = 1, 2, 3
"""di_aformat of an inode: where its attributes are."""
LEAF_MAGICS = {0xFBEE: (32, False), 0x3BEE: (80, True)}
"""Magic number of a leaf to where its index begins, and whether it has a checksum (XFS 5)."""
EXTENT_BYTES, INDEX_BYTES = 16, 8
MAX_BLOCKS = 64
"""Of one inode's attributes. The kernel's own (a label, capabilities, an access list) fit into one."""


def read_attribute(inode: "INode", name: str) -> bytes | None:
    """The value of the attribute `name`; None where the inode has none of that name.

    Raises GuestReadError where the value is kept in blocks of its own, or the list of blocks in a tree.
    """
    prefix = next((prefix for prefix in NAMESPACES if name.startswith(prefix)), None)
    if prefix is None or not inode.inode.di_forkoff:
        return None
    wanted = NAMESPACES[prefix], name.removeprefix(prefix).encode()
    for flags, found, value in _attributes(inode):
        if (flags & ROOT_AND_SECURE, found) == wanted and not flags & INCOMPLETE_FLAG:
            if value is None:
                raise GuestReadError("an extended attribute of it is kept in blocks of its own")
            return value
    return None


def _attributes(inode: "INode") -> Iterator[tuple[int, bytes, bytes | None]]:
    """Flags, name and value of each; None for a value that is kept elsewhere."""
    kind = int(inode.inode.di_aformat)
    fork = bytes(inode.attrfork().read())
    if kind == LOCAL:
        yield from _short(fork)
    elif kind == EXTENTS:
        for block in _blocks(inode, fork):
            yield from _leaf(block)
    else:
        raise GuestReadError("its extended attributes are too many to be read")


def _short(fork: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """struct xfs_attr_shortform."""
    if len(fork) < 4:
        return
    count, offset = fork[2], 4
    for _ in range(count):
        name_length, value_length, flags = struct.unpack_from("<BBB", fork, offset)
        start = offset + 3
        end = start + name_length + value_length
        if end > len(fork):
            raise GuestReadError("its extended attributes are damaged")
        yield flags, fork[start : start + name_length], fork[start + name_length : end]
        offset = end


def _blocks(inode: "INode", fork: bytes) -> Iterator[bytes]:
    """Blocks of the fork that its list of extents names."""
    xfs = inode.xfs
    seen = 0
    for at in range(0, min(inode.attr_extents * EXTENT_BYTES, len(fork) // EXTENT_BYTES * EXTENT_BYTES), 16):
        low, high = struct.unpack_from(">QQ", fork, at)
        first, count = (low & 0x1FF) << 43 | high >> 21, high & 0x1FFFFF
        group, within = divmod(first, 1 << xfs.sb.sb_agblklog)
        for block in range(count):
            seen += 1
            if seen > MAX_BLOCKS:
                raise GuestReadError("its extended attributes are too many to be read")
            xfs.fh.seek((group * xfs.sb.sb_agblocks + within + block) * xfs.block_size)
            yield bytes(xfs.fh.read(xfs.block_size))


def _leaf(block: bytes) -> Iterator[tuple[int, bytes, bytes | None]]:
    """struct xfs_attr_leafblock; blocks of another kind (inner nodes, values) hold no entries."""
    magic = number(block, 8, ">H") if len(block) >= 10 else 0
    if magic not in LEAF_MAGICS:
        return
    start, has_checksum = LEAF_MAGICS[magic]
    count = number(block, 56 if has_checksum else 12, ">H")
    if start + count * INDEX_BYTES > len(block):
        raise GuestReadError("its extended attributes are damaged")
    for index in range(count):
        at, flags = struct.unpack_from(">HB", block, start + index * INDEX_BYTES + 4)
        if flags & LOCAL_FLAG:
            value_length, name_length = struct.unpack_from(">HB", block, at)
            name_end = at + 3 + name_length
            yield flags, block[at + 3 : name_end], block[name_end : name_end + value_length]
        else:
            name_length = block[at + 8]
            yield flags, block[at + 9 : at + 9 + name_length], None
