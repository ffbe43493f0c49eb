"""The container that lzop writes, block by block, with the rules of the kernel: lib/decompress_unlzo.c."""

import struct
from collections.abc import Iterator

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.initramfs.reader import ArchiveError, Reader

MAGIC = b"\x89LZO\0\r\n\x1a\n"
MAX_BLOCK_BYTES = 256 << 10
"""LZO_BLOCK_SIZE: lzop's own, and the kernel takes no larger one."""

_WITH_LEVEL = 0x0940
"""The version from which the header has a level and the upper half of the time."""
_HAS_FILTER = 0x800


def inflate_lzop(reader: Reader) -> Iterator[bytes]:
    """The content at `reader`, up to the block of size zero.

    Raises ArchiveError where it is damaged or truncated. As the kernel, it skips one checksum a block and
    compares none: what lzop writes with more of them (`lzop -C`) looks damaged to both.
    """
    _skip_header(reader)
    while size := _number(reader):
        if size > MAX_BLOCK_BYTES:
            raise ArchiveError(f"an lzo block of {size} bytes, more than the kernel takes")
        stored = _number(reader)
        if not 0 < stored <= size:
            raise ArchiveError(f"its lzo data are damaged: a block of {stored} bytes for {size}")
        reader.skip(4)
        yield _block(reader.read(stored), size)


def _block(stored: bytes, size: int) -> bytes:
    if len(stored) == size:
        return stored
    from dissect.util.compression import lzo  # noqa: PLC0415 - loaded only where it is needed

    try:
        with guarded("an lzo block"):
            content = bytes(lzo.decompress(stored, header=False, buflen=size))
    except GuestReadError as error:
        raise ArchiveError(f"its lzo data are damaged: {error}") from error
    if len(content) != size:
        raise ArchiveError(f"its lzo data are damaged: a block has {len(content)} bytes, not {size}")
    return content


def _skip_header(reader: Reader) -> None:
    """Magic, three versions, method, level, flags, filter, mode, times, name and checksum."""
    reader.skip(len(MAGIC))
    (version,) = struct.unpack(">H", reader.read(2))
    with_level = version >= _WITH_LEVEL
    reader.skip(6 if with_level else 5)
    flags = _number(reader)
    reader.skip(4 if flags & _HAS_FILTER else 0)
    reader.skip(12 if with_level else 8)
    (name_bytes,) = reader.read(1)
    reader.skip(name_bytes + 4)


def _number(reader: Reader) -> int:
    return int.from_bytes(reader.read(4), "big")
