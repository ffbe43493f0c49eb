"""XFS: what only the kernel writes, and what is refused."""

import pytest
from support.damage import damaged
from support.fixtures import fixture_path

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import Filesystem, GuestReadError, Node
from imgtool.guest.volumes import read_layout


@pytest.fixture
def samples() -> Node:
    disk = fixture_path("lvm-xfs")
    layout = read_layout(disk.open("rb"), disk.stat().st_size)
    volume = next(volume for volume in layout.volumes if volume.name == "vg-sys/root")
    found = open_filesystem(volume.open(), volume.size_bytes)
    assert found is not None
    node = found.root()
    for name in ("usr", "share", "samples"):
        below = node.child(name)
        assert below is not None
        node = below
    return node


def test_a_link_outside_of_its_inode(samples: Node) -> None:
    node = samples.child("long-link")
    assert node is not None
    assert node.link_target() == "x/" * 400


def test_a_directory_of_many_blocks(samples: Node) -> None:
    many = samples.child("many")
    assert many is not None
    assert len(list(many.children())) == 3000
    assert many.child("an entry with a long name 2999") is not None


def test_unwritten_space_reads_as_zeros(samples: Node) -> None:
    node = samples.child("unwritten")
    assert node is not None
    assert node.open().read() == bytes(1 << 20)


def spoiled(changes: dict[int, bytes]) -> Filesystem:
    disk = fixture_path("xfs-v4")
    found = open_filesystem(damaged(disk.open("rb"), changes), disk.stat().st_size)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({4: bytes(4)}, "impossible block"),
        ({4: b"\x7f\0\0\0"}, "impossible block"),
        ({192: b"\xff"}, "impossible directory block"),
        ({100: b"\xb4\xa3"}, "version 3 is not supported"),
        ({100: b"\xb4\xa5", 216: b"\0\0\0\x10"}, "needs repair"),
        ({100: b"\xb4\xa5", 216: b"\x80\0\0\0"}, "unknown features"),
        ({1024: b"XXXX"}, "AGI magic"),
    ],
)
def test_what_is_refused_says_why(changes: dict[int, bytes], reason: str) -> None:
    with pytest.raises(GuestReadError, match=reason):
        spoiled(changes).root()
