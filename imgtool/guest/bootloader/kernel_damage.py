"""Whether the bytes of an x86 kernel are those that were built: a damaged one stops as it unpacks itself.

Source: the kernel's Documentation/arch/x86/boot.rst, "The image checksum": the CRC-32 over all that the
header declares is 0; payload_offset and payload_length say where the packed kernel stands. A signature
changes two fields of the PE header, which are 0 when that is made. Linux 6.16 has no such checksum.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from imgtool.guest.bootloader.kernel_image import HEAD_BYTES, SECTOR, KernelImage
from imgtool.guest.initramfs.compression import method_at
from imgtool.guest.initramfs.reader import ArchiveError, Reader, file_chunks

WITH_CHECKSUM = (6, 15)
"""The last kernel that has it, by its version."""
LEAST_PROTOCOL = 0x208
PROVING = frozenset({"gzip", "bzip2", "xz", "zstd"})
"""Methods whose decoders find that their bytes were changed; those of lz4 and lzo may not."""
SIZE_BYTES = 4
"""Behind the packed kernel: how large it is unpacked."""
CHUNK_BYTES = 1 << 20
MAX_BYTES = 256 << 20
CHECKSUM_AT, DIRECTORY_AT, OPTIONAL_AT = 64, 32, 24
FIXED_BYTES = {0x10B: 96, 0x20B: 112}
"""Of a PE file's optional header, before its directories: PE32, PE32+."""


def damage(stream: BinaryIO, image: KernelImage) -> str:
    """Why the kernel cannot unpack itself; empty where it can, or that is not known."""
    if image.kind != "bzImage" or image.compressed or image.protocol < LEAST_PROTOCOL:
        return ""
    if not image.declared_bytes <= min(image.size_bytes, MAX_BYTES):
        return ""
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    start, length = struct.unpack_from("<II", head, 0x248) if len(head) == HEAD_BYTES else (0, 0)
    if not length or not _has_checksum(image.version) or _is_as_built(stream, head, image.declared_bytes):
        return ""
    start += (image.setup_sectors + 1) * SECTOR
    return "" if _unpacks(stream, start, length - SIZE_BYTES) else "it is damaged: its checksum is wrong"


def _has_checksum(version: str) -> bool:
    found = re.match(r"(\d{1,3})\.(\d{1,3})", version)
    return found is not None and (int(found[1]), int(found[2])) <= WITH_CHECKSUM


def _is_as_built(stream: BinaryIO, head: bytes, declared_bytes: int) -> bool:
    checksum = zlib.crc32(_unsigned(head)[:declared_bytes])
    for chunk in _chunks(stream, HEAD_BYTES, declared_bytes):
        checksum = zlib.crc32(chunk, checksum)
    return checksum == 0xFFFFFFFF  # what zlib inverts at the end, boot.rst does not


def _unsigned(head: bytes) -> bytes:
    """The head with the fields empty that a signature fills: CheckSum, and the certificates' directory."""
    made = bytearray(head)
    optional = int.from_bytes(head[0x3C:0x40], "little") + OPTIONAL_AT
    fixed = FIXED_BYTES.get(int.from_bytes(head[optional : optional + 2], "little"))
    if head[:2] == b"MZ" and fixed is not None and optional + fixed + DIRECTORY_AT + 8 <= len(head):
        made[optional + CHECKSUM_AT : optional + CHECKSUM_AT + 4] = bytes(4)
        made[optional + fixed + DIRECTORY_AT : optional + fixed + DIRECTORY_AT + 8] = bytes(8)
    return bytes(made)


def _chunks(stream: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    stream.seek(start)
    while start < end and (chunk := stream.read(min(CHUNK_BYTES, end - start))):
        start += len(chunk)
        yield chunk


def _unpacks(stream: BinaryIO, start: int, length: int) -> bool:
    """Whether the packed kernel can be unpacked, and that proves its bytes."""
    reader = Reader(file_chunks(stream, start, max(0, length)))
    method = method_at(reader)
    if method is None or method.name not in PROVING:
        return False
    try:
        return sum(map(len, method.inflate(reader))) > 0
    except ArchiveError:
        return False
