"""chattr(1): what the kernel's own file systems keep, and what cloud-init cannot do then."""

import subprocess
from pathlib import Path

import pytest
from support.cloud_init_guest import cfg, read
from support.filled import mounted
from support.guest_tree import File
from support.made_filesystems import MADE

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known

ROOT = "root:x:0:0::/root:/bin/sh\n"


@pytest.mark.parametrize("kind", ["ext3", "ext4", "xfs", "btrfs"])
def test_what_chattr_sets(kind: str, tmp_path: Path) -> None:
    """To a directory that takes additions alone (`+a`) files are added."""
    (tmp_path / "tree").mkdir()
    volume = tmp_path / "volume"
    MADE[kind](tmp_path / "tree", volume)
    with mounted(volume) as root:
        for words in ("+i", "+a", "+d", "+A"):
            (root / f"file{words}").touch()
            (root / f"directory{words}").mkdir()
            subprocess.run(["chattr", words, root / f"file{words}", root / f"directory{words}"], check=True)
    filesystem = open_filesystem(volume.open("rb"), volume.stat().st_size)
    assert filesystem is not None
    tree = GuestTree({"/": filesystem.root()})
    immutable = {name for name in tree.names("/") if tree.is_immutable(f"/{name}")}
    assert immutable == {"file+i", "directory+i", "file+a"}


def is_true(fact: Fact[bool]) -> bool:
    return isinstance(fact, Known) and fact.value


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"])
def test_accounts_that_cannot_be_changed(path: str) -> None:
    """useradd opens all four for writing: no user, and nobody who could log in by a key."""
    enabled = read({path: File(ROOT, is_immutable=True)}).enabled
    said = f"{path} is immutable (chattr), so that cloud-init cannot make the user debian"
    assert enabled == Known(value=False, evidence=said)


def test_accounts_that_need_no_change() -> None:
    there = File(f"{ROOT}debian:x:1000:1000::/home/debian:/bin/sh\n", is_immutable=True)
    assert is_true(read({"/etc/passwd": there}).enabled)
    other = File(f"{ROOT}debian2:x:1000:1000::/home/debian:/bin/sh\n", is_immutable=True)
    assert not is_true(read({"/etc/passwd": other}).enabled)
    nobody = cfg("users: []\ndisable_root: false\n")
    assert is_true(read({"/etc/shadow": File(is_immutable=True), **nobody}).enabled)
