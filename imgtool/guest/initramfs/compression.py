"""The compression methods of an initramfs: known by magic, inflated piece by piece.

Each decompressor takes exactly its own archive from the reader, so that what stands right behind can be
read next. Magics and limits are those of the kernel: lib/decompress.c and lib/decompress_*.c.
"""

import bz2
import lzma
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from imgtool.formats.wrapper import Decoder
from imgtool.guest.initramfs.lzop import MAGIC as LZOP_MAGIC
from imgtool.guest.initramfs.lzop import inflate_lzop
from imgtool.guest.initramfs.reader import ArchiveError, Reader, TruncatedError
from imgtool.guest.initramfs.zstd import inflate_zstd

OUTPUT_BYTES = 512 << 10
"""Inflated at once, where the library lets one choose."""

XZ_MEMORY_BYTES = 256 << 20
"""What xz and lzma may take. `xz -9` needs 65 MiB; the kernel allows dictionaries of up to 128 MiB."""

XZ_MAGIC = b"\xfd7zXZ\0"
XZ_CHECK_AT = 7
"""Where a stream says which integrity check it has: the .xz file format, 2.1.1.2."""
XZ_CRC32 = b"\x01"

LZ4_BLOCK_BYTES = 8 << 20
"""Size of a block of the legacy frame (LZ4 Frame Format Description, "Legacy frame")."""

LZ4_LARGEST_BLOCK_BYTES = LZ4_BLOCK_BYTES + LZ4_BLOCK_BYTES // 255 + 16
"""Such a block compressed, at worst (LZ4_COMPRESSBOUND)."""


@dataclass(frozen=True, slots=True)
class Method:
    """One compression method: its magic, its name, and how it is inflated."""

    magic: bytes
    name: str
    inflate: Callable[[Reader], Iterator[bytes]]


def _inflate_gzip(reader: Reader) -> Iterator[bytes]:
    from isal import igzip_lib  # noqa: PLC0415 - loaded only where it is needed: most guests use one method

    decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return _pump(decoder, reader, igzip_lib.IsalError)  # type: ignore[arg-type]  # its stub has an instance


def _inflate_bzip2(reader: Reader) -> Iterator[bytes]:
    return _pump(bz2.BZ2Decompressor(), reader, (OSError, ValueError))


def _inflate_xz(reader: Reader) -> Iterator[bytes]:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)
    return _pump(decoder, reader, lzma.LZMAError)


def _inflate_lzma(reader: Reader) -> Iterator[bytes]:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=XZ_MEMORY_BYTES)
    return _pump(decoder, reader, lzma.LZMAError)


def _pump(
    decoder: Decoder, reader: Reader, errors: type[Exception] | tuple[type[Exception], ...]
) -> Iterator[bytes]:
    while not decoder.eof:
        chunk = reader.take_chunk() if decoder.needs_input else b""
        if decoder.needs_input and not chunk:
            raise TruncatedError("truncated: its compressed data end too early")
        try:
            output = decoder.decompress(chunk, OUTPUT_BYTES)
        except errors as error:
            raise ArchiveError(f"its compressed data are damaged: {error}") from error
        if output:
            yield output
    reader.push_back(decoder.unused_data)


def _inflate_lz4(reader: Reader) -> Iterator[bytes]:
    """Blocks, each behind its compressed size; a size of zero, or the end of the file, ends them.

    As in lib/decompress_unlz4.c, a further magic in place of a size begins the next frame.
    """
    import lz4.block  # noqa: PLC0415 - as above

    magic = reader.read(4)
    blocks = 0
    while len(raw_size := reader.peek(4)) == 4:
        if raw_size == magic:
            reader.skip(4)
            continue
        (size,) = struct.unpack("<I", raw_size)
        if size == 0:
            return
        if size > LZ4_LARGEST_BLOCK_BYTES:
            raise ArchiveError(f"an lz4 block of {size} bytes, more than its format allows")
        reader.skip(4)
        block = reader.read(size)
        blocks += 1
        try:
            yield lz4.block.decompress(block, uncompressed_size=LZ4_BLOCK_BYTES)
        except (lz4.block.LZ4BlockError, ValueError) as error:
            raise ArchiveError(f"its lz4 data are damaged: {error}") from error
    if raw_size.strip(b"\0") or not blocks:
        raise TruncatedError("truncated: its lz4 data end too early")


METHODS = (
    Method(b"\x1f\x8b", "gzip", _inflate_gzip),
    Method(XZ_MAGIC, "xz", _inflate_xz),
    Method(b"\x5d\0\0", "lzma", _inflate_lzma),
    Method(b"\x28\xb5\x2f\xfd", "zstd", inflate_zstd),
    Method(b"BZh", "bzip2", _inflate_bzip2),
    Method(b"\x02\x21\x4c\x18", "lz4", _inflate_lz4),
    Method(LZOP_MAGIC, "lzo", inflate_lzop),
)
LONGEST_MAGIC_BYTES = max(len(method.magic) for method in METHODS)


def method_at(reader: Reader) -> Method | None:
    """The method whose magic stands at `reader`, which stays where it is; None where none does."""
    head = reader.peek(LONGEST_MAGIC_BYTES)
    return next((method for method in METHODS if head.startswith(method.magic)), None)


def refused_by_kernel(reader: Reader) -> str | None:
    """Why the kernel takes nothing of the archive at `reader`, which stays where it is; None where it does.

    Its xz knows no check but CRC32, or none; xz's own default is CRC64 (lib/xz/xz_dec_stream.c,
    dec_stream_header). What reads modules in user space knows all.
    """
    head = reader.peek(XZ_CHECK_AT + 1)
    if head.startswith(XZ_MAGIC) and head[XZ_CHECK_AT:] > XZ_CRC32:
        return "the kernel reads no xz with this integrity check: pack it with --check=crc32"
    return None
