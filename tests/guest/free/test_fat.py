"""Free clusters of FAT12, FAT16 and FAT32, filled and deleted from by mtools."""

import os
import random
from pathlib import Path

import pytest
from support.damage import damaged, refused_of
from support.filled import MARKER, MIB, command, empty, free_blocks, marked_and_unmarked, without_free

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.free.fat import free_of_fat

RUNS = int(os.environ.get("IMGTOOL_SPARSIFY_RUNS", "4"))
SIZES = {12: 12 * MIB, 16: 40 * MIB, 32: 70 * MIB}


def filled(folder: Path, bits: int, seed: int) -> Path:
    """Files and folders; every third file is deleted, and its content is the marker."""
    volume, chance = empty(folder / "volume", SIZES[bits]), random.Random(seed)
    sectors = ["-s", str(chance.choice((1, 2)))] if bits == 32 else []
    command("mkfs.vfat", "-F", str(bits), "-f", str(chance.choice((1, 2))), *sectors, volume)
    for number in range(40):
        where = f"::folder-{number % 3}"
        if number < 3:
            command("mmd", "-i", volume, where)
        content = folder / "content"
        length = int(chance.paretovariate(0.5) * 300) % 400_000
        content.write_bytes(MARKER * 3000 if number % 3 == 1 else chance.randbytes(length))
        command("mcopy", "-i", volume, content, f"{where}/a name that is long {number}")
    for number in range(1, 40, 3):
        command("mdel", "-i", volume, f"::folder-{number % 3}/a name that is long {number}")
    return volume


def listing(volume: Path, into: Path) -> dict[str, bytes]:
    into.mkdir()
    command("mcopy", "-s", "-n", "-i", volume, "::", into)
    return {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*") if path.is_file()}


@pytest.mark.parametrize("bits", SIZES)
@pytest.mark.parametrize("seed", range(max(1, RUNS // 4)))
def test_what_mtools_filled_is_sound_without_what_is_free(bits: int, seed: int, tmp_path: Path) -> None:
    volume, copy = filled(tmp_path, bits, seed), tmp_path / "copy"
    found = without_free(volume, copy)
    assert found.parts[0].reason is None
    command("fsck.fat", "-n", copy)
    assert listing(copy, tmp_path / "after") == listing(volume, tmp_path / "before")
    assert marked_and_unmarked(volume, copy) == (True, False)


@pytest.fixture(scope="module", params=[12, 16, 32])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("fat"), request.param, 5)


def test_spoilt_tables_and_folders_never_free_what_a_file_has(small: Path) -> None:
    size, chance = small.stat().st_size, random.Random(7)

    def spoil() -> dict[int, bytes]:
        return {
            chance.choice((chance.randrange(96), chance.randrange(256 << 10))): chance.choice(
                (b"\0", b"\xff", b"\1")
            )
            * 2
            for _ in range(chance.randrange(1, 4))
        }

    refused = refused_of(small, lambda file: free_of_fat(file, size), spoil, 60 * RUNS)
    assert refused


def test_what_is_not_at_rest_is_kept_whole(small: Path) -> None:
    size = small.stat().st_size
    with small.open("rb") as file:
        head = file.read(512)
    reserved, tables = int.from_bytes(head[14:16], "little"), head[16]
    bits = 32 if not any(head[22:24]) else 16 if size > SIZES[12] else 12
    cases = {}
    if bits == 32:
        cases |= {reserved * 512 + 7: b"\x07", 40: b"\x80"}
    if bits == 16:
        cases |= {reserved * 512 + 3: b"\x7f"}
    if tables == 2:
        cases |= {reserved * 512 + 100: b"\x55"}
    with small.open("rb") as file:
        for place, change in cases.items():
            with pytest.raises(GuestReadError, match=r"not unmounted|in use|differ"):
                free_of_fat(damaged(file, {place: change}), size)


def test_the_dirty_bit(small: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(small.read_bytes())
    with copy.open("r+b") as file:
        file.seek(65 if not any(small.read_bytes()[22:24]) else 37)
        file.write(b"\1")
    assert "dirty bit" in str(free_blocks(copy).parts[0].reason)
