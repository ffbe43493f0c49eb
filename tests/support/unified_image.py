"""A unified kernel image: a PE file with sections, by the PE specification."""

import struct
from collections.abc import Mapping

ALIGNMENT = 512


def unified_image(sections: Mapping[str, bytes]) -> bytes:
    """A PE file with these sections, each padded with zeros to the alignment of the file."""
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, 240, 0x22)
    start = _aligned(len(dos) + len(coff) + 240 + 40 * len(sections))
    table, bodies = b"", b""
    for name, body in sections.items():
        where = start + len(bodies)
        raw = _aligned(len(body))
        head = struct.pack("<8sIIII", name.encode(), len(body), where, raw, where)
        table += head.ljust(40, b"\0")
        bodies += body.ljust(raw, b"\0")
    return (dos + coff + bytes(240) + table).ljust(start, b"\0") + bodies


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
