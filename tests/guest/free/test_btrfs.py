"""Free space of Btrfs: filled by the kernel, with snapshots, compression and shared extents."""

import os
import random
import re
from pathlib import Path
from typing import BinaryIO

import pytest
from support.damage import damaged, refused_of
from support.filled import (
    MARKER,
    MIB,
    command,
    empty,
    fill,
    free_blocks,
    marked_and_unmarked,
    mounted,
    tree,
    without_free,
)

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.free.btrfs import free_of_btrfs

RUNS = int(os.environ.get("IMGTOOL_SPARSIFY_RUNS", "4"))
SIZE = 300 * MIB


def options_of(seed: int) -> tuple[list[str], str]:
    """For mkfs.btrfs, and for mount."""
    chance = random.Random(seed)
    features = chance.sample(["^no-holes", "^extref", "^skinny-metadata"], chance.randrange(3))
    profiles = chance.choice((["-m", "single"], ["-m", "dup"], ["-m", "dup", "-d", "dup"], ["--mixed"], []))
    profiles += chance.choice(([], ["-R", "^free-space-tree"]))
    node = [] if "--mixed" in profiles else ["-n", str(chance.choice((4096, 16384, 32768)))]
    named = ["-O", ",".join(features)] if features else []
    mount = chance.choice(
        ("defaults", "compress-force=zstd", "compress=lzo", "compress-force=zlib", "autodefrag")
    )
    return [*profiles, *node, *named], mount


def made(volume: Path, options: list[str]) -> Path:
    command("mkfs.btrfs", "-q", "-f", *options, empty(volume, SIZE))
    return volume


def filled(volume: Path, seed: int, mount: str) -> None:
    """Filled, and with snapshots, of which some are deleted, perhaps not to the end."""
    chance = random.Random(seed)
    with mounted(volume, f"{mount},nodiscard") as top:
        command("btrfs", "subvolume", "create", top / "sub")
        fill(top / "sub", seed, budget=6 * MIB)
        for number in range(chance.randrange(4)):
            flags = ["-r"] if chance.random() < 0.5 else []
            command("btrfs", "subvolume", "snapshot", *flags, top / "sub", top / f"snapshot-{number}")
            (top / "sub" / f"more-{number}").write_bytes(chance.randbytes(70_000))
            fill_more(top / "sub", chance)
        for number in range(chance.randrange(2)):
            if (top / f"snapshot-{number}").exists():
                command("btrfs", "subvolume", "delete", top / f"snapshot-{number}")
        if chance.random() < 0.3:
            command("btrfs", "balance", "start", "-dusage=80", "-musage=80", top)


def fill_more(top: Path, chance: random.Random) -> None:
    """Files are written over in part, and one is a clone of another one."""
    files = [path for path in sorted(top.rglob("*")) if path.is_file() and not path.is_symlink()]
    for path in chance.sample(files, min(8, len(files))):
        with path.open("r+b") as file:
            file.seek(chance.randrange(1 + path.stat().st_size))
            file.write(b"new" * chance.randrange(3000))
    command("cp", "--reflink=always", chance.choice(files), top / f"clone-{chance.random()}")


@pytest.mark.parametrize("seed", range(RUNS))
def test_what_the_kernel_filled_is_sound_without_what_is_free(seed: int, tmp_path: Path) -> None:
    options, mount = options_of(seed)
    volume, copy = made(tmp_path / "volume", options), tmp_path / "copy"
    filled(volume, seed, mount)
    with mounted(volume, "ro") as top:
        before = tree(top)
    found = without_free(volume, copy)
    assert found.parts[0].reason is None
    assert found.free_bytes > SIZE // 3
    command("btrfs", "check", "--check-data-csum", copy)
    with mounted(copy, "ro") as top:
        assert tree(top) == before
    assert not marked_and_unmarked(volume, copy, 60)[1]


def test_what_was_deleted_last_is_gone(tmp_path: Path) -> None:
    volume, copy = made(tmp_path / "volume", []), tmp_path / "copy"
    with mounted(volume, "nodiscard") as top:
        (top / "kept").write_bytes(b"kept" * 100_000)
        with (top / "deleted").open("wb") as file:
            file.write(MARKER * 50_000)
            file.flush()
            os.fsync(file.fileno())
        (top / "deleted").unlink()
    without_free(volume, copy)
    assert marked_and_unmarked(volume, copy, 60) == (True, False)


def test_a_log_to_replay_and_other_devices_are_kept_whole(tmp_path: Path) -> None:
    volume = made(tmp_path / "volume", [])
    with volume.open("r+b") as file:
        file.seek((64 << 10) + 0x60)
        file.write((30 << 20).to_bytes(8, "little"))
    assert "log_root" in str(free_blocks(volume).parts[0].reason)
    other = empty(tmp_path / "other", SIZE)
    command("mkfs.btrfs", "-q", "-f", "-d", "raid0", volume, other)
    assert "on 2 devices" in str(free_blocks(volume).parts[0].reason)
    assert free_blocks(volume).free_bytes == 0


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    volume = made(tmp_path_factory.mktemp("btrfs") / "volume", ["-n", "4096", "-m", "single"])
    filled(volume, 3, "defaults")
    return volume


def nodes(volume: Path) -> list[int]:
    """Where the nodes of all trees stand, and the superblock."""
    found = [64 << 10]
    with volume.open("rb") as file:
        identity = file.seek(65536 + 32) and file.read(16)
        for place in range(1 << 20, SIZE, 4096):
            file.seek(place + 32)
            if file.read(16) == identity:
                found.append(place)
    return found


def test_spoilt_trees_never_free_what_a_file_has(small: Path) -> None:
    chance, places = random.Random(7), nodes(small)

    def spoil() -> dict[int, bytes]:
        return {
            chance.choice(places)
            + 48
            + chance.choice((chance.randrange(400), chance.randrange(4040))): chance.choice(
                (b"\0", b"\xff", b"\1")
            )
            * 4
            for _ in range(chance.randrange(1, 6))
        }

    refused = refused_of(small, lambda file: free_of_btrfs(file, SIZE), spoil, 60 * RUNS)
    assert refused


def test_an_extent_that_the_extent_tree_lost_is_found_by_its_file(small: Path) -> None:
    """Each item of the extent tree in turn gets a smaller length, and the sum is made to agree."""
    text = command("btrfs", "inspect-internal", "dump-tree", "-t", "extent", small)
    lengths = [(int(at), int(size)) for at, size in re.findall(r"\((\d+) EXTENT_ITEM (\d+)\)", text)]
    assert lengths
    with small.open("rb") as file:
        file.seek(65536 + 0x78)
        total = int.from_bytes(file.read(8), "little") - 4096
        content = {place: _read(file, place) for place in nodes(small)}
        tried = 0
        for address, length in lengths:
            if length <= 4096:
                continue
            key = address.to_bytes(8, "little") + b"\xa8" + length.to_bytes(8, "little")
            shorter = address.to_bytes(8, "little") + b"\xa8" + (length - 4096).to_bytes(8, "little")
            changes = {
                place + node.find(key): shorter for place, node in content.items() if node.find(key) >= 0
            }
            changes[65536 + 0x78] = total.to_bytes(8, "little")
            with pytest.raises(GuestReadError, match="is free"):
                free_of_btrfs(damaged(file, changes), SIZE)
            tried += 1
            if tried > 5:
                break
        assert tried


def _read(file: BinaryIO, place: int) -> bytes:
    file.seek(place)
    return file.read(4096)
