"""VHDX: content as QEMU reads it, in every variant that it writes and in those of others."""

import random
import struct
from itertools import product
from pathlib import Path

import pytest
from support.block_images import MIB, Vhdx, blocks_of, scattered
from support.images import convert, patch
from support.judged import assert_places_read_as_qemu_does, assert_read_as_qemu_does

BLOCK_SIZES = ["1M", "2M", "4M", "8M", "16M", "32M", "64M", "256M"]


@pytest.mark.parametrize(
    ("subformat", "zero", "block_size"), list(product(["dynamic", "fixed"], ["on", "off"], BLOCK_SIZES))
)
def test_what_qemu_writes(tmp_path: Path, subformat: str, zero: str, block_size: str) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(scattered(5 * MIB + 512 * 3))
    options = f"subformat={subformat},block_state_zero={zero},block_size={block_size}"
    path = convert(raw, tmp_path / "x.vhdx", "raw", "vhdx", "-o", options)
    assert assert_read_as_qemu_does(path, "vhdx") == raw.read_bytes()


@pytest.mark.parametrize(("log_size", "size"), list(product(["1M", "2M", "5M", "32M"], [MIB, 9 * MIB])))
def test_logs_and_sizes(tmp_path: Path, log_size: str, size: int) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(scattered(size))
    path = convert(raw, tmp_path / "x.vhdx", "raw", "vhdx", "-o", f"log_size={log_size}")
    assert assert_read_as_qemu_does(path, "vhdx") == raw.read_bytes()


@pytest.mark.parametrize("unused", [0, 1, 2, 3, 5, 2 | 7 * MIB])
@pytest.mark.parametrize("block_mib", [1, 2])
def test_blocks_in_any_order(tmp_path: Path, unused: int, block_mib: int) -> None:
    numbers = [0, 1, 2, 4]
    vhdx = Vhdx(4 * block_mib * MIB + 512 * 5, block_mib * MIB, unused=unused)
    order = random.Random(unused).sample(numbers, len(numbers))
    path = vhdx.write(tmp_path / "x.vhdx", blocks_of(numbers, block_mib * MIB - 10), order)
    assert_read_as_qemu_does(path, "vhdx")


@pytest.mark.parametrize("block_mib", [1, 32, 256])
@pytest.mark.parametrize("bitmap_entry", [0, 2, 4])
def test_entries_of_bitmaps_are_skipped(tmp_path: Path, block_mib: int, bitmap_entry: int) -> None:
    vhdx = Vhdx(20 << 30, block_mib * MIB, bitmap_entry=bitmap_entry)
    ratio = vhdx.ratio
    numbers = sorted({0, 1, ratio - 1, ratio, ratio + 1, 2 * ratio - 1, 2 * ratio, vhdx.blocks - 1})
    path = vhdx.write(tmp_path / "x.vhdx", blocks_of(numbers), numbers[::-1])
    assert_places_read_as_qemu_does(path, "vhdx", _near(numbers, vhdx))


def test_the_largest_disk(tmp_path: Path) -> None:
    vhdx = Vhdx(64 << 40, 32 * MIB)
    numbers = [0, 1, 127, 128, 1_000_000, vhdx.blocks - 1]
    path = vhdx.write(tmp_path / "x.vhdx", blocks_of(numbers), numbers[::-1])
    assert_places_read_as_qemu_does(path, "vhdx", _near(numbers, vhdx))


def _near(numbers: list[int], vhdx: Vhdx) -> list[int]:
    """Places in these blocks, and in those beside them."""
    found = [
        number * vhdx.block_bytes + step for number in numbers for step in (0, 512 * 9, vhdx.block_bytes)
    ]
    return [place for place in found if place < vhdx.size_bytes]


@pytest.mark.parametrize("sequences", [(7, 6), (6, 7), (5, 5)])
@pytest.mark.parametrize("broken", [None, 64 << 10, 128 << 10, 256 << 10])
def test_the_valid_header_holds(tmp_path: Path, sequences: tuple[int, int], broken: int | None) -> None:
    path = Vhdx(5 * MIB, sequences=sequences).write(tmp_path / "x.vhdx", blocks_of([1, 3]))
    if broken is not None:
        patch(path, broken + 100, b"x")
    assert_read_as_qemu_does(path, "vhdx")


def test_a_last_block_that_is_there_in_part(tmp_path: Path) -> None:
    """As QEMU wrote them once, and reads them."""
    vhdx = Vhdx(9 * MIB, 8 * MIB)
    path = vhdx.write(tmp_path / "x.vhdx", blocks_of([0, 1]))
    with path.open("r+b") as file:
        file.truncate(vhdx.first_block * MIB + 9 * MIB)
    assert_read_as_qemu_does(path, "vhdx")


def test_an_entry_of_the_log_that_is_not_valid_is_none(tmp_path: Path) -> None:
    vhdx = Vhdx(5 * MIB)
    path = vhdx.write(tmp_path / "x.vhdx", blocks_of([1]))
    patch(path, MIB, struct.pack("<4sI", b"loge", 0))
    assert_read_as_qemu_does(path, "vhdx")
