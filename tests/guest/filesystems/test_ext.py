"""ext2, ext3, ext4: types, and what is refused."""

import io
import os
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


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files and directories of all sizes: in the inode, behind it, in blocks, in trees."""
    top = tmp_path_factory.mktemp("tree")
    for count in (0, 1, 3, 6, 9, 12, 40, 300):
        folder = top / f"{count} entries"
        folder.mkdir()
        for number in range(count):
            (folder / f"name{number}").write_bytes(b"%d" % number)
    for size in (0, 1, 59, 60, 61, 100, 128, 156, 160, 161, 1000, 5000, 700_000):
        (top / f"{size} bytes").write_bytes(bytes(index * 7 % 251 for index in range(size)))
    (top / "a link").symlink_to("/its/target")
    (top / "a long link").symlink_to("/" + "its/target/" * 20)
    return top


META_BG = ["-b", "1024", "-g", "1024"]
FEATURES: dict[str, list[str]] = {
    "what is usual": [],
    "meta_bg": ["-O", "meta_bg,^resize_inode", *META_BG],
    "meta_bg of 32 bytes a group": ["-O", "meta_bg,^resize_inode,^64bit", *META_BG],
    "meta_bg, a superblock in every group": ["-O", "meta_bg,^resize_inode,^sparse_super", *META_BG],
    "meta_bg, sparse_super2": ["-O", "meta_bg,^resize_inode,sparse_super2", *META_BG],
    "meta_bg in blocks of 4 KiB": ["-O", "meta_bg,^resize_inode", "-b", "4096", "-g", "256"],
    "bigalloc": ["-O", "bigalloc"],
    "bigalloc in blocks of 1 KiB, meta_bg": [
        "-O",
        "bigalloc,meta_bg,^resize_inode",
        "-b",
        "1024",
        "-C",
        "16384",
    ],
    "inline data": ["-O", "inline_data"],
    "inline data in inodes of 512 bytes": ["-O", "inline_data", "-I", "512"],
    "inline data in blocks of 1 KiB": ["-O", "inline_data", "-I", "1024", "-b", "1024"],
    "inodes of 128 bytes": ["-I", "128"],
    "metadata_csum alone": ["-O", "none,metadata_csum,filetype"],
    "huge_file alone": ["-O", "none,huge_file,filetype"],
    "gdt_csum (uninit_bg) alone": ["-O", "none,uninit_bg,filetype"],
    "no types of entries": ["-O", "none,^filetype"],
    "revision 0": ["-r", "0", "-O", "none"],
    "large_dir, ea_inode, project, quota": ["-O", "large_dir,ea_inode,project,quota"],
    "no journal": ["-O", "^has_journal"],
    "no extents": ["-O", "^extents,^64bit,^flex_bg"],
}


def mkfs(path: Path, options: list[str], source: Path | None = None) -> Path:
    populated = [] if source is None else ["-d", str(source)]
    made = ["mkfs.ext4", "-q", "-F", "-L", "a label", *populated, *options, str(path), "40M"]
    subprocess.run(made, check=True, stderr=subprocess.DEVNULL)
    return path


def same(node: Node, folder: Path) -> None:
    entries = dict(node.children())
    assert sorted(set(entries) - {"lost+found"}) == sorted(entry.name for entry in folder.iterdir())
    for entry in folder.iterdir():
        found = entries[entry.name]
        if entry.is_symlink():
            assert found.link_target() == os.readlink(entry)  # noqa: PTH115 - with its last slash
        elif entry.is_dir():
            same(found, entry)
        else:
            assert found.open().read() == entry.read_bytes(), entry.name


@pytest.mark.parametrize("options", FEATURES.values(), ids=FEATURES)
def test_every_layout_of_mkfs_is_read(options: list[str], tree: Path, tmp_path: Path) -> None:
    volume = mkfs(tmp_path / "volume", options, tree)
    with volume.open("rb") as stream:
        found = open_filesystem(stream, volume.stat().st_size)
        assert found is not None
        same(found.root(), tree)
    told = subprocess.run(
        ["blkid", "-p", "-s", "TYPE", "-o", "value", volume], check=True, capture_output=True, text=True
    )
    assert found.type == told.stdout.strip()


@pytest.mark.parametrize(
    ("features", "kind"),
    [
        ((0x0, 0x2, 0x1), "ext2"),
        ((0x0, 0x12, 0x3), "ext2"),
        ((0x4, 0x2, 0x3), "ext3"),
        ((0x4, 0x6, 0x7), "ext3"),
        ((0x4, 0x2, 0x400), "ext4"),
        ((0x4, 0x2, 0x8), "ext4"),
        ((0x0, 0x2, 0x10), "ext4"),
        ((0x0, 0x42, 0x0), "ext4"),
        ((0x4, 0x2002, 0x0), "ext4"),
        ((0x0, 0x8, 0x0), "jbd"),
    ],
)
def test_the_type_is_that_of_blkid(features: tuple[int, int, int], kind: str, tmp_path: Path) -> None:
    volume = mkfs(tmp_path / "volume", ["-O", "none,filetype"])
    with volume.open("r+b") as file:
        file.seek(SUPERBLOCK + 0x5C)
        file.write(struct.pack("<III", *features))
    content = volume.read_bytes()
    found = open_filesystem(io.BytesIO(content), len(content))
    told = subprocess.run(
        ["blkid", "-p", "-s", "TYPE", "-o", "value", volume], check=False, capture_output=True, text=True
    )
    assert found is not None
    assert found.type == kind == told.stdout.strip()


def test_a_directory_shorter_than_its_block_ends_with_the_entry_that_begins_in_it(
    tree: Path, tmp_path: Path
) -> None:
    """As ext4_readdir: the size bounds where an entry begins."""
    volume = mkfs(tmp_path / "volume", ["-O", "^metadata_csum"], tree)
    subprocess.run(
        ["debugfs", "-w", "-R", 'set_inode_field "/3 entries" size 25', volume],
        check=True,
        capture_output=True,
    )
    with volume.open("rb") as stream:
        found = open_filesystem(stream, volume.stat().st_size)
        assert found is not None
        names = [name for name, _ in find(found.root(), "3 entries").children()]
    assert len(names) == 1


def test_a_name_that_no_file_can_have_is_damage(tree: Path, tmp_path: Path) -> None:
    """As verify_dirent_name of fs/readdir.c; it would lead a search out of its directory."""
    volume = mkfs(tmp_path / "volume", ["-O", "^metadata_csum"], tree)
    content = volume.read_bytes()
    assert content.count(b"156 bytes") == 1
    content = content.replace(b"156 bytes", b"156/bytes")
    found = open_filesystem(io.BytesIO(content), len(content))
    assert found is not None
    with pytest.raises(GuestReadError, match="an entry has a name that no file can have"):
        list(found.root().children())
