"""Damaged and hostile file systems: an error that says so, never anything else, and in bounded time."""

import time
from pathlib import Path

import pytest
from support.damage import SECTOR, damaged, random_changes, used_sectors
from support.made_filesystems import FILES, LINKLESS, MADE, MANY, write_tree

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.streams import Disk, VolumeStream, linear

SEEDS = range(6)
MAX_SECONDS = 20
MAX_DEPTH = 8


@pytest.fixture(scope="module", params=MADE)
def volume(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[int]]:
    directory = tmp_path_factory.mktemp(request.param)
    tree = write_tree(directory / "tree", links=not request.param.startswith(LINKLESS))
    MADE[request.param](tree, directory / "volume")
    return directory / "volume", used_sectors(directory / "volume")


def read_all(volume: Path, changes: dict[int, bytes], size: int | None = None) -> int:
    """Reads everything; the number of nodes. Only GuestReadError may come up, and it is passed by."""
    length = volume.stat().st_size
    with volume.open("rb") as file:
        stream = VolumeStream(Disk(damaged(file, changes, size), length), [linear(0, length)])
        try:
            found = open_filesystem(stream, length)
            return visit(found.root(), 0) if found is not None else 0
        except GuestReadError:
            return 0


def visit(node: Node, depth: int) -> int:
    """Looks at a node and all below."""
    try:
        if node.kind is Kind.SYMLINK:
            node.link_target()
        elif node.kind is Kind.FILE:
            with node.open() as stream:
                stream.read(4 << 20)
        elif node.kind is Kind.DIRECTORY and depth < MAX_DEPTH:
            return 1 + sum(visit(below, depth + 1) for _, below in node.children())
    except GuestReadError:
        return 0
    return 1


@pytest.mark.parametrize("seed", SEEDS)
def test_random_damage_is_told_or_does_no_harm(volume: tuple[Path, list[int]], seed: int) -> None:
    path, sectors = volume
    started = time.monotonic()
    read_all(path, random_changes(seed, sectors, 1 + seed * 8))
    assert time.monotonic() - started < MAX_SECONDS


def test_the_superblock_may_be_wrong_anywhere(volume: tuple[Path, list[int]]) -> None:
    path, sectors = volume
    started = time.monotonic()
    for start in sorted({0, 1024, 64 << 10} & set(sectors)):
        for offset in range(start, start + SECTOR, 64):
            read_all(path, {offset: b"\xff" * 32})
    assert time.monotonic() - started < MAX_SECONDS


def test_a_whole_volume_can_be_read(volume: tuple[Path, list[int]]) -> None:
    assert read_all(volume[0], {}) > len(MANY)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9])
def test_a_truncated_volume_gives_true_content_or_an_error(
    volume: tuple[Path, list[int]], share: float
) -> None:
    path, sectors = volume
    size = sectors[int(len(sectors) * share)]
    told = [content_or_none(path, size, name) for name in FILES]
    assert all(content in {None, expected} for content, expected in zip(told, FILES.values(), strict=True))
    assert None in told or share > 0.1


def content_or_none(volume: Path, size: int, name: str) -> bytes | None:
    """The content of a file at the top of a volume that is cut off at `size`; None where that is an error."""
    length = volume.stat().st_size
    with volume.open("rb") as file:
        stream = VolumeStream(Disk(damaged(file, {}, size), length), [linear(0, length)])
        try:
            found = open_filesystem(stream, length)
            assert found is not None
            node = found.root().child(name)
            assert node is not None
            return node.open().read()
        except GuestReadError:
            return None
