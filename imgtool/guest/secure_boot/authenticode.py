"""A PE file's signatures, and the hash that they sign.

Sources: Microsoft's "Windows Authenticode Portable Executable Signature Format"; EDK2,
SecurityPkg/Library/DxeImageVerificationLib (HashPeImage), whose order of sections and of what stands behind
them is what decides on a boot.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.firmware.portable_executable import (
    CERTIFICATES,
    DOS_HEADER_BYTES,
    FIXED_BYTES,
    PE_HEADER_AT,
    SECTION_BYTES,
)
from imgtool.guest.initramfs.pe import MAX_SECTIONS

CHECKSUM_AT = 64
"""Of the optional header."""
HEADERS_BYTES_AT = 60
PKCS_SIGNED_DATA = 2
"""WIN_CERT_TYPE_PKCS_SIGNED_DATA."""
SYMBOL_BYTES = 18
MAX_NAMES_BYTES = 64 << 10
"""Of the table of strings, where names of sections stand first."""
MAX_SIGNATURES = 16
MAX_SIGNATURES_BYTES = 1 << 20
MAX_FILE_BYTES = 512 << 20
"""A unified kernel image with all firmware has 150 MiB."""
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A PE file, with or without signatures."""

    stream: BinaryIO
    size_bytes: int
    ranges: tuple[tuple[int, int], ...]
    """Start and end of each piece that is hashed, in the order in which it is."""
    signatures: tuple[bytes, ...]
    """Each in DER, the first one first."""
    sections: tuple[_Section, ...]

    def digest(self, algorithm: str) -> bytes:
        """The hash of the file without its signatures; `algorithm` as hashlib has it."""
        found = hashlib.new(algorithm)
        for start, end in self.ranges:
            for chunk in _chunks(self.stream, start, end):
                found.update(chunk)
        return found.digest()

    def section(self, name: str, most_bytes: int) -> bytes | None:
        """The content of the first section of that name, as the file has it; None where there is none."""
        found = next((one for one in self.sections if one.name == name), None)
        if found is None:
            return None
        self.stream.seek(found.start)
        return self.stream.read(min(found.length, most_bytes))


def read_signed(stream: BinaryIO, size_bytes: int) -> SignedFile:
    """The file in `stream`. Raises GuestReadError where it is no PE file, damaged, or too large."""
    if size_bytes > MAX_FILE_BYTES:
        raise GuestReadError(f"more than {MAX_FILE_BYTES >> 20} MiB, too large to hash")
    offset = _pe_offset(stream)
    stream.seek(offset)
    header = stream.read(24)
    if len(header) < 24 or header[:4] != b"PE\0\0":
        raise GuestReadError("it is no EFI program: it has no PE header")
    count, optional_bytes = struct.unpack_from("<H", header, 6)[0], struct.unpack_from("<H", header, 20)[0]
    optional = stream.read(optional_bytes)
    fixed = FIXED_BYTES.get(int.from_bytes(optional[:2], "little"), 0)
    if not fixed or len(optional) < fixed or count > MAX_SECTIONS:
        raise GuestReadError("its PE header is damaged")
    raw_sections = _sections(stream.read(count * SECTION_BYTES), _long_names(stream, header))
    (headers_bytes,) = struct.unpack_from("<I", optional, HEADERS_BYTES_AT)
    directory = fixed + 8 * CERTIFICATES
    has_directory = len(optional) >= directory + 8
    table_start, table_bytes = struct.unpack_from("<II", optional, directory) if has_directory else (0, 0)
    checksum = offset + 24 + CHECKSUM_AT
    skipped = [(checksum, 4), *([(offset + 24 + directory, 8)] if has_directory else [])]
    ranges = [*_around(skipped, headers_bytes), *_ranges(raw_sections)]
    hashed = headers_bytes + sum(one.length for one in raw_sections)
    if size_bytes - table_bytes > hashed:
        ranges.append((hashed, size_bytes - table_bytes))
    if any(end > size_bytes or start > end for start, end in ranges):
        raise GuestReadError("it is cut off, or its headers are damaged")
    signatures = tuple(_signatures(stream, table_start, table_bytes, size_bytes))
    return SignedFile(stream, size_bytes, tuple(ranges), signatures, tuple(raw_sections))


def _pe_offset(stream: BinaryIO) -> int:
    stream.seek(0)
    head = stream.read(DOS_HEADER_BYTES)
    if len(head) < DOS_HEADER_BYTES or head[:2] != b"MZ":
        raise GuestReadError("it is no EFI program")
    return int.from_bytes(head[PE_HEADER_AT : PE_HEADER_AT + 4], "little")


def _long_names(stream: BinaryIO, header: bytes) -> bytes:
    """The table of strings behind the symbols: a name of more than 8 letters is `/` and an offset in it."""
    here = stream.tell()
    start, symbols = struct.unpack_from("<II", header, 12)
    if not start:
        return b""
    stream.seek(start + SYMBOL_BYTES * symbols)
    names = stream.read(MAX_NAMES_BYTES)
    stream.seek(here)
    return names


def _section_name(raw: bytes, long_names: bytes) -> str:
    name = raw.rstrip(b"\0")
    if name.startswith(b"/") and name[1:].isdigit():
        offset = int(name[1:])
        name = long_names[offset : offset + 64].split(b"\0")[0]
    return name.decode("ascii", "replace")


def _sections(table: bytes, long_names: bytes) -> list[_Section]:
    found = []
    for start in range(0, len(table) // SECTION_BYTES * SECTION_BYTES, SECTION_BYTES):
        name, _, _, raw_bytes, place = struct.unpack_from("<8sIIII", table, start)
        found.append(_Section(_section_name(name, long_names), place, raw_bytes))
    return found


def _around(skipped: list[tuple[int, int]], end: int) -> Iterator[tuple[int, int]]:
    """The headers without what a signature cannot sign: the checksum, and where the signatures are."""
    start = 0
    for place, length in skipped:
        yield start, place
        start = place + length
    yield start, end


def _ranges(sections: list[_Section]) -> Iterator[tuple[int, int]]:
    """The sections by where they stand in the file."""
    for one in sorted(sections, key=lambda section: section.start):
        if one.length:
            yield one.start, one.start + one.length


def _signatures(stream: BinaryIO, start: int, length: int, size_bytes: int) -> Iterator[bytes]:
    """Each WIN_CERTIFICATE of the table; the next one begins at a multiple of 8 bytes."""
    if not length:
        return
    if start + length > size_bytes or length > MAX_SIGNATURES_BYTES:
        raise GuestReadError("its table of signatures goes on beyond its end, or is huge")
    stream.seek(start)
    table = stream.read(length)
    offset = 0
    for _ in range(MAX_SIGNATURES):
        if offset + 8 > len(table):
            return
        entry_bytes, _, kind = struct.unpack_from("<IHH", table, offset)
        if entry_bytes <= 8 or offset + entry_bytes > len(table):
            return
        if kind == PKCS_SIGNED_DATA:
            yield table[offset + 8 : offset + entry_bytes]
        offset += (entry_bytes + 7) // 8 * 8


def _chunks(stream: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    stream.seek(start)
    while start < end:
        chunk = stream.read(min(CHUNK_BYTES, end - start))
        if not chunk:
            raise GuestReadError("it ends early")
        start += len(chunk)
        yield chunk
