"""zstd frames, taken block by block: the end of a frame is found exactly, and no output is unbounded.

The library's stream interfaces either read beyond a frame or inflate whatever they are given at once, and a
few hostile kilobytes can inflate to gigabytes. A block inflates to 128 KiB at most (RFC 8878, 3.1.1.2).
"""

import struct
from collections.abc import Iterator

from imgtool.guest.initramfs.reader import ArchiveError, Reader

MAGIC = b"\x28\xb5\x2f\xfd"
MAX_WINDOW_BYTES = 128 << 20
"""The largest window that the kernel takes: ZSTD_WINDOWLOG_MAX, lib/decompress_unzstd.c."""

MAX_BLOCK_BYTES = 128 << 10

_CONTENT_SIZE_BYTES = (0, 2, 4, 8)
_DICTIONARY_ID_BYTES = (0, 1, 2, 4)
_BLOCK_RLE = 1


def inflate_zstd(reader: Reader) -> Iterator[bytes]:
    """The content of the one frame at `reader`. Raises ArchiveError where it is damaged or truncated."""
    import zstandard  # noqa: PLC0415 - loaded only where it is needed: most guests use one method

    decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompressobj()
    try:
        for piece in _pieces(reader):
            output = decoder.decompress(piece)
            if output:
                yield output
    except (zstandard.ZstdError, MemoryError) as error:
        raise ArchiveError(f"its zstd data are damaged: {error}") from error


def _pieces(reader: Reader) -> Iterator[bytes]:
    """The frame's header, then its blocks one by one (the last one with the checksum behind)."""
    header = _header(reader)
    has_checksum = bool(header[4] & 0b100)
    yield header
    last = False
    while not last:
        raw = reader.read(3)
        (block,) = struct.unpack("<I", raw + b"\0")
        last, kind, size = bool(block & 1), block >> 1 & 0b11, block >> 3
        if size > MAX_BLOCK_BYTES:
            raise ArchiveError(f"a zstd block of {size} bytes, more than its format allows")
        yield raw + reader.read(1 if kind == _BLOCK_RLE else size)
    if has_checksum:
        yield reader.read(4)


def _header(reader: Reader) -> bytes:
    """Magic, descriptor, window, dictionary and content size: RFC 8878, 3.1.1.1."""
    start = reader.read(5)
    descriptor = start[4]
    single_segment = bool(descriptor & 0b100000)
    size = _CONTENT_SIZE_BYTES[descriptor >> 6] or int(single_segment)
    size += int(not single_segment) + _DICTIONARY_ID_BYTES[descriptor & 0b11]
    return start + reader.read(size)
