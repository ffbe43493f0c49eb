import pytest
from support.guest_tree import guest_tree

from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.initramfs.locate import initramfs_files
from imgtool.guest.kernels import InstalledKernel

V = "6.1.0-41"


def kernel(flavour: str | None = None) -> InstalledKernel:
    return InstalledKernel(V, f"/usr/lib/modules/{V}", None, flavour, {}, {}, {}, frozenset(), {})


def entry(*initrds: str, **more) -> BootEntry:
    return BootEntry("id", "Debian", "/boot/grub/grub.cfg", "/boot/vmlinuz", initrds, base="/", **more)


@pytest.mark.parametrize(
    "path",
    [
        f"/boot/initrd.img-{V}",
        f"/boot/initramfs-{V}.img",
        f"/boot/initrd-{V}",
        "/boot/initramfs-linux.img",
        "/boot/initramfs-linux",
        f"/boot/0123abc/{V}/initrd",
        f"/efi/0123abc/{V}/initrd",
        f"/usr/lib/modules/{V}/initrd",
    ],
)
def test_without_a_boot_entry_by_the_names_that_distributions_use(path):
    tree = guest_tree({path: "x", "/etc/machine-id": "0123abc\n"})
    assert initramfs_files(tree, kernel("linux"), None).paths == (path,)


def test_none_and_where_it_was_looked_for():
    found = initramfs_files(guest_tree({"/boot/initrd.img-5.10": "x"}), kernel(), None)
    assert found.paths == ()
    assert f"/boot/initrd.img-{V}" in found.evidence


def test_the_boot_entry_decides():
    tree = guest_tree({"/boot/ucode.img": "", "/boot/a.img": "", f"/boot/initrd.img-{V}": "x"})
    found = initramfs_files(tree, kernel(), entry("/ucode.img", "/a.img", "$tuned_initrd"))
    assert found.paths == ("/boot/ucode.img", "/boot/a.img")
    assert found.evidence == "/boot/grub/grub.cfg: entry Debian"


@pytest.mark.parametrize(
    ("initrds", "evidence"),
    [((), "loads no initramfs"), (("/gone.img",), "loads /gone.img, which is not there")],
)
def test_a_boot_entry_that_loads_none(initrds, evidence):
    tree = guest_tree({f"/boot/initrd.img-{V}": "x"})
    found = initramfs_files(tree, kernel(), entry(*initrds))
    assert found.paths == ()
    assert found.evidence.endswith(evidence)


def test_a_machine_id_that_is_a_path_is_not_used():
    tree = guest_tree({"/etc/machine-id": "../x", f"/x/{V}/initrd": "x"})
    assert initramfs_files(tree, kernel(), None).paths == ()
