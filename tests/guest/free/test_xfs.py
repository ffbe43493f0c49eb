"""Free blocks of XFS: as xfs_db lists them, of file systems that the kernel filled."""

import os
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.damage import damaged, refused_of, used_sectors
from support.filled import (
    MIB,
    command,
    empty,
    fill,
    free_blocks,
    marked_and_unmarked,
    mounted,
    runs,
    tree,
    without_free,
)
from support.made_filesystems import make_xfs_volume, write_tree

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.free.xfs import free_of_xfs
from imgtool.util.ranges import Ranges

RUNS = int(os.environ.get("IMGTOOL_SPARSIFY_RUNS", "4"))
SIZE = 320 * MIB


def options_of(seed: int) -> list[str]:
    """For mkfs.xfs."""
    chance = random.Random(seed)
    block = chance.choice((1024, 2048, 4096))
    inode = chance.choice(tuple(size for size in (256, 512, 1024, 2048) if size * 2 <= block))
    common = ["-b", f"size={block}", "-d", f"agcount={chance.choice((2, 3, 4))}"]
    flags = ",".join(f"{name}={chance.randrange(2)}" for name in ("finobt", "rmapbt", "reflink", "bigtime"))
    if "finobt=1" in flags:
        flags += f",inobtcount={chance.randrange(2)}"
    return [
        *common, "-m", flags,
        "-i", f"size={max(512, inode)},sparse={chance.randrange(2)},nrext64={chance.randrange(2)}",
    ]  # fmt: skip


def made(volume: Path, options: list[str]) -> Path:
    command("mkfs.xfs", "-q", "-f", *options, empty(volume, SIZE))
    return volume


def listed(volume: Path) -> Ranges:
    """The free extents that xfs_db lists, in bytes."""
    sizes = dict(
        line.split(" = ")
        for line in command("xfs_db", "-r", "-c", "sb 0", "-c", "p blocksize agblocks", volume).splitlines()
    )
    block, group = int(sizes["blocksize"]), int(sizes["agblocks"])
    found = []
    for line in command("xfs_db", "-r", "-c", "freesp -d", volume).splitlines():
        words = line.split()
        if len(words) == 3 and all(word.isdigit() for word in words):
            number, start, count = map(int, words)
            found.append(((number * group + start) * block, (number * group + start + count) * block))
    return Ranges(sorted(found))


def clone_some(top: Path, seed: int) -> None:
    """Files that share blocks, where the file system can."""
    files = [path for path in sorted(top.rglob("*")) if path.is_file() and not path.is_symlink()]
    for number, path in enumerate(random.Random(seed).sample(files, min(5, len(files)))):
        try:
            command("cp", "--reflink=always", path, top / f"clone-{number}")
            with (top / f"clone-{number}").open("r+b") as file:
                file.write(b"changed")
        except AssertionError:
            return


@pytest.mark.parametrize("seed", range(RUNS))
def test_what_the_kernel_filled_is_free_where_xfs_db_says(seed: int, tmp_path: Path) -> None:
    volume, copy = made(tmp_path / "volume", options_of(seed)), tmp_path / "copy"
    with mounted(volume) as top:
        fill(top, seed)
        clone_some(top, seed)
    with mounted(volume, "ro,nouuid") as top:
        before = tree(top)
    found = without_free(volume, copy)
    assert found.parts[0].reason is None
    listing, ours = listed(volume), runs(found, volume)
    assert not ours.without(listing).total
    assert listing.total - ours.total < 4 * 64 * 4096, "the blocks of the free lists are not free"
    command("xfs_repair", "-n", copy)
    with mounted(copy, "ro,nouuid") as top:
        assert tree(top) == before
    assert marked_and_unmarked(volume, copy) == (True, False)


def test_one_that_is_mounted_is_kept_whole(tmp_path: Path) -> None:
    volume = made(tmp_path / "volume", [])
    with mounted(volume) as top:
        fill(top, 1)
        command("cp", "--sparse=always", volume, tmp_path / "copy")
    found = free_blocks(tmp_path / "copy")
    assert found.free_bytes == 0
    assert "does not end in an unmount record" in str(found.parts[0].reason)


def of_version_4(folder: Path, *options: str) -> Path:
    """One that this kernel may not mount any more: filled by mkfs.xfs, and so without anything deleted."""
    content = folder / "tree"
    write_tree(content, links=True)
    volume = folder / "volume"
    make_xfs_volume("-m", "crc=0,finobt=0", *options)(content, volume)
    return volume


@pytest.mark.parametrize(
    "options", [(), ("-b", "size=1024"), ("-b", "size=512", "-i", "size=256"), ("-d", "agcount=2")]
)
def test_version_4(options: tuple[str, ...], tmp_path: Path) -> None:
    volume, copy = of_version_4(tmp_path, *options), tmp_path / "copy"
    found = without_free(volume, copy)
    assert found.parts[0].reason is None
    assert not runs(found, volume).without(listed(volume)).total
    command("xfs_repair", "-n", copy)
    assert contents(copy) == contents(volume)


def contents(volume: Path) -> dict[str, bytes]:
    with volume.open("rb") as file:
        filesystem = open_filesystem(file, volume.stat().st_size)
        assert filesystem is not None
        return dict(_contents(filesystem.root(), ""))


def _contents(node: Node, path: str) -> Iterator[tuple[str, bytes]]:
    for name, child in node.children():
        if child.kind is Kind.DIRECTORY:
            yield from _contents(child, f"{path}/{name}")
        elif child.kind is Kind.FILE:
            yield f"{path}/{name}", child.open().read()
        else:
            yield f"{path}/{name}", child.link_target().encode()


@pytest.fixture(scope="module", params=[4, 5])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xfs")
    if request.param == 4:
        return of_version_4(folder, "-b", "size=1024")
    volume = made(folder / "volume", ["-m", "rmapbt=1,reflink=1", "-b", "size=1024"])
    with mounted(volume) as top:
        fill(top, 4, budget=3 * MIB)
        fragments = [top / f"fragment-{number}" for number in range(3)]
        for number in range(600):
            with fragments[number % 3].open("ab") as file:
                file.write(b"f" * 1024)
                os.fsync(file.fileno()) if number % 3 == 0 else None
    return volume


def test_spoilt_trees_never_free_what_a_file_has(small: Path) -> None:
    """Whatever changes in headers, trees and inodes: what is free then was free before."""
    chance = random.Random(7)
    with small.open("rb") as file:
        metadata = [at for at in used_sectors(small) if _is_metadata(file, at)]

    def spoil() -> dict[int, bytes]:
        return {
            chance.choice(metadata) + chance.randrange(512): chance.choice((b"\0", b"\xff", b"\1")) * 4
            for _ in range(chance.randrange(1, 4))
        }

    refused = refused_of(small, lambda file: free_of_xfs(file, SIZE), spoil, 60 * RUNS)
    assert refused


def _is_metadata(file: object, at: int) -> bool:
    file.seek(at)
    return file.read(4)[:2] in {b"XF", b"XA", b"AB", b"IA", b"FI", b"RM", b"R3", b"BM", b"IN"}


def test_a_tree_and_its_sums_that_agree_on_a_lie_are_found_out_by_the_files(small: Path) -> None:
    """The longest free extent of a group starts earlier in both trees and both sums."""
    with small.open("rb") as file:
        file.seek(0)
        head = file.read(512)
        block, group, sector = (
            struct.unpack_from(">I", head, 4)[0],
            struct.unpack_from(">I", head, 84)[0],
            512,
        )
        tried = 0
        for number in range(4):
            base = number * group * block
            file.seek(base + sector)
            header = file.read(512)
            roots = [base + root * block for root in struct.unpack_from(">II", header, 16)]
            total, longest = struct.unpack_from(">II", header, 52)
            changes = {base + sector + 52: struct.pack(">II", total + 8, longest + 8)}
            for root in roots:
                file.seek(root)
                content = file.read(block)
                start = 56 if content[:4] in {b"AB3B", b"AB3C"} else 16
                for at in range(start, block - 8, 8):
                    first, count = struct.unpack_from(">II", content, at)
                    if count == longest:
                        changes[root + at] = struct.pack(">II", first - 8, count + 8)
                        break
            if len(changes) == 3:
                tried += 1
                with pytest.raises(GuestReadError):
                    free_of_xfs(damaged(file, changes), SIZE)
        assert tried > 1
