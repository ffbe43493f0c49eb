"""Paths in the guest: links, mounts, bounds."""

import pytest
from support.memory_filesystem import Content, Device, Link, MemoryNode, memory_root

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import MAX_DEPTH, MAX_LINKS, MAX_TEXT_BYTES, GuestTree

FILES: dict[str, Content] = {
    "usr/bin/sh": "#!",
    "usr/lib/os-release": "ID=x\n",
    "etc/os-release": Link("../usr/lib/os-release"),
    "bin": Link("usr/bin"),
    "lib": Link("/usr/lib"),
    "loop": Link("loop"),
    "climb": Link("../../../../etc/os-release"),
    "dangling": Link("no/where"),
    "dev/null": Device(),
    "var/empty": {},
    "file": "text",
}


@pytest.fixture
def tree() -> GuestTree:
    return GuestTree({"/": memory_root(FILES)})


def test_links_in_the_middle_and_at_the_end_are_followed(tree: GuestTree) -> None:
    assert tree.read_text("/bin/sh") == "#!"
    assert tree.read_text("/lib/os-release") == "ID=x\n"
    assert tree.read_text("/etc/os-release") == "ID=x\n"
    assert tree.resolve("/etc/os-release") == "/usr/lib/os-release"
    assert tree.resolve("/bin/../lib/./os-release") == "/usr/lib/os-release"


def test_links_never_leave_the_guest(tree: GuestTree) -> None:
    assert tree.resolve("/climb") == "/usr/lib/os-release"
    assert tree.resolve("/../../..") == "/"


def test_a_link_that_leads_in_a_circle_is_an_error(tree: GuestTree) -> None:
    with pytest.raises(GuestReadError, match=f"more than {MAX_LINKS} symbolic links"):
        tree.exists("/loop/x")


def test_absence_is_an_answer(tree: GuestTree) -> None:
    assert not tree.exists("/dangling")
    assert not tree.exists("/file/x")
    assert tree.read_bytes("/absent") is None
    assert tree.open("/usr") is None
    assert tree.names("/absent") == ()
    assert tree.names("/file") == ()
    assert list(tree.walk("/file")) == []
    assert tree.size_bytes("/absent") == 0
    assert tree.link_target("/absent/x") is None
    assert tree.link_target("/file") is None


def test_a_device_is_neither_file_nor_directory(tree: GuestTree) -> None:
    assert tree.exists("/dev/null")
    assert not tree.is_file("/dev/null")
    assert tree.open("/dev/null") is None


def test_the_link_itself(tree: GuestTree) -> None:
    assert tree.link_target("/bin") == "usr/bin"
    assert tree.link_target("/bin/sh") is None
    assert tree.link_target("/dangling") == "no/where"


def test_names_are_sorted_and_a_walk_does_not_follow_links(tree: GuestTree) -> None:
    assert tree.names("/usr") == ("bin", "lib")
    assert tree.names("/bin") == ("sh",)
    assert sorted(tree.walk("/")).count("/usr/bin/sh") == 1
    assert "/bin" in set(tree.walk("/"))


def test_mounts_are_seen_by_names_and_walks() -> None:
    efi = memory_root({"EFI/BOOT/BOOTX64.EFI": "MZ"})
    mounts = {"/": memory_root({"boot/x": "", "etc/a": ""}), "/boot/efi": efi, "/boot/efi/": efi}
    tree = GuestTree(mounts)
    assert tree.is_file("/boot/efi/EFI/BOOT/BOOTX64.EFI")
    assert tree.names("/boot") == ("efi", "x")
    assert "/boot/efi/EFI/BOOT/BOOTX64.EFI" in set(tree.walk("/"))
    assert "/boot/efi/EFI/BOOT/BOOTX64.EFI" in set(tree.walk("/boot"))


def test_a_mount_over_a_directory_hides_what_is_below_it() -> None:
    tree = GuestTree({"/": memory_root({"var/old": "1"}), "/var": memory_root({"new": "2"})})
    assert tree.names("/var") == ("new",)
    assert set(tree.walk("/")) == {"/var/new"}


def test_a_text_beyond_the_bound_is_an_error() -> None:
    tree = GuestTree({"/": memory_root({"big": b"x" * (MAX_TEXT_BYTES + 1)})})
    with pytest.raises(GuestReadError, match="/big: larger than"):
        tree.read_text("/big")
    assert tree.read_bytes("/big", MAX_TEXT_BYTES + 1) is not None


def test_a_deep_tree_is_an_error_of_the_walk_only() -> None:
    path = "/".join(["d"] * (MAX_DEPTH + 2))
    tree = GuestTree({"/": memory_root({f"{path}/f": "x"})})
    assert tree.is_file(f"/{path}/f")
    with pytest.raises(GuestReadError, match="directories deep"):
        list(tree.walk("/"))


def test_a_directory_that_holds_itself_ends() -> None:
    node = MemoryNode({})
    assert isinstance(node.content, dict)
    node.content["self"] = node
    with pytest.raises(GuestReadError, match="directories deep"):
        list(GuestTree({"/": node}).walk("/"))


def test_a_very_long_path_ends() -> None:
    tree = GuestTree({"/": memory_root({"a": Link("a/" * 2000), "d": {}})})
    with pytest.raises(GuestReadError, match="symbolic links"):
        tree.exists("/a")
    assert tree.resolve("/" + "d/../" * 5000) == "/"
