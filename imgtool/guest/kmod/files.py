"""Whether the kernel takes a module's file: kernel/module/main.c, elf_validity_check and check_modinfo.

The sections' headers stand at the end of a module, so one that is cut off has lost them. A module says by
`vermagic` for which kernel it was made; one with versions of its symbols (`modversions`) may run on another.
"""

import re
import struct
from collections.abc import Collection
from typing import BinaryIO

from imgtool.guest.elf import CLASS_64, LITTLE_ENDIAN, MAGIC, machine_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.compression import method_at
from imgtool.guest.initramfs.reader import ArchiveError, Reader, file_chunks
from imgtool.util.text import printable

MAX_MODULE_BYTES = 256 << 20
"""Of one module, unpacked: amdgpu with all its symbols has 60 MiB."""
MAX_READ_BYTES = 32 << 20
"""Of a module whose parameters are looked at."""
HEADER_BYTES = 64
RELOCATABLE = 1
"""ET_REL, the type of a module's file."""
VERMAGIC = re.compile(rb"\0vermagic=([^\0]{1,200})\0")
VERMAGIC_BYTES = 256
SIGNATURE = b"~Module signature appended~\n"
"""How the file of a signed module ends: include/linux/module_signature.h."""
SUFFIXES = {".gz": "gzip", ".xz": "xz", ".zst": "zstd"}


def module_problem(stream: BinaryIO, path: str, release: str, machines: Collection[str] = ()) -> str | None:
    """Why the kernel `release` refuses the module in `stream`, which is named `path`; None if it takes it.

    `machines`: for which the kernel can be made, as `uname -m` says it; none where nobody knows.
    """
    try:
        return _problem(Reader(file_chunks(stream)), path, release, machines)
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


def is_signed(stream: BinaryIO) -> bool:
    """Whether a signature stands at the module's end; whose it is, nobody asks here."""
    return unpacked_module(stream).endswith(SIGNATURE)


def _problem(reader: Reader, path: str, release: str, machines: Collection[str]) -> str | None:
    method = method_at(reader)
    if not reader.peek(1):
        return "empty"
    if method is None or method.inflate is None:
        packed = next((name for suffix, name in SUFFIXES.items() if path.endswith(suffix)), None)
        if packed is not None and method is None:
            return f"not packed with {packed}, as its name says"
        return _elf_problem(reader, release, machines)
    return _elf_problem(Reader(method.inflate(reader)), release, machines)


def _elf_problem(reader: Reader, release: str, machines: Collection[str]) -> str | None:
    header = reader.peek(HEADER_BYTES)
    if not header.startswith(MAGIC):
        return "no module: no ELF file"
    if len(header) < HEADER_BYTES or header[5] != LITTLE_ENDIAN:
        return "cut off" if len(header) < HEADER_BYTES else None
    if int.from_bytes(header[16:18], "little") != RELOCATABLE:
        return "no module: another kind of ELF file"
    machine = machine_of(header)
    if machine is not None and machines and machine not in machines:
        return f"made for {machine}, another machine"
    if header[4] == CLASS_64:
        (start,) = struct.unpack_from("<Q", header, 0x28)
        each, count = struct.unpack_from("<HH", header, 0x3A)
    else:
        (start,) = struct.unpack_from("<I", header, 0x20)
        each, count = struct.unpack_from("<HH", header, 0x2E)
    end = start + each * count
    size, made_for = _measured(reader, end)
    if size < end:
        return f"cut off: {size} of {end} bytes are there"
    return None if made_for in {"", release} else f"made for another kernel, {printable(made_for)}"


def _measured(reader: Reader, enough: int) -> tuple[int, str]:
    """How many bytes there are, counted no further than `enough`, and the only kernel that takes the module.

    Empty where it does not say so, or where others may take it as well.
    """
    size, made_for, tail = 0, "", b""
    while size < enough and (chunk := reader.take_chunk()):
        size += len(chunk)
        if size > MAX_MODULE_BYTES:
            raise GuestReadError(f"a module of more than {MAX_MODULE_BYTES} bytes")
        if not made_for:
            found = VERMAGIC.search(tail + chunk[:VERMAGIC_BYTES]) or VERMAGIC.search(chunk)
            made_for = "" if found is None else found[1].decode("utf-8", "surrogateescape")
            tail = chunk[-VERMAGIC_BYTES:]
    first, *flags = made_for.split() or [""]
    return size, "" if "modversions" in flags else first
