"""Free clusters of NTFS, filled and deleted from by ntfs-3g."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.damage import damaged, refused_of, used_sectors
from support.filled import MIB, command, empty, fill, free_blocks, marked_and_unmarked, tree, without_free

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.free.ntfs import SHADOW, free_of_ntfs

RUNS = int(os.environ.get("IMGTOOL_SPARSIFY_RUNS", "4"))
SIZE = 64 * MIB


@contextmanager
def mounted(volume: Path, options: str = "compression") -> Iterator[Path]:
    top = volume.with_name(f"{volume.name}.mounted")
    top.mkdir(exist_ok=True)
    command("ntfs-3g", "-o", options, volume, top)
    try:
        yield top
    finally:
        command("umount", top)


def filled(volume: Path, seed: int) -> Path:
    chance = random.Random(seed)
    cluster = str(chance.choice((512, 1024, 4096, 8192, 65536)))
    command("mkntfs", "-q", "-F", "-Q", "-c", cluster, empty(volume, SIZE))
    with mounted(volume) as top:
        fill(top, seed, attributes=False, budget=8 * MIB)
        with (top / "fragments").open("wb") as one, (top / "others").open("wb") as other:
            for number in range(chance.randrange(400)):
                (one if number % 2 else other).write(chance.randbytes(66_000))
                (one if number % 2 else other).flush()
                if one.tell() + other.tell() > 8 * MIB:
                    break
    return volume


@pytest.mark.parametrize("seed", range(RUNS))
def test_what_ntfs_3g_filled_is_sound_without_what_is_free(seed: int, tmp_path: Path) -> None:
    volume, copy = filled(tmp_path / "volume", seed), tmp_path / "copy"
    with mounted(volume, "ro") as top:
        before = tree(top)
    found = without_free(volume, copy)
    assert found.parts[0].reason is None
    assert found.free_bytes > SIZE // 4
    command("ntfsfix", "-n", copy)
    command("ntfsresize", "--info", "--force", copy)
    with mounted(copy, "ro") as top:
        assert tree(top) == before
    assert marked_and_unmarked(volume, copy, 60) == (True, False)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("ntfs") / "volume", 2)


def test_spoilt_records_and_bitmaps_never_free_what_a_file_has(small: Path) -> None:
    chance = random.Random(7)
    content = small.read_bytes()
    places = [place for place in used_sectors(small) if content[place : place + 4] == b"FILE"]

    def spoil() -> dict[int, bytes]:
        return {
            chance.choice((0, *places)) + chance.randrange(400): chance.choice((b"\0", b"\xff", b"\1")) * 2
            for _ in range(chance.randrange(1, 6))
        }

    refused = refused_of(small, lambda file: free_of_ntfs(file, SIZE), spoil, 60 * RUNS)
    assert refused


def test_shadow_copies_and_hibernation_are_kept_whole(small: Path, tmp_path: Path) -> None:
    shadow = SHADOW + bytes(32) + (1 << 20).to_bytes(8, "little")
    with small.open("rb") as file, pytest.raises(GuestReadError, match="shadow copies"):
        free_of_ntfs(damaged(file, {0x1E00: shadow}), SIZE)
    volume = tmp_path / "volume"
    volume.write_bytes(small.read_bytes())
    with mounted(volume) as top:
        (top / "hiberfil.sys").write_bytes(b"HIBR" + bytes(5000))
    assert free_blocks(volume).parts[0].reason == "its system is hibernated"
