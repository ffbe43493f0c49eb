"""A unified kernel image: a PE file with sections, by the PE specification."""

import struct
from collections.abc import Iterable, Mapping

ALIGNMENT = 512


def unified_image(
    sections: Mapping[str, bytes] | Iterable[tuple[str, bytes]], machine: int = 0x8664
) -> bytes:
    """A PE32+ file with these sections, each padded with zeros to the alignment of the file."""
    listed = list(sections.items() if isinstance(sections, Mapping) else sections)
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", machine, len(listed), 0, 0, 0, 240, 0x22)
    optional = struct.pack("<H", 0x20B).ljust(240, b"\0")
    start = _aligned(len(dos) + len(coff) + 240 + 40 * len(listed))
    table, bodies = b"", b""
    for name, body in listed:
        where = start + len(bodies)
        raw = _aligned(len(body))
        head = struct.pack("<8sIIII", name.encode(), len(body), where, raw, where)
        table += head.ljust(40, b"\0")
        bodies += body.ljust(raw, b"\0")
    return (dos + coff + optional + table).ljust(start, b"\0") + bodies


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
