import os

import pytest

from imgtool.formats.vhdx.header import crc32c


def _bit_by_bit(content: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def test_the_checksum_is_that_of_rfc_3720():
    """Section B.4, its examples; and the usual one."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0


@pytest.mark.parametrize("zeros", [0, 1, 2, 3, 7, 8, 63, 1000, 4000])
def test_zeros_at_the_end_count(zeros: int):
    for length in (0, 1, 5, 64):
        content = os.urandom(length) + bytes(zeros)
        assert crc32c(content) == _bit_by_bit(content)
