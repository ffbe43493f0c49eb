"""Compressed files that take much work for each byte, and give nothing: members, frames and blocks."""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable

import zstandard


def _repeated(piece: bytes) -> Callable[[int], bytes]:
    return lambda size: piece * (size // len(piece) + 1)


def _gzip_blocks(block: bytes, count: int) -> bytes:
    """One member whose deflate stream is `count` times `block`, whole bytes each, and an end."""
    return gzip.compress(b"", mtime=0)[:10] + block * count + b"\x03\x00" + bytes(8)


def _zstd_frame(blocks: bytes) -> bytes:
    """A frame without a content size, checksum or dictionary; a window of 1 MiB."""
    return b"\x28\xb5\x2f\xfd" + b"\x00\x50" + blocks


def _xz_blocks(count: int) -> bytes:
    """One stream of `count` blocks of a byte each."""
    whole = lzma.compress(b"x", check=lzma.CHECK_CRC32)
    head, block = whole[:12], whole[12 : 12 + 12 + 8 + 4]
    return head + block * count


def _wide_zstd(content: bytes) -> bytes:
    """A frame that claims a window of 128 MiB."""
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(content) + compressor.flush()


def _wide_xz(content: bytes) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 128 << 20, "mf": lzma.MF_HC3, "mode": lzma.MODE_FAST}]
    return lzma.compress(content, check=lzma.CHECK_NONE, filters=filters)


HOSTILE: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "empty members": ("gzip", _repeated(gzip.compress(b"", mtime=0))),
    "members of a byte": ("gzip", _repeated(gzip.compress(b"x", mtime=0))),
    "members of zeros": ("gzip", _repeated(gzip.compress(bytes(200), mtime=0))),
    "stored blocks of nothing": ("gzip", lambda size: _gzip_blocks(b"\0\0\0\xff\xff", size // 5)),
    "fixed blocks of nothing": ("gzip", lambda size: _gzip_blocks(b"\x02\x08\x20\x80\x00", size // 5)),
    "empty frames": ("zstd", _repeated(zstandard.ZstdCompressor(write_content_size=False).compress(b""))),
    "frames of a byte": ("zstd", _repeated(zstandard.compress(b"x"))),
    "frames of zeros": ("zstd", _repeated(zstandard.compress(bytes(200)))),
    "skippable frames": (
        "zstd",
        lambda size: zstandard.compress(b"x") + struct.pack("<II", 0x184D2A50, 0) * (size // 8),
    ),
    "empty raw blocks": ("zstd", lambda size: _zstd_frame(b"\0\0\0" * (size // 3))),
    "RLE blocks of nothing": ("zstd", lambda size: _zstd_frame(b"\x02\0\0x" * (size // 4))),
    "empty streams": ("xz", _repeated(lzma.compress(b"", check=lzma.CHECK_NONE))),
    "streams of a byte": ("xz", _repeated(lzma.compress(b"x", check=lzma.CHECK_NONE))),
    "streams of zeros": ("xz", _repeated(lzma.compress(bytes(500), check=lzma.CHECK_NONE))),
    "blocks of a byte": ("xz", lambda size: _xz_blocks(size // 36)),
    "empty bzip2 streams": ("bzip2", _repeated(bz2.compress(b"", 1))),
    "bzip2 streams of a byte": ("bzip2", _repeated(bz2.compress(b"x", 1))),
    "bzip2 streams of a byte, 9": ("bzip2", _repeated(bz2.compress(b"x", 9))),
    "frames with large windows": ("zstd", _repeated(_wide_zstd(bytes(200)))),
    "streams with large dictionaries": ("xz", _repeated(_wide_xz(bytes(200)))),
}
