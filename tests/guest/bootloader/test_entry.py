import pytest
from support.guest_tree import guest_tree

from imgtool.guest.bootloader.entry import BootEntry, located, version_in_path


def entry(linux: str, base: str = "/") -> BootEntry:
    return BootEntry("id", "title", "/boot/grub/grub.cfg", linux, base=base)


@pytest.mark.parametrize(
    ("path", "base", "there"),
    [
        ("/boot/vmlinuz-6.1", "/", "/boot/vmlinuz-6.1"),
        ("/vmlinuz-6.1", "/", "/boot/vmlinuz-6.1"),
        ("/@/boot/vmlinuz-6.1", "/", "/boot/vmlinuz-6.1"),
        ("($root)/vmlinuz-6.1", "/", "/boot/vmlinuz-6.1"),
        ("(hd0,gpt2)/boot/vmlinuz-6.1", "/", "/boot/vmlinuz-6.1"),
        ("/abc/6.1/linux", "/efi", "/efi/abc/6.1/linux"),
        ("vmlinuz-lts", "/boot", "/boot/vmlinuz-lts"),
    ],
)
def test_files_are_found_where_the_guest_has_them(path, base, there):
    tree = guest_tree({there: "x"})
    assert located(tree, entry(path, base), path) == there


def test_a_file_that_is_nowhere():
    assert located(guest_tree({"/boot/other": "x"}), entry("/vmlinuz"), "/vmlinuz") is None


@pytest.mark.parametrize("path", ["/boot/vmlinuz-6.1", "/boot/Image-6.1", "/efi/0123/6.1/linux"])
def test_the_version_in_a_path(path):
    assert version_in_path(path, frozenset({"6.1", "5.10"})) == "6.1"
    assert version_in_path(path, frozenset({"5.10"})) is None
