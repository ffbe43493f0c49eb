"""Whole disks: file systems on partitions and logical volumes, swap, and whatever hostile bytes may say."""

import os
import random
from pathlib import Path

import pytest
from support.damage import damaged, random_changes
from support.filled import MIB, command, data_extents, empty, free_blocks
from support.fixtures import fixture_path

from imgtool.guest.free import disk as story
from imgtool.guest.free.disk import find_free_blocks
from imgtool.guest.volumes import read_layout
from imgtool.util.ranges import from_text

RUNS = int(os.environ.get("IMGTOOL_SPARSIFY_RUNS", "4"))
DISKS = ("ext4-gpt", "xfs-gpt", "xfs-v4", "btrfs-subvolumes", "lvm-xfs", "mbr-logical", "windows-2022")


def swap(volume: Path, *options: str) -> Path:
    command("mkswap", *options, empty(volume, 8 * MIB))
    return volume


def test_swap_is_free_behind_its_header(tmp_path: Path) -> None:
    found = free_blocks(swap(tmp_path / "swap"))
    assert found.parts[0].type == "swap"
    assert list(from_text(found.runs, 8 * MIB)) == [(4096, 8 * MIB)]
    found = free_blocks(swap(tmp_path / "large", "-p", "65536"))
    assert list(from_text(found.runs, 8 * MIB)) == [(65536, 8 * MIB)]


def test_a_system_that_is_hibernated_keeps_all_of_its_disk(tmp_path: Path) -> None:
    disk, part = tmp_path / "disk", swap(tmp_path / "swap")
    disk.write_bytes(fixture_path("mbr-logical").read_bytes())
    assert free_blocks(disk).free_bytes
    (start,) = (
        one.start_bytes
        for one in read_layout(disk.open("rb"), disk.stat().st_size).partitions
        if one.number == 6
    )
    with disk.open("r+b") as file:
        file.seek(start)
        file.write(part.read_bytes()[:4086] + b"S1SUSPEND\0")
    found = free_blocks(disk)
    assert found.free_bytes == 0
    assert {part.reason for part in found.parts} == {"a system is hibernated in partition 6"}


@pytest.mark.parametrize("magic", [b"S1SUSPEND\0", b"LINHIB0001", b"SWAP-SPACE"])
def test_swap_with_a_system_in_it_is_kept(magic: bytes, tmp_path: Path) -> None:
    volume = swap(tmp_path / "swap")
    with volume.open("r+b") as file:
        file.seek(4086)
        file.write(magic)
    assert free_blocks(volume).free_bytes == 0


def test_free_blocks_in_too_many_pieces_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = empty(tmp_path / "volume", 16 * MIB)
    command("mke2fs", "-q", "-F", volume)
    monkeypatch.setattr(story, "MAX_RUNS", 1)
    assert "more than 1 pieces" in str(free_blocks(volume).parts[0].reason)


@pytest.mark.parametrize("name", DISKS)
def test_what_hostile_bytes_say_is_always_an_answer(name: str) -> None:
    """Changed tables, superblocks and trees: no error, no endless walk, and nothing outside of the disk."""
    path = fixture_path(name)
    size, chance, extents = path.stat().st_size, random.Random(name), list(data_extents(path))
    for seed in range(15 * RUNS):
        places = [chance.choice(extents) for _ in range(4)]
        sectors = [start + min(512 * chance.randrange(64), end - start - 512) for start, end in places]
        changes = random_changes(seed, [*sectors, 512], chance.randrange(1, 12))
        with path.open("rb") as file:
            found = find_free_blocks(damaged(file, changes), size)
        assert from_text(found.runs, size).total == found.free_bytes
        assert all(part.free_bytes == 0 or part.reason is None for part in found.parts)
