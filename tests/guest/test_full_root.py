"""Real file systems, filled through the kernel to the last block or inode, and what is said of them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.filled import command, empty, mounted
from support.guest_tree import guest_tree

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.full_root import full_root_troubles
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.services import Trouble

MIB = 1 << 20
FSTAB = "UUID=1 / ext4 defaults 0 1\n"
MKFS = {
    "ext4": ("mkfs.ext4", "-q", "-m", "5"),
    "ext4, 1 KiB, without 64bit": ("mkfs.ext4", "-q", "-b", "1024", "-O", "^64bit"),
    "ext4, bigalloc": ("mkfs.ext4", "-q", "-O", "bigalloc"),
    "xfs": ("mkfs.xfs", "-q"),
    "xfs with rmapbt": ("mkfs.xfs", "-q", "-m", "rmapbt=1"),
    "xfs without reflink": ("mkfs.xfs", "-q", "-m", "reflink=0,finobt=0"),
}


def fill(root: Path) -> None:
    """By writes that become smaller, as long as one finds room."""
    with (root / "large").open("wb", buffering=0) as file:
        for size in (MIB, 4096, 512):
            try:
                while True:
                    file.write(bytes([1]) * size)
            except OSError:
                os.fsync(file)


def take_all_inodes(root: Path) -> None:
    try:
        for number in range(100_000):
            (root / f"{number}").touch()
    except OSError:
        return


def half(root: Path) -> None:
    """Half of what an ordinary user may write."""
    shown = os.statvfs(root)
    (root / "large").write_bytes(bytes([1]) * (shown.f_bavail * shown.f_frsize // 2))


def troubles(kind: str, how: Callable[[Path], None], folder: Path, fstab: str = FSTAB) -> list[Trouble]:
    volume = empty(folder / "volume", (64 if kind.startswith("ext") else 600) * MIB)
    command(*MKFS[kind], volume)
    with mounted(volume) as root:
        how(root)
    filesystem = open_filesystem(volume.open("rb"), volume.stat().st_size)
    assert filesystem is not None
    return list(full_root_troubles(guest_tree({"/etc/fstab": fstab}), filesystem, parse_command_line("")))


@pytest.mark.parametrize("kind", MKFS)
def test_a_full_root(kind: str, tmp_path: Path) -> None:
    (trouble,) = troubles(kind, fill, tmp_path)
    assert trouble.message.startswith("the root file system is full, so that cloud-init cannot write: ")
    assert trouble.message.endswith(" KiB are free")


@pytest.mark.parametrize("kind", MKFS)
def test_a_root_with_room(kind: str, tmp_path: Path) -> None:
    assert troubles(kind, half, tmp_path) == []


def test_a_root_without_an_inode(tmp_path: Path) -> None:
    (trouble,) = troubles("ext4", take_all_inodes, tmp_path)
    assert trouble.message.endswith(" KiB are free, and 0 inodes")


@pytest.mark.parametrize(
    "fstab", [f"{FSTAB}UUID=2 /var ext4 defaults 0 2\n", FSTAB.replace("defaults", "x-systemd.growfs")]
)
def test_what_is_written_elsewhere_or_after_it_has_grown(fstab: str, tmp_path: Path) -> None:
    assert troubles("ext4", fill, tmp_path, fstab) == []
