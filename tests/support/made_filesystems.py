"""File systems made on the spot by mkfs, all of them with the same tree; all but NTFS without root."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fixtures" / "recipe"))

import pytest
from disks import ENVIRONMENT, Part, empty_disk, make_xfs
from ntfs import make_ntfs

MIB = 1 << 20
LARGE = b"".join(number.to_bytes(4, "big") for number in range(75_000))
HOLES = b"start" + bytes(MIB) + b"end"
MANY = tuple(f"entry-{number:04}" for number in range(400))
FILES = {"empty": b"", "small.txt": b"hello\n", "medium.txt": b"m" * 100, "large.bin": LARGE, "holes": HOLES}
LINKS = {
    "relative": "small.txt",
    "absolute": "/deep/a/b/c/d/file",
    "dangling": "no/where",
    "long": "x/" * 140,
}
"""The long one does not fit into an inode of ext4, nor of XFS 4. For XFS 5 mkfs.xfs writes none that the
kernel could read: a fixture has it."""
LINKLESS = ("fat", "ntfs")
"""What the names of those begin with that have no links, or whose links are not those of POSIX."""
DEEP = ("deep", "a", "b", "c", "d")
UUID = "11111111-2222-4333-8444-555555555501"


def write_tree(top: Path, *, links: bool) -> Path:
    """The tree that all of them hold."""
    top.mkdir()
    for name, content in FILES.items():
        if name != "holes":
            (top / name).write_bytes(content)
    with (top / "holes").open("wb") as file:
        file.write(b"start")
        file.seek(len(HOLES) - 3)
        file.write(b"end")
    top.joinpath(*DEEP).mkdir(parents=True)
    (top.joinpath(*DEEP) / "file").write_bytes(b"deep\n")
    (top / "many").mkdir()
    for name in MANY:
        (top / "many" / name).write_text(name)
    for name, target in LINKS.items() if links else ():
        (top / name).symlink_to(target)
    return top


def make_ext(kind: str, *options: str) -> Callable[[Path, Path], None]:
    """ext2, ext3 or ext4."""

    def make(tree: Path, volume: Path) -> None:
        _run(f"mkfs.{kind}", "-q", "-F", "-U", UUID, "-L", "label", *options, "-d", tree, volume, "24M")

    return make


def make_xfs_volume(*options: str) -> Callable[[Path, Path], None]:
    """XFS."""

    def make(tree: Path, volume: Path) -> None:
        make_xfs(volume, 320 * MIB, tree, "-L", "label", *options)

    return make


def make_btrfs(*options: str) -> Callable[[Path, Path], None]:
    """Btrfs."""

    def make(tree: Path, volume: Path) -> None:
        empty_disk(volume, 120 * MIB)
        _run("mkfs.btrfs", "-q", "-U", UUID, "-L", "label", *options, "--rootdir", tree, volume)

    return make


def make_fat(bits: int) -> Callable[[Path, Path], None]:
    """FAT12, FAT16 or FAT32."""

    def make(tree: Path, volume: Path) -> None:
        empty_disk(volume, {12: 6, 16: 24, 32: 40}[bits] * MIB)
        _run("mkfs.vfat", "-F", str(bits), "-n", "LABEL", *(("-s", "4") if bits == 12 else ()), volume)
        _run("mcopy", "-s", "-i", volume, *sorted(tree.iterdir()), "::/")

    return make


def make_ntfs_volume(*options: str) -> Callable[[Path, Path], None]:
    """NTFS, by FUSE."""

    def make(tree: Path, volume: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("mounting by FUSE needs root")
        make_ntfs(volume, Part(0, 40 * MIB), tree, "0123456789ABCDEF", "label", *options)

    return make


MADE: dict[str, Callable[[Path, Path], None]] = {
    "ext2": make_ext("ext2", "-b", "1024"),
    "ext3": make_ext("ext3", "-I", "128"),
    "ext4": make_ext("ext4"),
    "ext4-1k": make_ext("ext4", "-b", "1024"),
    "ext4-inline": make_ext("ext4", "-O", "inline_data"),
    "xfs": make_xfs_volume(),
    "xfs-v4": make_xfs_volume("-m", "crc=0", "-n", "ftype=0"),
    "xfs-wide-directories": make_xfs_volume("-n", "size=16384"),
    "xfs-1k": make_xfs_volume("-b", "size=1024"),
    "btrfs": make_btrfs(),
    "btrfs-mixed": make_btrfs("--mixed"),
    "fat12": make_fat(12),
    "fat16": make_fat(16),
    "fat32": make_fat(32),
    "ntfs": make_ntfs_volume(),
    "ntfs-4k-sectors": make_ntfs_volume("-s", "4096"),
    "ntfs-64k-clusters": make_ntfs_volume("-c", "65536"),
}
"""Name to what makes it of a tree."""


def _run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
