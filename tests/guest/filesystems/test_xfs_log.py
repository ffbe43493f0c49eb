"""The end of the log of an XFS: a ring made here, block by block, as the kernel writes it."""

import io
import struct

import pytest

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.xfs_log import log_is_clean

BLOCK = 4096
GROUP_BLOCKS = 64
LOG_START, LOG_BLOCKS = (1 << 6) | 3, 500
"""Group 1, block 3 of it; 4,000 blocks of 512 bytes."""
RING = LOG_BLOCKS * BLOCK // 512


def head(**changed: int) -> bytes:
    values = {
        "block": BLOCK,
        "start": LOG_START,
        "group": GROUP_BLOCKS,
        "log": LOG_BLOCKS,
        "shift": 6,
    } | changed
    content = bytearray(65536 + 4096)
    struct.pack_into(">4sI", content, 0, b"XFSB", values["block"])
    struct.pack_into(">Q", content, 48, values["start"])
    struct.pack_into(">I", content, 84, values["group"])
    struct.pack_into(">I", content, 96, values["log"])
    content[124] = values["shift"]
    return bytes(content)


def record(
    cycle: int, data_blocks: int, flags: int, operations: int = 1, size: int = 32 << 10
) -> list[bytes]:
    """A record: its header, and its data, whose blocks begin with the cycle."""
    header = bytearray(512)
    struct.pack_into(">IIII", header, 0, 0xFEEDBABE, cycle, 2, data_blocks * 512)
    struct.pack_into(">I", header, 40, operations)
    struct.pack_into(">I", header, 320, size)
    more = [struct.pack(">I", cycle) + bytes(508) for _ in range(-(-size // (32 << 10)) - 1)]
    data = [bytearray(struct.pack(">I", cycle) + bytes(508)) for _ in range(data_blocks)]
    data[0][8:10] = bytes([0xAA, flags])
    return [bytes(header), *more, *map(bytes, data)]


UNMOUNT, COMMIT = 0x20, 0x02


def is_clean(blocks: list[bytes], old_cycle: int = 0, at: int = 0, **changed: int) -> bool:
    """Of a log in which `blocks` were written from block `at` on (and round), and the rest a turn before."""
    ring = [struct.pack(">I", old_cycle) + bytes(508) for _ in range(RING)]
    for index in range(at):
        ring[index] = blocks[0][4:8] + bytes(508)
    for index, block in enumerate(blocks):
        ring[(at + index) % RING] = block
    place = (1 * GROUP_BLOCKS + 3) * BLOCK
    return log_is_clean(head(**changed), io.BytesIO(bytes(place) + b"".join(ring)))


def test_a_log_that_ends_in_an_unmount_record() -> None:
    assert is_clean([*record(1, 6, COMMIT, 9), *record(1, 1, UNMOUNT)])
    assert is_clean(record(1, 1, UNMOUNT))


def test_a_log_that_ends_in_anything_else() -> None:
    assert not is_clean(record(1, 6, COMMIT, 9))
    assert not is_clean(record(1, 1, COMMIT))
    assert not is_clean([*record(1, 1, UNMOUNT), *record(1, 6, COMMIT, 9)])
    assert not is_clean([*record(1, 1, UNMOUNT), *record(1, 3, COMMIT, 2)[:-1]])


@pytest.mark.parametrize("at", [0, 1, 700, RING // 2, RING - 300, RING - 2])
def test_wherever_the_ring_ends(at: int) -> None:
    assert is_clean(record(7, 1, UNMOUNT), old_cycle=6, at=at)
    assert not is_clean(record(7, 1, COMMIT), old_cycle=6, at=at)


def test_a_record_that_goes_round_the_end_of_the_ring() -> None:
    blocks = record(6, 1, UNMOUNT)
    ring = [blocks[0][4:8] + bytes(508)] * (RING - 1) + [blocks[0]]
    ring[0] = struct.pack(">I", 7) + blocks[1][4:]
    place = (1 * GROUP_BLOCKS + 3) * BLOCK
    assert log_is_clean(head(), io.BytesIO(bytes(place) + b"".join(ring)))


def test_large_buffers_have_more_header_blocks_and_are_padded_to_the_stripe() -> None:
    assert is_clean(record(1, 504, UNMOUNT, size=256 << 10))
    assert not is_clean(record(1, 504, COMMIT, size=256 << 10))


def test_a_log_that_was_never_written_to() -> None:
    assert log_is_clean(head(), io.BytesIO(bytes(4 << 20)))


def test_what_cannot_be_told() -> None:
    with pytest.raises(GuestReadError, match="another device"):
        is_clean(record(1, 1, UNMOUNT), start=0)
    with pytest.raises(GuestReadError, match="beyond the end"):
        is_clean(record(1, 1, UNMOUNT), log=1 << 20)
    for change in ({"block": 0}, {"block": 1 << 20}, {"log": 0}, {"shift": 200}):
        with pytest.raises(GuestReadError, match="damaged"):
            is_clean(record(1, 1, UNMOUNT), **change)
    middle = [struct.pack(">I", 9) + bytes(508)] * 3000
    with pytest.raises(GuestReadError, match="not in order"):
        is_clean([*record(5, 1, UNMOUNT), *middle])
