"""Kernel images of a few KiB, with just what boot loaders look at."""

import struct
import sys

from support.fixtures import FIXTURES

sys.path.insert(0, str(FIXTURES / "recipe"))

from binaries import SETUP_SECTORS, VERSION_AT, bzimage

__all__ = ["SETUP_SECTORS", "VERSION_AT", "arm64_image", "bzimage"]


def arm64_image(length: int = 4096) -> bytes:
    """An uncompressed arm64 Image with an EFI stub."""
    head = bytearray(length)
    head[0:2] = b"MZ"
    struct.pack_into("<I", head, 0x38, int.from_bytes(b"ARM\x64", "little"))
    struct.pack_into("<I", head, 0x3C, 0x40)
    struct.pack_into("<4sHH", head, 0x40, b"PE\0\0", 0xAA64, 0)
    return bytes(head)
