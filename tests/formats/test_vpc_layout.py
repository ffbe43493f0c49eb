"""VHD: content as QEMU reads it, in every variant that it writes and in those of others."""

import random
from itertools import product
from pathlib import Path

import pytest
from support.block_images import GREATEST_GEOMETRY, MIB, Vhd, blocks_of, scattered, vhd_checksum
from support.images import convert, patch
from support.judged import assert_read_as_qemu_does, kept_by_layout, kept_by_qemu, read_both_ways

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats import admit

SIZES = [MIB, 5 * MIB, 3 * MIB + 512, 8 * MIB - 512]
CREATORS = [
    b"vpc ",
    b"qemu",
    b"qem2",
    b"win ",
    b"d2v ",
    b"tap\0",
    b"CTXS",
    b"vbox",
    b"vs  ",
    b"vmwa",
    b"    ",
]
GEOMETRIES = [(17, 4, 40), (100, 4, 17), GREATEST_GEOMETRY]


@pytest.mark.parametrize(
    ("subformat", "force", "size"), list(product(["dynamic", "fixed"], ["on", "off"], SIZES))
)
def test_what_qemu_writes(tmp_path: Path, subformat: str, force: str, size: int) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(scattered(size))
    options = f"subformat={subformat},force_size={force}"
    path = convert(raw, tmp_path / "x.vhd", "raw", "vpc", "-o", options)
    content = assert_read_as_qemu_does(path, "vpc")
    assert content.rstrip(b"\0") == raw.read_bytes().rstrip(b"\0")


@pytest.mark.parametrize("block_bytes", [4096, 16 << 10, 64 << 10, 512 << 10, MIB, 2 * MIB, 8 * MIB])
@pytest.mark.parametrize("cut", [0, 512])
def test_blocks_of_any_size_in_any_order(tmp_path: Path, block_bytes: int, cut: int) -> None:
    numbers = [0, 1, 2, 4]
    vhd = Vhd(5 * block_bytes - cut, block_bytes)
    blocks = blocks_of(numbers, min(block_bytes, MIB) - 100)
    order = random.Random(block_bytes).sample(numbers, len(numbers))
    content = assert_read_as_qemu_does(vhd.write(tmp_path / "x.vhd", blocks, order), "vpc")
    assert len(content) == vhd.size_bytes
    for number, block in blocks.items():
        assert content[number * block_bytes :].startswith(block[: block_bytes - cut])


@pytest.mark.parametrize("creator", CREATORS)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_creator_has_its_size(tmp_path: Path, creator: bytes, geometry: tuple[int, int, int]) -> None:
    vhd = Vhd(4 * MIB, creator=creator, geometry=geometry)
    assert_read_as_qemu_does(vhd.write(tmp_path / "x.vhd", blocks_of([1])), "vpc")


def test_azure_means_the_size(tmp_path: Path) -> None:
    """QEMU does so since later than 7.2."""
    path = Vhd(4 * MIB, creator=b"wa\0\0", geometry=(1, 1, 1)).write(tmp_path / "x.vhd", blocks_of([1]))
    assert len(read_both_ways(path, "vpc")) == 4 * MIB


@pytest.mark.parametrize("creator", CREATORS)
def test_fixed_disks_of_others(tmp_path: Path, creator: bytes) -> None:
    vhd = Vhd(3 * MIB + 512, creator=creator, geometry=(60, 4, 17))
    assert_read_as_qemu_does(vhd.write_fixed(tmp_path / "x.vhd", scattered(vhd.size_bytes)), "vpc")


def test_a_table_with_more_entries_than_the_disk_has_blocks(tmp_path: Path) -> None:
    vhd = Vhd(5 * MIB, table_entries=9000)
    assert_read_as_qemu_does(vhd.write(tmp_path / "x.vhd", blocks_of([0, 2])), "vpc")


def test_the_largest_disk(tmp_path: Path) -> None:
    last = 2040 * 512 - 1
    vhd = Vhd(2040 << 30, geometry=GREATEST_GEOMETRY)
    path = vhd.write(
        tmp_path / "x.vhd", blocks_of([0, 1, 8191, 8192, 300_000, last]), [last, 1, 0, 8192, 300_000, 8191]
    )
    assert kept_by_layout(path, "vpc") == kept_by_qemu(path, "vpc")


def test_a_lost_footer_at_the_end_loses_no_data(tmp_path: Path) -> None:
    path = Vhd(5 * MIB).write(tmp_path / "x.vhd", blocks_of([1]))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 512)
    assert_read_as_qemu_does(path, "vpc")


def test_a_part_of_a_block_is_missing(tmp_path: Path) -> None:
    path = Vhd(5 * MIB).write(tmp_path / "x.vhd", blocks_of([1]))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1024)
    with pytest.raises(ImageUnreadableError, match="cut off"):
        admit(path)


@pytest.mark.parametrize(("at", "length"), [(512 + 40, 16), (512 + 64, 4), (512 + 576, 24)])
def test_a_parent_of_a_disk_that_is_not_differencing(tmp_path: Path, at: int, length: int) -> None:
    vhd = Vhd(5 * MIB)
    path = vhd.write(tmp_path / "x.vhd", {})
    header = bytearray(vhd.header())
    header[at - 512 : at - 512 + length] = b"p" * length
    patch(path, 512, vhd_checksum(bytes(header), 36))
    with pytest.raises(UnsafeImageError, match="names a parent image"):
        admit(path)
