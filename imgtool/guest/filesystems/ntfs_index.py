"""The directories of NTFS: a B-tree of names, its root in the record and its other nodes in blocks."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from dissect.ntfs.util import apply_fixup

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.ntfs_records import INDEX_ALLOCATION, INDEX_ROOT, NtfsVolume, Record

NAME = "$I30"
"""Of the index over file names."""
HAS_SUBNODE, IS_LAST = 1, 2
"""Flags of an index entry."""
DOS_NAME = 2
"""Namespace of a short name that stands beside the long one."""
DIRECTORY_FLAG, REPARSE_FLAG = 0x10000000, 0x400
FIRST_USER_RECORD = 16
"""The records before are the file system's own: $MFT, $LogFile, ..."""
SEGMENT_MASK = (1 << 48) - 1
BLOCK_SIZES = tuple(1 << shift for shift in range(9, 17))
MAX_BLOCKS = 20_000
"""Of one directory; a block of 4 KiB holds 20 names and more."""


class Entry(NamedTuple):
    """One name in a directory."""

    name: str
    reference: int
    is_directory: bool
    tag: int
    """Of the reparse point, 0 where it is none."""


def entries(record: Record, volume: NtfsVolume) -> Iterator[Entry]:
    """What is in the directory of `record`, but for short names and for the file system's own files."""
    root = record.small(INDEX_ROOT, NAME)
    if root is None:
        raise GuestReadError("a directory without an index")
    block_size = struct.unpack_from("<8xI", root)[0]
    if block_size not in BLOCK_SIZES:
        raise GuestReadError(f"directory blocks of {block_size} bytes")
    unit = volume.cluster_size if volume.cluster_size <= block_size else 512
    stream = record.stream(INDEX_ALLOCATION, NAME)
    found, pending = _node(root, 16)
    yield from found
    seen: set[int] = set()
    while pending:
        number = pending.pop()
        if number in seen or len(seen) >= MAX_BLOCKS or stream is None:
            raise GuestReadError(f"directory block {number} is damaged, missing, or used twice")
        seen.add(number)
        found, below = _node(_block(stream, number * unit, block_size), 24)
        yield from found
        pending += below


def _block(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    block = stream.read(size)
    if len(block) != size or not block.startswith(b"INDX"):
        raise GuestReadError(f"no directory block at byte {offset} of the index")
    return bytes(apply_fixup(block))


def _node(content: bytes, header: int) -> tuple[list[Entry], list[int]]:
    """Return its entries, and the numbers of the blocks below; the index header stands at byte `header`."""
    first, total = struct.unpack_from("<II", content, header)
    offset, end = header + first, min(header + total, len(content))
    found: list[Entry] = []
    below: list[int] = []
    while offset + 16 <= end:
        reference, length, key_length, flags = struct.unpack_from("<QHHH", content, offset)
        if length < 16 or offset + length > end:
            raise GuestReadError("a damaged directory entry")
        if flags & HAS_SUBNODE:
            below.append(struct.unpack_from("<Q", content, offset + length - 8)[0])
        if flags & IS_LAST:
            return found, below
        found.extend(_entry(content[offset + 16 : offset + 16 + key_length], reference))
        offset += length
    raise GuestReadError("a directory block without an end")


def _entry(key: bytes, reference: int) -> Iterator[Entry]:
    """The key is a copy of the file's name attribute."""
    attributes, tag, length, namespace = struct.unpack_from("<IIBB", key, 0x38)
    if namespace == DOS_NAME or reference & SEGMENT_MASK < FIRST_USER_RECORD:
        return
    raw = key[0x42 : 0x42 + 2 * length]
    if len(raw) != 2 * length:
        raise GuestReadError("a name that is longer than its entry")
    name = raw.decode("utf-16-le", "surrogatepass")
    yield Entry(name, reference, bool(attributes & DIRECTORY_FLAG), tag if attributes & REPARSE_FLAG else 0)
