"""Free blocks of ext2, ext3 and ext4: as dumpe2fs lists them, of file systems that the kernel filled."""

import os
import random
import re
import subprocess
from pathlib import Path

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
    runs,
    tree,
    without_free,
)

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.ext_layout import BLOCK_UNINIT
from imgtool.guest.free.ext import free_of_ext
from imgtool.util.ranges import Ranges

RUNS = int(os.environ.get("IMGTOOL_SPARSIFY_RUNS", "6"))
"""Random file systems: more of them by hand."""


LONGER_THAN_INLINE = 5
"""Times the marker: with inline_data, less than that may stand in an inode, which no block is."""


def options_of(seed: int) -> list[str]:
    """For mke2fs: features that go together, whatever they are."""
    chance = random.Random(seed)
    kind = chance.choice(("ext2", "ext3", "ext4", "ext4", "ext4"))
    block = chance.choice((1024, 2048, 4096))
    features = ["^64bit"] if chance.random() < 0.3 else []
    extended = []
    if kind == "ext4":
        features += chance.sample(
            ["^flex_bg", "^metadata_csum", "sparse_super2", "inline_data", "^has_journal", "ea_inode",
             "^uninit_bg", "^huge_file", "^extra_isize", "orphan_file", "mmp", "large_dir"],
            chance.randrange(5),
        )  # fmt: skip
        if chance.random() < 0.3:
            features += ["bigalloc"]
            extended += [f"-C {block * chance.choice((2, 4, 16))}"]
    if chance.random() < 0.25:
        features += ["meta_bg", "^resize_inode"]
    if "^has_journal" in features and "orphan_file" in features:
        features.remove("orphan_file")
    if "sparse_super2" in features:
        features += ["^resize_inode"]
    inode = ["-I", "128"] if kind != "ext4" and chance.random() < 0.5 else ["-I", "256"]
    group = (
        ["-g", str(chance.choice((1024, 4096, 8192)))]
        if chance.random() < 0.5 and "bigalloc" not in features
        else []
    )
    lazy = ["-E", f"lazy_itable_init={chance.choice((0, 1))}"]
    more = [word for option in extended for word in option.split()]
    return [
        "-t",
        kind,
        "-b",
        str(block),
        "-O",
        ",".join(features) or "none_at_all",
        *inode,
        *group,
        *lazy,
        *more,
    ]


def made(volume: Path, options: list[str], size: int = 96 * MIB) -> Path:
    if "none_at_all" in options:
        options = [one for one in options if one not in {"-O", "none_at_all"}]
    command("mke2fs", "-q", "-F", *options, empty(volume, size))
    return volume


def listed(volume: Path) -> Ranges:
    """The free blocks that dumpe2fs lists, in bytes."""
    text = command("dumpe2fs", volume)
    size = int(re.search(r"Block size: +(\d+)", text)[1])  # type: ignore[index]  # the program always says it
    lists = re.findall(r"^  Free blocks: (.+)$", text, re.MULTILINE)
    found = re.findall(r"(\d+)(?:-(\d+))?", " ".join(lists))
    return Ranges(sorted((int(first) * size, (int(last or first) + 1) * size) for first, last in found))


@pytest.mark.parametrize("seed", range(RUNS))
def test_what_the_kernel_filled_is_free_where_dumpe2fs_says(seed: int, tmp_path: Path) -> None:
    volume, copy = made(tmp_path / "volume", options_of(seed)), tmp_path / "copy"
    with mounted(volume) as top:
        fill(top, seed)
    with mounted(volume, "ro") as top:
        before = tree(top)
    found = without_free(volume, copy)
    assert found.parts[0].reason is None
    if "bigalloc" not in str(options_of(seed)):  # of which dumpe2fs lists clusters, and some as blocks
        assert list(runs(found, volume)) == list(listed(volume))
    command("e2fsck", "-fn", copy)
    with mounted(copy, "ro") as top:
        assert tree(top) == before
    if "bigalloc" not in str(
        options_of(seed)
    ):  # where blocks of a cluster stay that its new file does not use
        assert marked_and_unmarked(volume, copy, LONGER_THAN_INLINE) == (True, False)


def test_what_mke2fs_alone_can_make(tmp_path: Path) -> None:
    """Features that this kernel may not mount: filled and deleted from by the tools."""
    content = tmp_path / "tree"
    content.mkdir()
    (content / "kept").write_bytes(b"kept" * 100_000)
    (content / "deleted").write_bytes(MARKER * 10_000)
    features = "quota,project,casefold,encrypt,verity,stable_inodes,large_dir,metadata_csum_seed"
    volume, copy = (
        made(tmp_path / "volume", ["-t", "ext4", "-O", features, "-d", str(content)]),
        tmp_path / "copy",
    )
    command("debugfs", "-w", "-R", "rm deleted", volume)
    subprocess.run(
        ["e2fsck", "-fy", volume], capture_output=True, check=False
    )  # debugfs leaves quotas behind
    found = without_free(volume, copy)
    assert list(runs(found, volume)) == list(listed(volume))
    assert MARKER not in copy.read_bytes()
    command("e2fsck", "-fn", copy)
    assert command("debugfs", "-R", "cat kept", copy) == "kept" * 100_000


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("ssv state 0", "not cleanly unmounted"),
        ("feature needs_recovery", "needs_recovery"),
        ("ssv last_orphan 12", "deleted while they were open"),
        ("feature shared_blocks", "not known here"),
        ("setb 40000 3", "contradict"),
        ("freeb 40 1", "contradict"),
    ],
)
def test_what_is_not_at_rest_or_contradicts_itself_is_kept_whole(
    do: str, reason: str, tmp_path: Path
) -> None:
    volume = made(tmp_path / "volume", ["-t", "ext4", "-b", "1024"])
    command("debugfs", "-w", "-R", do, volume)
    found = free_blocks(volume)
    assert found.free_bytes == 0
    assert reason in str(found.parts[0].reason)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with a tree of directories, and files of many extents."""
    folder = tmp_path_factory.mktemp("small")
    content = folder / "tree"
    content.mkdir()
    fill(content, 3, attributes=False, budget=3 * MIB)
    return made(folder / "volume", ["-t", "ext4", "-b", "1024", "-g", "2048", "-d", str(content)], 24 * MIB)


def test_spoilt_bitmaps_never_free_what_a_file_has(small: Path) -> None:
    """Bytes of superblock, bitmaps, descriptors and inodes change: what is free then was free before."""
    size, chance = small.stat().st_size, random.Random(5)
    tables = re.findall(r"(?:bitmap|table) at (\d+)", command("dumpe2fs", small))
    places = [1024, 2048, *(1024 * int(found) for found in tables)]

    def spoil() -> dict[int, bytes]:
        return {
            chance.choice(places) + chance.randrange(1024): chance.choice((b"\0", b"\xff", b"\1")) * 4
            for _ in range(chance.randrange(1, 4))
        }

    refused = refused_of(small, lambda file: free_of_ext(file, size), spoil, 50 * RUNS)
    assert refused > RUNS


def test_a_bitmap_and_its_count_that_agree_on_a_lie_are_found_out_by_the_files(small: Path) -> None:
    """The second reading: blocks of each kind are freed in bitmap and descriptor alike."""
    size = small.stat().st_size
    tried = 0
    with small.open("rb") as file:
        used = list(free_of_ext(file, size).outside(1024, size))
        for place in (place for start, end in used for place in range(start, end, 41 * 1024)):
            changes = _freed(small, *divmod(place // 1024 - 1, 2048))
            if changes:
                tried += 1
                with pytest.raises(GuestReadError, match=r"is free"):
                    free_of_ext(damaged(file, changes), size)
    assert tried > 20


def _freed(volume: Path, group: int, bit: int) -> dict[int, bytes]:
    """What changes where a block is freed: its bit, and the count in the descriptor, which has 64 bytes.

    Nothing where the group's bitmap was never written.
    """
    with volume.open("rb") as file:
        descriptor = 2048 + 64 * group
        file.seek(descriptor)
        content = file.read(64)
        bitmap = int.from_bytes(content[:4], "little") * 1024
        count = int.from_bytes(content[12:14], "little") + 1
        if content[18] & BLOCK_UNINIT:
            return {}
        file.seek(bitmap + bit // 8)
        byte = file.read(1)[0]
    assert byte & 1 << bit % 8, "it was free before"
    return {descriptor + 12: count.to_bytes(2, "little"), bitmap + bit // 8: bytes([byte & ~(1 << bit % 8)])}
