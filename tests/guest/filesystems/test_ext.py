"""ext2, ext3, ext4: types, and what is refused."""

import io
import struct
import subprocess
from pathlib import Path

import pytest
from support.damage import damaged
from support.fixtures import fixture_path

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import Filesystem, GuestReadError, Node

SUPERBLOCK = 1024


def opened(changes: dict[int, bytes], name: str = "bare-ext4") -> Filesystem:
    disk = fixture_path(name)
    found = open_filesystem(damaged(disk.open("rb"), changes), disk.stat().st_size)
    assert found is not None
    return found


def find(node: Node, path: str) -> Node:
    for name in path.split("/"):
        below = node.child(name)
        assert below is not None, name
        node = below
    return node


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
def test_the_three_types_are_told_apart(tmp_path: Path, kind: str) -> None:
    volume = tmp_path / "volume"
    subprocess.run([f"mkfs.{kind}", "-q", "-L", "a label", str(volume), "8M"], check=True)
    content = volume.read_bytes()
    found = open_filesystem(io.BytesIO(content), len(content))
    assert found is not None
    assert (found.type, found.label) == (kind, "a label")


def test_lists_of_blocks_of_ext3() -> None:
    root = opened({}, "bare-ext3").root()
    large = find(root, "usr/share/large").open().read()
    assert large == large[:65536] * 12
    assert len(list(find(root, "usr/share/many").children())) == 3000


@pytest.mark.parametrize(
    ("incompatible", "reason"),
    [
        (0x2C2 | 0x10, "meta_bg is not supported"),
        (0x2C2 | 0x1, "compression is not supported"),
        (0x2C2 | 0x1000, "dirdata is not supported"),
        (0x2C2 | 0x80000000, "unknown features 0x80000000"),
        (0x8, "external journal is not supported"),
    ],
)
def test_unknown_features_are_refused(incompatible: int, reason: str) -> None:
    with pytest.raises(GuestReadError, match=reason):
        opened({SUPERBLOCK + 0x60: struct.pack("<I", incompatible)}).root()


@pytest.mark.parametrize(
    "changes",
    [
        {SUPERBLOCK + 0x18: b"\xff"},
        {SUPERBLOCK + 0x28: bytes(4)},
        {SUPERBLOCK + 0x58: bytes(2)},
        {4096: b"\xff" * 64},
    ],
)
def test_a_damaged_superblock_is_an_error(changes: dict[int, bytes]) -> None:
    with pytest.raises(GuestReadError):
        list(opened(changes).root().children())
