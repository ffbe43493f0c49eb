"""Whether UEFI loads a program: the headers and sections of a PE file as EDK2 checks them.

Sources: EDK2, MdeModulePkg/Library/UefiBootManagerLib/BmLoadOption.c (BmIsLoadOptionPeHeaderValid: what
makes a file a candidate at all), MdePkg/Library/BasePeCoffLib/BasePeCoff.c (what the loader refuses), and
Microsoft's "PE Format".
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.pe import MAX_SECTIONS, Section

DOS_HEADER_BYTES = 64
PE_HEADER_AT = 0x3C
UNION_BYTES = 264
"""EFI_IMAGE_OPTIONAL_HEADER_UNION: as much must follow the start of the PE header in any file."""
PE32, PE32_PLUS = 0x10B, 0x20B
APPLICATION = 10
"""EFI_IMAGE_SUBSYSTEM_EFI_APPLICATION."""
FIXED_BYTES = {PE32: 96, PE32_PLUS: 112}
"""Of the optional header, before its data directories."""
MAX_DIRECTORIES = 16
CERTIFICATES = 4
"""Index of the data directory with the signatures; its address is an offset in the file."""
SECTION_BYTES = 40
ENTRY_BYTES = 16
"""As many zero bytes at the entry point are no program."""

MACHINES = {0x014C: "i686", 0x01C2: "armv7l", 0x5032: "riscv32", 0x5064: "riscv64", 0x6264: "loongarch64"}
MACHINES |= {0x8664: "x86_64", 0xAA64: "aarch64"}
"""Machine field to the name that `uname -m` prints."""


class NotLoadedError(GuestReadError):
    """UEFI does not start the file. `candidate`: it looks at nothing else then; else it goes on looking."""

    def __init__(self, reason: str, *, candidate: bool) -> None:
        super().__init__(reason)
        self.candidate = candidate


@dataclass(frozen=True, slots=True)
class Program:
    """A program that UEFI loads."""

    machine: str
    """As `uname -m` says it."""
    pointer_bytes: int
    sections: dict[str, Section]


@dataclass(frozen=True, slots=True)
class _Headers:
    offset: int
    """Of the PE header."""
    machine: int
    sections: int
    optional_bytes: int
    magic: int
    optional: bytes

    def number(self, at: int, layout: str = "<I") -> int:
        """A field of the optional header."""
        value: int = struct.unpack_from(layout, self.optional, at)[0]
        return value

    @property
    def headers_bytes(self) -> int:
        return self.number(60)

    @property
    def table(self) -> int:
        """Where the section table starts."""
        return self.offset + 24 + self.optional_bytes


def read_program(stream: BinaryIO, size_bytes: int, architecture: str) -> Program:
    """The program of that many bytes. Raises NotLoadedError where UEFI of that architecture refuses it."""
    headers = _candidate(stream, size_bytes)
    try:
        _check_machine(headers, architecture)
        _check_headers(headers, size_bytes)
        sections = _sections(stream, headers, size_bytes)
        _check_entry(stream, headers, sections)
        named = {section.name: section for section, _ in reversed(sections)}
        return Program(architecture, 8 if headers.magic == PE32_PLUS else 4, named)
    except NotLoadedError:
        raise
    except GuestReadError as error:
        raise NotLoadedError(str(error), candidate=True) from error


def _candidate(stream: BinaryIO, size_bytes: int) -> _Headers:
    """What the boot manager looks at before it takes the file."""
    if not size_bytes:
        raise NotLoadedError("it is empty", candidate=False)
    head = _read(stream, 0, min(DOS_HEADER_BYTES, size_bytes))
    if head[:2] != b"MZ" or len(head) < DOS_HEADER_BYTES:
        raise NotLoadedError(f"it is no EFI program{_what(head)}", candidate=False)
    (offset,) = struct.unpack_from("<I", head, PE_HEADER_AT)
    if offset + UNION_BYTES > size_bytes:
        raise NotLoadedError("it is cut off: its PE header is missing", candidate=False)
    header = _read(stream, offset, UNION_BYTES)
    machine, sections = struct.unpack_from("<HH", header, 4)
    (optional_bytes,) = struct.unpack_from("<H", header, 20)
    magic, subsystem = struct.unpack_from("<H66xH", header, 24)
    if header[:4] != b"PE\0\0" or magic not in FIXED_BYTES:
        raise NotLoadedError("it is no EFI program: it has no PE header", candidate=False)
    if subsystem != APPLICATION:
        raise NotLoadedError(
            f"it is no EFI application (subsystem {subsystem} in its PE header)", candidate=False
        )
    return _Headers(offset, machine, sections, optional_bytes, magic, header[24:])


def _what(head: bytes) -> str:
    if not any(head):
        return ": it begins with zeros"
    if head[:4] == b"\x7fELF":
        return " but an ELF file"
    if head.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return " but text"
    return ": it does not begin with MZ"


def _check_machine(headers: _Headers, architecture: str) -> None:
    machine = MACHINES.get(headers.machine, f"an unknown machine ({headers.machine:#06x})")
    if machine != architecture:
        raise GuestReadError(f"it is a program for {machine}, not for {architecture}")


def _check_headers(headers: _Headers, size_bytes: int) -> None:
    """PeCoffLoaderGetPeHeader."""
    fixed = FIXED_BYTES[headers.magic]
    directories = headers.number(fixed - 4)
    image_bytes = headers.number(56)
    if directories > MAX_DIRECTORIES or headers.optional_bytes != fixed + 8 * directories:
        raise GuestReadError("its PE header is damaged: the data directories have an impossible size")
    room = (image_bytes - headers.table) // SECTION_BYTES
    if room <= headers.sections or not headers.table < headers.headers_bytes < image_bytes:
        raise GuestReadError("its PE header is damaged: the headers do not fit into the image")
    if (headers.headers_bytes - headers.table) // SECTION_BYTES < headers.sections:
        raise GuestReadError("its PE header is damaged: the section table does not fit into the headers")
    if headers.headers_bytes > size_bytes:
        raise GuestReadError("it is cut off within its headers")
    if directories > CERTIFICATES:
        start, length = struct.unpack_from("<II", headers.optional, fixed + 8 * CERTIFICATES)
        if length and start + length > size_bytes:
            raise GuestReadError(
                f"it is cut off: its signature ends at byte {start + length} of {size_bytes}"
            )


def _sections(stream: BinaryIO, headers: _Headers, size_bytes: int) -> list[tuple[Section, int]]:
    """The sections, each with its address in memory."""
    if headers.sections > MAX_SECTIONS:
        raise GuestReadError(f"a PE file with {headers.sections} sections, more than {MAX_SECTIONS}")
    table = _read(stream, headers.table, headers.sections * SECTION_BYTES)
    found = []
    for index in range(headers.sections):
        name, virtual, address, raw, start = struct.unpack_from("<8sIIII", table, index * SECTION_BYTES)
        text = name.rstrip(b"\0").decode("ascii", "replace")
        if raw and (start < headers.headers_bytes or address < headers.headers_bytes):
            raise GuestReadError(f"its section {text} lies over its headers")
        if raw and start + raw > size_bytes:
            raise GuestReadError(
                f"it is cut off: its section {text} ends at byte {start + raw} of {size_bytes}"
            )
        found.append((Section(text, start, min(virtual, raw) if virtual else raw), address))
    for section, _ in found:
        if section.length:
            _read(stream, section.start + section.length - 1, 1)
    return found


def _check_entry(stream: BinaryIO, headers: _Headers, sections: list[tuple[Section, int]]) -> None:
    """There is something to run: a file whose content was lost has zeros."""
    entry = headers.number(16)
    for section, address in sections:
        if address <= entry < address + section.length:
            code = _read(stream, section.start + entry - address, ENTRY_BYTES)
            if any(code):
                return
    raise GuestReadError("there is no code where it would start to run")


def _read(stream: BinaryIO, offset: int, length: int) -> bytes:
    stream.seek(offset)
    return stream.read(length)
