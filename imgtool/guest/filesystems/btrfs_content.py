"""The content of one Btrfs file: inline data, or extents, each of them plain or compressed.

Layout: struct btrfs_file_extent_item, and Compression in the Btrfs documentation.
"""

import io
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.nodes import MAX_EXTENTS

if TYPE_CHECKING:
    from dissect.btrfs.btrfs import INode

EXTENT_DATA_KEY = 108
INLINE, REGULAR = 0, 1
NONE, ZLIB, LZO, ZSTD = 0, 1, 2, 3
HEADER_BYTES = 21
"""Of an extent item, up to the inline data, or up to where the data is."""
MAX_PIECE_BYTES = 128 << 10
"""A compressed extent holds at most this much, before and after: BTRFS_MAX_COMPRESSED."""
SLACK_BYTES = 64 << 10
"""An extent on the disk is rounded up to a sector, at most this much."""


class Extent(NamedTuple):
    """`length` bytes of the file from `start` on."""

    start: int
    length: int
    compression: int
    address: int
    """Logical address of the extent on the disk; 0 is a hole."""
    stored: int
    """Its bytes there."""
    within: int
    """Where in the (decompressed) extent this piece begins."""
    inline: bytes = b""


class BtrfsContent:
    """Reads one file. The extent that was decompressed last is kept: reading goes forward."""

    def __init__(self, inode: "INode") -> None:
        self._logical = inode.btrfs._logical_fh
        self._sector_size = int(inode.btrfs.sector_size)
        self._size = int(inode.size)
        self._extents = sorted(_extents(inode)) if self._size else []
        self._starts = [extent.start for extent in self._extents]
        self._last: tuple[Extent, bytes] | None = None

    def read_at(self, offset: int, length: int) -> bytes:
        """`length` bytes of the file, holes as zeros."""
        pieces = []
        while length > 0:
            piece = self._read_piece(offset, length)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def _read_piece(self, offset: int, length: int) -> bytes:
        index = bisect_right(self._starts, offset) - 1
        extent = self._extents[index] if index >= 0 else None
        if extent is None or offset >= extent.start + extent.length:
            following = self._starts[index + 1] if index + 1 < len(self._starts) else self._size
            return bytes(min(length, max(following - offset, 0)))
        position = offset - extent.start
        return self._read_extent(extent, position, min(length, extent.length - position))

    def _read_extent(self, extent: Extent, position: int, length: int) -> bytes:
        if extent.compression == NONE and not extent.inline:
            if not extent.address:
                return bytes(length)
            self._logical.seek(extent.address + extent.within + position)
            return bytes(self._logical.read(length))
        start = extent.within + position
        return self._decompressed(extent)[start : start + length]

    def _decompressed(self, extent: Extent) -> bytes:
        if self._last is None or self._last[0] is not extent:
            self._last = (extent, _decompress(self._stored(extent), extent.compression, self._sector_size))
        return self._last[1]

    def _stored(self, extent: Extent) -> bytes:
        if extent.inline:
            return extent.inline
        if extent.stored > MAX_PIECE_BYTES + SLACK_BYTES:
            raise GuestReadError(f"a compressed extent of {extent.stored} bytes")
        self._logical.seek(extent.address)
        return bytes(self._logical.read(extent.stored))


def _extents(inode: "INode") -> Iterator[Extent]:
    cursor = inode.subvolume.tree.cursor()
    items = cursor.iter(inode.inum, EXTENT_DATA_KEY, 0, ignore_offset=True)
    for count, (item, data) in enumerate(items):
        if count >= MAX_EXTENTS:
            raise GuestReadError(f"more than {MAX_EXTENTS} extents")
        extent = _extent(int(item.key.offset), bytes(data))
        if extent is not None:
            yield extent


def _extent(start: int, item: bytes) -> Extent | None:
    """The extent that an item describes; None for one that is allocated and not written."""
    decoded, compression, encryption, encoding, kind = struct.unpack_from("<8xQBBHB", item)
    if encryption or encoding or compression > ZSTD:
        raise GuestReadError("an extent with an unknown encoding")
    if kind == INLINE:
        return Extent(start, decoded, compression, 0, 0, 0, item[HEADER_BYTES:])
    if kind != REGULAR:
        return None
    address, stored, within, length = struct.unpack_from("<QQQQ", item, HEADER_BYTES)
    return Extent(start, length, compression if address else NONE, address, stored, within)


def _decompress(stored: bytes, compression: int, sector_size: int) -> bytes:
    if compression == NONE:
        return stored
    if compression == ZLIB:
        return zlib.decompressobj().decompress(stored, MAX_PIECE_BYTES)
    if compression == LZO:
        return _decompress_lzo(stored, sector_size)
    import zstandard  # noqa: PLC0415 - only where such a file is read

    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(stored)) as reader:
        return bytes(reader.read(MAX_PIECE_BYTES))


def _decompress_lzo(stored: bytes, sector_size: int) -> bytes:
    """Segments of one sector each, with their lengths; a length never crosses the end of a sector."""
    from dissect.util.compression import lzo  # noqa: PLC0415 - only where such a file is read

    end = int.from_bytes(stored[:4], "little")
    if not 4 <= end <= len(stored):
        raise GuestReadError("a damaged LZO extent")
    offset = 4
    pieces: list[bytes] = []
    while offset + 4 <= end:
        length = int.from_bytes(stored[offset : offset + 4], "little")
        if not length or len(pieces) * sector_size >= MAX_PIECE_BYTES:
            break
        segment = stored[offset + 4 : offset + 4 + length]
        pieces.append(lzo.decompress(segment, header=False, buflen=sector_size))
        offset += 4 + length
        left = sector_size - offset % sector_size
        offset += left if left < 4 else 0
    return b"".join(pieces)
