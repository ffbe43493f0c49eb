"""The sections of a unified kernel image: a PE file that carries a kernel, its initramfs and its options.

Sources: Microsoft's "PE Format", and the UAPI Group's "Unified Kernel Image" specification.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError

MAX_SECTIONS = 96
"""What Windows' loader takes; a unified kernel image has about ten."""

MAX_TEXT_BYTES = 64 << 10
"""Of a section that is read as text: `.cmdline`, `.uname`, `.osrel`."""

_SECTION = struct.Struct("<8sIIII")
_SECTION_BYTES = 40


@dataclass(frozen=True, slots=True)
class Section:
    """One section: where its content stands in the file."""

    name: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class PeFile:
    """The headers of a PE file."""

    machine: int
    """IMAGE_FILE_HEADER's Machine: 0x8664 is x86-64."""
    magic: int
    """Of the optional header: 0x20b is PE32+; 0 where there is none."""
    sections: tuple[Section, ...]
    """In the order of the section table; a name may come more than once."""


def pe_sections(stream: BinaryIO) -> dict[str, Section]:
    """The sections by name, the first of each. Raises GuestReadError where `stream` holds no PE file."""
    found: dict[str, Section] = {}
    for section in read_pe(stream).sections:
        found.setdefault(section.name, section)
    return found


def read_pe(stream: BinaryIO) -> PeFile:
    """The headers. Raises GuestReadError where `stream` holds no PE file."""
    stream.seek(0)
    head = stream.read(64)
    if len(head) < 64 or head[:2] != b"MZ":
        raise GuestReadError("no PE file: it does not begin with MZ")
    (offset,) = struct.unpack_from("<I", head, 0x3C)
    stream.seek(offset)
    header = stream.read(24)
    if len(header) < 24 or header[:4] != b"PE\0\0":
        raise GuestReadError(f"no PE file: no PE header at byte {offset}")
    machine, count = struct.unpack_from("<HH", header, 4)
    (optional_bytes,) = struct.unpack_from("<H", header, 20)
    if count > MAX_SECTIONS:
        raise GuestReadError(f"a PE file with {count} sections, more than {MAX_SECTIONS}")
    magic = int.from_bytes(stream.read(2), "little") if optional_bytes >= 2 else 0
    stream.seek(offset + 24 + optional_bytes)
    return PeFile(machine, magic, tuple(_sections(stream.read(count * _SECTION_BYTES), count)))


def _sections(table: bytes, count: int) -> Iterator[Section]:
    if len(table) < count * _SECTION_BYTES:
        raise GuestReadError("a PE file whose section table is truncated")
    for index in range(count):
        name, virtual, _, raw, start = _SECTION.unpack_from(table, index * _SECTION_BYTES)
        text = name.rstrip(b"\0").decode("ascii", "replace")
        yield Section(text, start, min(virtual, raw))


def section_text(stream: BinaryIO, section: Section) -> str:
    """The content of a section as text, without its padding."""
    stream.seek(section.start)
    content = stream.read(min(section.length, MAX_TEXT_BYTES))
    return content.rstrip(b"\0").decode("utf-8", "replace").strip()
