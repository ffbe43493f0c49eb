"""Whether a module's file is whole: the kernel takes no other (kernel/module/main.c, elf_validity_check).

The sections' headers stand at the end of a module, so one that is cut off has lost them.
"""

import struct
from typing import BinaryIO

from imgtool.guest.elf import CLASS_64, LITTLE_ENDIAN, MAGIC
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.compression import method_at
from imgtool.guest.initramfs.reader import ArchiveError, Reader, file_chunks

MAX_MODULE_BYTES = 256 << 20
"""Of one module, unpacked: amdgpu with all its symbols has 60 MiB."""
MAX_READ_BYTES = 32 << 20
"""Of a module whose parameters are looked at."""
HEADER_BYTES = 64
SUFFIXES = {".gz": "gzip", ".xz": "xz", ".zst": "zstd"}


def module_problem(stream: BinaryIO, path: str) -> str | None:
    """Why the kernel refuses the module in `stream`, a file that is named `path`; None where it is whole."""
    try:
        return _problem(Reader(file_chunks(stream)), path)
    except ArchiveError as error:
        return f"damaged: {error}"


def unpacked_module(stream: BinaryIO) -> bytes:
    """The module's content; empty where it is damaged, or larger than MAX_READ_BYTES."""
    try:
        reader = Reader(file_chunks(stream))
        method = method_at(reader)
        if method is not None and method.inflate is not None:
            reader = Reader(method.inflate(reader))
        content = bytearray()
        while (chunk := reader.take_chunk()) and len(content) <= MAX_READ_BYTES:
            content += chunk
    except ArchiveError:
        return b""
    return bytes(content) if len(content) <= MAX_READ_BYTES else b""


def _problem(reader: Reader, path: str) -> str | None:
    method = method_at(reader)
    if not reader.peek(1):
        return "empty"
    if method is None or method.inflate is None:
        packed = next((name for suffix, name in SUFFIXES.items() if path.endswith(suffix)), None)
        if packed is not None and method is None:
            return f"not packed with {packed}, as its name says"
        return _elf_problem(reader)
    return _elf_problem(Reader(method.inflate(reader)))


def _elf_problem(reader: Reader) -> str | None:
    header = reader.peek(HEADER_BYTES)
    if not header.startswith(MAGIC):
        return "no module: no ELF file"
    if len(header) < HEADER_BYTES or header[5] != LITTLE_ENDIAN:
        return "cut off" if len(header) < HEADER_BYTES else None
    if header[4] == CLASS_64:
        (start,) = struct.unpack_from("<Q", header, 0x28)
        each, count = struct.unpack_from("<HH", header, 0x3A)
    else:
        (start,) = struct.unpack_from("<I", header, 0x20)
        each, count = struct.unpack_from("<HH", header, 0x2E)
    end = start + each * count
    size = _length(reader, end)
    return None if size >= end else f"cut off: {size} of {end} bytes are there"


def _length(reader: Reader, enough: int) -> int:
    """How many bytes there are; counted no further than `enough`."""
    size = 0
    while size < enough and (chunk := reader.take_chunk()):
        size += len(chunk)
        if size > MAX_MODULE_BYTES:
            raise GuestReadError(f"a module of more than {MAX_MODULE_BYTES} bytes")
    return size
