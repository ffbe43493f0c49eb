"""Btrfs: subvolumes, compression, hostile trees."""

import zlib

import pytest
import zstandard
from support.damage import damaged
from support.fixtures import fixture_path

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError, Node
from imgtool.guest.filesystems.btrfs import BtrfsFilesystem
from imgtool.guest.filesystems.btrfs_content import MAX_PIECE_BYTES, _decompress
from imgtool.guest.streams import Disk, VolumeStream, linear

START = 4 << 20
"""Where the partition is on the fixture."""


@pytest.fixture
def filesystem() -> BtrfsFilesystem:
    disk = fixture_path("btrfs-subvolumes")
    size = disk.stat().st_size
    stream = VolumeStream(Disk(disk.open("rb"), size), [linear(START, size - START)])
    found = open_filesystem(stream, size - START)
    assert isinstance(found, BtrfsFilesystem)
    return found


def find(node: Node, path: str) -> Node:
    for name in path.split("/"):
        below = node.child(name)
        assert below is not None, name
        node = below
    return node


def sample_text(method: str) -> bytes:
    """As fixtures/recipe/images.py writes it."""
    return b"".join(b"%s line %d\n" % (method.encode(), number) for number in range(18000))


def test_subvolumes_by_path_number_and_default(filesystem: BtrfsFilesystem) -> None:
    assert sorted(name for name, _ in filesystem.root().children()) == ["@", "@home"]
    assert find(filesystem.root("@home"), "user/notes").open().read() == b"in the subvolume @home\n"
    assert find(filesystem.root("/@/"), "etc/fstab").size_bytes > 0
    assert find(filesystem.root("@/etc"), "fstab").size_bytes > 0
    assert find(filesystem.subvolume_by_id(5), "@home/user/notes").size_bytes > 0
    assert find(filesystem.subvolume_by_id(257), "user/notes").size_bytes > 0


@pytest.mark.parametrize("path", ["@missing", "@/etc/fstab/x", "../..", "@\x1b[2J"])
def test_a_subvolume_that_is_not_there(filesystem: BtrfsFilesystem, path: str) -> None:
    with pytest.raises(GuestReadError) as caught:
        filesystem.root(path)
    assert "\x1b" not in str(caught.value)


def test_a_subvolume_number_that_is_not_there(filesystem: BtrfsFilesystem) -> None:
    with pytest.raises(GuestReadError):
        filesystem.subvolume_by_id(4711)


@pytest.mark.parametrize("method", ["zstd", "zlib", "lzo"])
def test_compressed_files(filesystem: BtrfsFilesystem, method: str) -> None:
    samples = find(filesystem.root("@"), "usr/share/samples")
    expected = sample_text(method)
    text = find(samples, f"{method}.txt")
    assert text.open().read() == expected
    with text.open() as stream:
        stream.seek(131_070)
        assert stream.read(10) == expected[131_070:131_080]
    assert find(samples, f"{method}-inline.txt").open().read() == b"inline " * 100
    assert find(samples, f"{method}-holes").open().read() == b"start" + bytes((1 << 20) - 5) + b"end"


def test_a_bomb_is_cut_at_the_size_of_an_extent() -> None:
    for compression, bomb in ((1, zlib.compress(bytes(64 << 20))), (3, zstandard.compress(bytes(64 << 20)))):
        assert len(_decompress(bomb, compression, 4096)) <= MAX_PIECE_BYTES


@pytest.mark.parametrize("change", ["empty", "itself"])
def test_a_tree_made_to_lead_in_circles_ends(change: str) -> None:
    disk = fixture_path("btrfs-subvolumes")
    size = disk.stat().st_size
    with disk.open("rb") as file:
        found = {}
        for node in range(START, size, 16384):
            file.seek(node)
            head = file.read(101)
            if head[0x58:0x60] in {number.to_bytes(8, "little") for number in (5, 256)} and any(head[:32]):
                found[node] = head
        assert found
        changes = {node + 0x60: bytes(4) for node in found}
        if change == "itself":
            changes = {node + 0x64: b"\x01" for node in found}
            changes |= {node + 0x65 + 17: head[0x30:0x38] for node, head in found.items()}
        stream = VolumeStream(Disk(damaged(file, changes), size), [linear(START, size - START)])
        opened = open_filesystem(stream, size - START)
        assert opened is not None
        with pytest.raises(GuestReadError):
            list(opened.root("@").children())


def test_the_subvolumes_are_listed_by_their_paths(filesystem: BtrfsFilesystem) -> None:
    found = filesystem.subvolumes()
    assert found
    for path in found:
        assert filesystem.root(path).child("no such name") is None
