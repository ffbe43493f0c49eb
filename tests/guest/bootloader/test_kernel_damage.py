"""A kernel whose bytes were changed: as the build makes one, with the checksum of boot.rst at its end."""

import gzip
import io
import struct
import zlib

import pytest
from support.kernel_images import SETUP_SECTORS, bzimage

from imgtool.guest.bootloader.kernel_damage import damage
from imgtool.guest.bootloader.kernel_image import HEAD_BYTES, read_kernel_image

OPTIONAL_AT = 0x40 + 24
LZ4 = b"\x02\x21\x4c\x18" + bytes(range(256)) * 400


def built(packed: bytes, version: str = "6.1.0-1-amd64") -> bytearray:
    """An image with this packed kernel."""
    content = packed + struct.pack("<I", 7)
    length = -(-(len(content) + 4) // 16) * 16
    image = bytearray(bzimage(version, length=length))
    start = (SETUP_SECTORS + 1) * 512
    image[start:] = content.ljust(length, b"\0")
    struct.pack_into("<II", image, 0x248, 0, len(content))
    struct.pack_into("<H", image, OPTIONAL_AT, 0x20B)
    image[OPTIONAL_AT + 64 : OPTIONAL_AT + 68] = bytes(4)
    image[OPTIONAL_AT + 144 : OPTIONAL_AT + 152] = bytes(8)
    image[-4:] = struct.pack("<I", zlib.crc32(image[:-4]) ^ 0xFFFFFFFF)
    return image


def said(image: bytes) -> str:
    return damage(io.BytesIO(image), read_kernel_image(io.BytesIO(image), len(image)))


NOISE = gzip.compress(b"".join(struct.pack("<I", zlib.crc32(struct.pack("<I", n))) for n in range(30_000)))


@pytest.mark.parametrize("packed", [NOISE, LZ4])
def test_a_changed_byte_is_found(packed: bytes) -> None:
    image = built(packed)
    assert len(image) > HEAD_BYTES
    assert said(bytes(image)) == ""
    image[HEAD_BYTES + 9000] ^= 1
    assert said(bytes(image)) == "it is damaged: its checksum is wrong"


@pytest.mark.parametrize("packed", [NOISE, LZ4])
def test_a_signed_kernel_is_as_it_was_built(packed: bytes) -> None:
    image = built(packed)
    struct.pack_into("<I", image, OPTIONAL_AT + 64, 0x12345678)
    struct.pack_into("<II", image, OPTIONAL_AT + 144, len(image), 8)
    assert said(bytes(image) + b"signed..") == ""


def test_what_can_be_unpacked_is_not_damaged() -> None:
    image = built(NOISE)
    image[0x1F2] ^= 1  # root_flags, as rdev set it
    assert said(bytes(image)) == ""


@pytest.mark.parametrize("version", ["6.16.1", "7.0.0", "custom"])
def test_kernels_without_a_checksum(version: str) -> None:
    image = built(LZ4, version)
    image[HEAD_BYTES + 9000] ^= 1
    assert said(bytes(image)) == ""
