"""VDI: content as QEMU reads it, in every variant that it writes and in those of others."""

import random
from itertools import product
from pathlib import Path

import pytest
from support.block_images import MIB, Vdi, blocks_of, scattered
from support.images import convert
from support.judged import assert_read_as_qemu_does, kept_by_layout, kept_by_qemu

SIZES = [512, MIB, 5 * MIB, 3 * MIB + 512, 8 * MIB - 512]
NUMBERS = [0, 1, 2, 4]


@pytest.mark.parametrize(("static", "size"), list(product(["on", "off"], SIZES)))
def test_what_qemu_writes(tmp_path: Path, static: str, size: int) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(scattered(size))
    path = convert(raw, tmp_path / "x.vdi", "raw", "vdi", "-o", f"static={static}")
    assert assert_read_as_qemu_does(path, "vdi") == raw.read_bytes()


@pytest.mark.parametrize("unused", [0xFFFFFFFF, 0xFFFFFFFE])
@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize("data_offset", [None, MIB, 512 * 77])
@pytest.mark.parametrize("size", [5 * MIB, 4 * MIB + 1000])
def test_blocks_in_any_order(
    tmp_path: Path, unused: int, kind: int, data_offset: int | None, size: int
) -> None:
    vdi = Vdi(size, kind, data_offset, unused)
    order = random.Random(size).sample(NUMBERS, len(NUMBERS))
    path = vdi.write(tmp_path / "x.vdi", blocks_of(NUMBERS, MIB - 10), order)
    content = assert_read_as_qemu_does(path, "vdi")
    assert len(content) == -(-size // 512) * 512


def test_a_large_disk(tmp_path: Path) -> None:
    numbers = [0, 8191, 8192, 8193, 100_000, (1 << 20) - 1]
    path = Vdi(1 << 40).write(tmp_path / "x.vdi", blocks_of(numbers), numbers[::-1])
    assert kept_by_layout(path, "vdi") == kept_by_qemu(path, "vdi")
