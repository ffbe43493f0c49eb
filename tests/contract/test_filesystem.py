"""What every file system of the guest does alike: one suite over all adapters and the one in memory."""

import io
from collections.abc import Iterator

import pytest
from support.made_filesystems import DEEP, FILES, LINKLESS, LINKS, MADE, MANY, write_tree
from support.memory_filesystem import Link, MemoryFilesystem

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import Filesystem, GuestReadError, Kind, Node

NAMES = ("memory", *MADE)


@pytest.fixture(scope="module", params=NAMES)
def filesystem(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filesystem]:
    if request.param == "memory":
        yield in_memory()
        return
    directory = tmp_path_factory.mktemp(request.param)
    tree = write_tree(directory / "tree", links=not request.param.startswith(LINKLESS))
    volume = directory / "volume"
    MADE[request.param](tree, volume)
    with volume.open("rb") as stream:
        found = open_filesystem(stream, volume.stat().st_size)
        assert found is not None
        yield found


def in_memory() -> Filesystem:
    links = {name: Link(target) for name, target in LINKS.items()}
    many = {f"many/{name}": name for name in MANY}
    return MemoryFilesystem({**FILES, **links, **many, "/".join((*DEEP, "file")): "deep\n"})


def find(filesystem: Filesystem, *names: str) -> Node:
    node = filesystem.root()
    for name in names:
        below = node.child(name)
        assert below is not None, name
        node = below
    return node


def has_links(filesystem: Filesystem) -> bool:
    return filesystem.type not in {"vfat", "ntfs"}


def test_the_top_lists_every_name_once(filesystem: Filesystem) -> None:
    names = [name for name, _ in filesystem.root().children()]
    expected = {*FILES, DEEP[0], "many", *(LINKS if has_links(filesystem) else ())}
    assert set(names) - {"lost+found"} == expected
    assert len(names) == len(set(names))


def test_a_large_directory_is_listed_whole(filesystem: Filesystem) -> None:
    assert sorted(name for name, _ in find(filesystem, "many").children()) == list(MANY)


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_its_size_and_content(filesystem: Filesystem, name: str) -> None:
    node = find(filesystem, name)
    assert node.kind is Kind.FILE
    assert node.size_bytes == len(FILES[name])
    with node.open() as stream:
        assert stream.read() == FILES[name]
        assert stream.read(1) == b""


def test_a_file_can_be_read_from_anywhere(filesystem: Filesystem) -> None:
    expected = FILES["large.bin"]
    with find(filesystem, "large.bin").open() as stream:
        for offset in (
            0,
            1,
            4095,
            65536,
            131071,
            200_000,
            len(expected) - 1,
            len(expected),
            len(expected) + 5,
        ):
            assert stream.seek(offset) == offset
            assert stream.read(5000) == expected[offset : offset + 5000]
        assert stream.seek(-7, io.SEEK_END) == len(expected) - 7
        assert stream.tell() == len(expected) - 7
        assert stream.read() == expected[-7:]


def test_two_streams_of_one_disk_do_not_disturb_each_other(filesystem: Filesystem) -> None:
    with find(filesystem, "large.bin").open() as one, find(filesystem, "holes").open() as other:
        first = one.read(100)
        other.read(100_000)
        assert first + one.read(199_900) == FILES["large.bin"][:200_000]


def test_directories_are_found_name_by_name(filesystem: Filesystem) -> None:
    node = find(filesystem, *DEEP)
    assert node.kind is Kind.DIRECTORY
    with find(filesystem, *DEEP, "file").open() as stream:
        assert stream.read() == b"deep\n"


def test_links_are_told_and_not_followed(filesystem: Filesystem) -> None:
    if not has_links(filesystem):
        assert all(node.kind is not Kind.SYMLINK for _, node in filesystem.root().children())
        return
    for name, target in LINKS.items():
        node = find(filesystem, name)
        assert node.kind is Kind.SYMLINK
        assert node.link_target() == target


@pytest.mark.parametrize("name", ["missing", "", ".", "..", "small.txt/", "many/entry-0001", "\udcff"])
def test_what_is_no_entry_is_absent(filesystem: Filesystem, name: str) -> None:
    assert filesystem.root().child(name) is None


def test_a_node_refuses_what_it_is_not(filesystem: Filesystem) -> None:
    file, directory = find(filesystem, "small.txt"), find(filesystem, "many")
    with pytest.raises(GuestReadError):
        directory.open()
    with pytest.raises(GuestReadError):
        directory.link_target()
    with pytest.raises(GuestReadError):
        file.link_target()
    with pytest.raises(GuestReadError):
        file.child("x")
    with pytest.raises(GuestReadError):
        list(file.children())


def test_a_subvolume_that_is_not_there_is_an_error(filesystem: Filesystem) -> None:
    with pytest.raises(GuestReadError):
        filesystem.root("no-such-subvolume")
