import pytest
from support.guest_tree import guest_tree
from support.unified_image import unified_image

from imgtool.guest import bls
from imgtool.guest.bls import read_bls_entries, read_unified_images, systemd_boot_default
from imgtool.guest.filesystems.base import GuestReadError

ENTRY = """title   Red Hat Enterprise Linux ({0}) 9.4 (Plow)
version {0}
linux   /vmlinuz-{0}
initrd  /initramfs-{0}.img $tuned_initrd
options root=/dev/mapper/rhel-root ro $kernelopts
# a comment
grub_class rhel
"""


def entries(names: dict[str, str], base: str = "/boot"):
    tree = guest_tree({f"{base}/loader/entries/{name}": text for name, text in names.items()})
    return read_bls_entries(tree, base)


def test_an_entry():
    (entry,) = entries({"0123-5.14.0.conf": ENTRY.format("5.14.0")})
    assert (entry.name, entry.version, entry.linux) == ("0123-5.14.0", "5.14.0", "/vmlinuz-5.14.0")
    assert entry.initrds == ("/initramfs-5.14.0.img", "$tuned_initrd")
    assert entry.options == "root=/dev/mapper/rhel-root ro $kernelopts"
    assert entry.source == "/boot/loader/entries/0123-5.14.0.conf"


def test_several_initrd_and_options_lines_add_up():
    (entry,) = entries({"a.conf": "linux /l\ninitrd /ucode\ninitrd /main\noptions a\noptions b\n"})
    assert (entry.initrds, entry.options) == (("/ucode", "/main"), "a b")


def test_newest_first_by_version_not_by_letters():
    found = entries({f"id-5.14.0-{n}.el9.conf": ENTRY.format(n) for n in ("9", "427", "362")})
    assert [entry.version for entry in found] == ["427", "362", "9"]


def test_entries_with_a_sort_key_come_first_and_go_by_version():
    texts = {
        "z.conf": "linux /z\n",
        "a.conf": "linux /a\nsort-key fedora\nversion 6.1\n",
        "b.conf": "linux /b\nsort-key fedora\nversion 5.9\n",
    }
    assert [entry.name for entry in entries(texts)] == ["a", "b", "z"]


def test_an_entry_whose_tries_are_used_up_comes_last():
    found = entries({"b+0-3.conf": "linux /b\n", "a+2-1.conf": "linux /a\n"})
    assert [entry.name for entry in found] == ["a", "b"]


def test_what_boots_no_kernel_is_left_out():
    assert entries({"a.conf": "title x\nefi /shell.efi\n", "b.conf": "", "c.txt": "linux /c\n"}) == []


def test_too_many_entries_are_an_error(monkeypatch):
    monkeypatch.setattr(bls, "MAX_ENTRIES", 2)
    with pytest.raises(GuestReadError, match="more than 2 entries"):
        entries({f"{n}.conf": "linux /x\n" for n in range(3)})


@pytest.mark.parametrize(
    ("loader_conf", "name"),
    [
        ("", "b"),
        ("timeout 3\n", "b"),
        ("default a.conf\n", "a"),
        ("default a*\n", "a"),
        ("#default a.conf\ndefault nothing-*\n", "b"),
    ],
)
def test_systemd_boot_s_default(loader_conf, name):
    found = entries({"a.conf": "linux /a\n", "b.conf": "linux /b\n"})
    entry, why = systemd_boot_default(found, loader_conf)
    assert entry.name == name
    assert why


def test_a_default_kept_in_the_firmware_is_not_known():
    with pytest.raises(GuestReadError, match="@saved is kept in the firmware"):
        systemd_boot_default(entries({"a.conf": "linux /a\n"}), "default @saved\n")


def test_unified_kernel_images():
    sections = {".uname": b"6.9.1-arch1-1", ".cmdline": b"root=LABEL=x ro\n", ".initrd": b"x"}
    files = {
        "/efi/EFI/Linux/arch-6.9.efi": unified_image(sections),
        "/efi/EFI/Linux/broken.efi": "no PE file",
    }
    newest, broken = sorted(read_unified_images(guest_tree(files), "/efi"), key=lambda entry: entry.name)
    assert (newest.version, newest.options, newest.unified) == ("6.9.1-arch1-1", "root=LABEL=x ro", True)
    assert newest.linux == "/efi/EFI/Linux/arch-6.9.efi"
    assert broken.version == ""
