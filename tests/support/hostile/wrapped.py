"""Compressed files: bombs, files in files, and what cannot be inflated."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import zstandard
from support.hostile.rows import row

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda content: gzip.compress(content, 1),
    "xz": lambda content: lzma.compress(content, preset=0),
    "zst": zstandard.compress,
    "bz2": lambda content: bz2.compress(content, 1),
}
"""By the ending that each gives a file."""


def _file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@row("compressed more than once")
def gzip_in_gzip(folder: Path, canary: Path) -> Path:
    return _file(folder, "x.raw.gz", gzip.compress(gzip.compress(bytes(1000))))


@row("compressed more than once")
def xz_in_zstd(folder: Path, canary: Path) -> Path:
    return _file(folder, "x.img", zstandard.compress(lzma.compress(bytes(1000))))


@row("cut off")
def gzip_cut_off(folder: Path, canary: Path) -> Path:
    return _file(folder, "x.raw.gz", gzip.compress(bytes(range(256)) * 4096)[:2000])


@row("xz compression is damaged")
def xz_that_needs_gigabytes(folder: Path, canary: Path) -> Path:
    """The dictionary's size is one byte of the block's header; the CRC behind it is made to fit."""
    content = bytearray(lzma.compress(bytes(1000), preset=0))
    start = 12
    length = (content[start] + 1) * 4
    block = content[start : start + length - 4]
    filter_at = block.index(b"\x21\x01")
    block[filter_at + 2] = 40
    content[start : start + length] = block + struct.pack("<I", zlib.crc32(block))
    return _file(folder, "x.raw.xz", bytes(content))


@row("zstd compression is damaged")
def zstd_with_a_window_of_terabytes(folder: Path, canary: Path) -> Path:
    """Window descriptor 0xA0: exponent 20, 2^30 bytes; 0xF8 is 2^41."""
    return _file(folder, "x.raw.zst", b"\x28\xb5\x2f\xfd\x00\xf8" + b"\x03\x00\x00\x00" * 100)


@row("tar archive")
def tar_in_gzip(folder: Path, canary: Path) -> Path:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("disk.vmdk"))
    return _file(folder, "x.ova.gz", gzip.compress(archive.getvalue()))
