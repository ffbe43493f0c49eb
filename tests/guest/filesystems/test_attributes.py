"""Permission bits and extended attributes, as mkfs, debugfs and xfs_db write them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.made_filesystems import MADE

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError, Node

LABEL = b"system_u:object_r:etc_t:s0\0"
OTHERS = {f"other{number:02}": b"v" * 60 for number in range(20)}
"""More than fits into an inode."""


def set_by_debugfs(volume: Path, names: dict[str, bytes]) -> None:
    requests = []
    for name, value in names.items():
        content = volume.with_name(f"value-{name}")
        content.write_bytes(value)
        requests.append(f"ea_set -f {content} /program {name}")
    script = volume.with_name("requests")
    script.write_text("\n".join(requests))
    subprocess.run(["debugfs", "-w", "-f", str(script), str(volume)], check=True, capture_output=True)


def set_by_xfs_db(volume: Path, names: dict[str, bytes]) -> None:
    commands = ["-c", "path /program"]
    for name, value in names.items():
        prefix, _, short = name.partition(".")
        space = {"security": "-s", "user": "-u"}[prefix]
        commands += ["-c", f"attr_set {space} -v {len(value)} {short}"]
    subprocess.run(["xfs_db", "-x", *commands, str(volume)], check=True, capture_output=True)


def program(tmp_path: Path, kind: str, before: Callable[[Path], None], after: Callable[[Path], None]) -> Node:
    """The file /program (mode 750) of a file system made by MADE[kind]."""
    tree = tmp_path / "tree"
    tree.mkdir()
    path = tree / "program"
    path.write_bytes(b"#!/bin/sh\n")
    path.chmod(0o750)
    before(path)
    volume = tmp_path / "volume"
    MADE[kind](tree, volume)
    after(volume)
    found = open_filesystem(volume.open("rb"), volume.stat().st_size)
    assert found is not None
    node = found.root().child("program")
    assert node is not None
    return node


def nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize("kind", ["ext3", "ext4", "ext4-1k"])
@pytest.mark.parametrize("more", [False, True])
def test_ext_in_the_inode_and_in_a_block(tmp_path: Path, kind: str, *, more: bool) -> None:
    others = {f"user.{name}": value for name, value in list(OTHERS.items())[:8]}
    names = {**(others if more else {}), "security.selinux": LABEL}
    node = program(tmp_path, kind, nothing, lambda volume: set_by_debugfs(volume, names))
    assert node.permissions == 0o750
    assert {name: node.xattr(name) for name in names} == names
    assert node.xattr("security.capability") is None
    assert node.xattr("selinux") is None


@pytest.mark.parametrize("kind", ["xfs", "xfs-v4", "xfs-1k"])
@pytest.mark.parametrize("more", [0, 5, 30])
def test_xfs_in_the_inode_and_in_blocks(tmp_path: Path, kind: str, more: int) -> None:
    names = {f"user.other{number:02}": b"v" * 60 for number in range(more)} | {"security.selinux": LABEL}
    node = program(tmp_path, kind, nothing, lambda volume: set_by_xfs_db(volume, names))
    assert node.permissions == 0o750
    assert {name: len(node.xattr(name) or b"") for name in names} == {n: len(v) for n, v in names.items()}
    assert node.xattr("user.selinux") is None


def test_btrfs(tmp_path: Path) -> None:
    names = {"user.one": b"1", "user.two": b"", "user.three": b"3" * 3000}

    def label(path: Path) -> None:
        for name, value in names.items():
            os.setxattr(path, name, value)

    node = program(tmp_path, "btrfs", label, nothing)
    assert node.permissions == 0o750
    assert {name: node.xattr(name) for name in names} == names
    assert node.xattr("security.selinux") is None


def test_fat_keeps_neither(tmp_path: Path) -> None:
    node = program(tmp_path, "fat16", nothing, nothing)
    assert node.permissions == 0o755
    assert node.xattr("security.selinux") is None


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_damaged_attributes_are_an_error(tmp_path: Path, kind: str) -> None:
    names = {f"user.{name}": value for name, value in list(OTHERS.items())[:8]}
    spoilt = {"ext4": (b"\x00\x00\x02\xea", b"\xff\xff\xff\xff"), "xfs": (b"\x3b\xee", b"\x3b\xee")}

    def damage(volume: Path) -> None:
        (set_by_debugfs if kind == "ext4" else set_by_xfs_db)(volume, names)
        size = 1024 if kind == "ext4" else 4096
        content = bytearray(volume.read_bytes())
        block = content.find(b"other07") // size * size
        if kind == "ext4":
            assert content[block : block + 4] == spoilt[kind][0]
            content[block : block + 4] = spoilt[kind][1]
        else:
            content[block + 56 : block + 58] = b"\xff\xff"
        volume.write_bytes(content)

    node = program(tmp_path, kind, nothing, damage)
    with pytest.raises(GuestReadError):
        node.xattr("security.selinux")
