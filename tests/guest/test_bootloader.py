import pytest
from support.guest_tree import EMPTY_DIRECTORY, Link, Unreadable, guest_tree
from support.unified_image import unified_image

from imgtool.guest.bootloader import BootChoice, choose_kernel
from imgtool.guest.kernels import find_kernels

NEW, OLD = "6.1.0-41-amd64", "6.1.0-9-amd64"
KERNELS = {f"/usr/lib/modules/{v}/kernel": EMPTY_DIRECTORY for v in (NEW, OLD)} | {
    f"/boot/vmlinuz-{v}": "MZ" for v in (NEW, OLD)
}
ENTRY = (
    "menuentry 'Linux {0}' --id 'id-{0}' {{\n linux /boot/vmlinuz-{0} ro opt-{0}\n initrd /boot/i-{0}\n}}\n"
)
MENU = ENTRY.format(NEW) + "submenu 'Advanced' {\n" + ENTRY.format(NEW) + ENTRY.format(OLD) + "}\n"
GRUB = "/boot/grub/grub.cfg"
BLS = "title T\nversion {0}\nlinux /vmlinuz-{0}\ninitrd /i-{0}\noptions ro $kernelopts\n"


def choice(files) -> BootChoice:
    tree = guest_tree(KERNELS | files)
    return choose_kernel(tree, find_kernels(tree))


@pytest.mark.parametrize(
    ("default", "version"),
    [
        ('"0"', NEW),
        ('"1>1"', OLD),
        (f'"Advanced>id-{OLD}"', OLD),
        ("id-nothing", NEW),
        ("7", NEW),
        ("1", NEW),
    ],
)
def test_grub_s_default(default, version):
    found = choice({GRUB: f"set default={default}\n{MENU}"})
    assert found.version == version
    assert found.evidence.startswith(f"{GRUB}: default=")
    assert found.options == f"ro opt-{version}"
    assert found.entries[0] is found.entry
    assert len(found.entries) == 3


@pytest.mark.parametrize(
    ("grubenv", "version", "evidence"),
    [
        ("saved_entry=1>1\n", OLD, "/boot/grub/grubenv: saved_entry=1>1 (Linux 6.1.0-9-amd64)"),
        ("", NEW, "/boot/grub/grubenv: no saved_entry, so entry 0 (Linux 6.1.0-41-amd64)"),
        ("saved_entry=0\nnext_entry=1>1\n", OLD, "/boot/grub/grubenv: next_entry=1>1 (Linux 6.1.0-9-amd64)"),
    ],
)
def test_grub_s_saved_entry(grubenv, version, evidence):
    head = 'if x; then\nset default="${next_entry}"\nelse\nset default="${saved_entry}"\nfi\n'
    found = choice({GRUB: head + MENU, "/boot/grub/grubenv": f"# GRUB Environment Block\n{grubenv}"})
    assert (found.version, found.evidence) == (version, evidence)


def red_hat(grubenv: str) -> dict[str, str]:
    head = 'if x; then\nset default="${next_entry}"\nelse\nset default="${saved_entry}"\nfi\n'
    head += "insmod blscfg\nblscfg\n"
    entries = {f"/boot/loader/entries/0123-{v}.conf": BLS.format(v) for v in (NEW, OLD)}
    return {"/boot/grub2/grub.cfg": head, "/boot/grub2/grubenv": grubenv} | entries


@pytest.mark.parametrize(
    ("grubenv", "version"),
    [(f"saved_entry=0123-{OLD}\n", OLD), ("saved_entry=0\n", NEW), ("saved_entry=gone\n", NEW), ("", NEW)],
)
def test_red_hat_s_bls_entries(grubenv, version):
    assert choice(red_hat(grubenv)).version == version


def test_variables_in_bls_options_come_from_the_environment():
    found = choice(red_hat(f"saved_entry=0123-{OLD}\nkernelopts=root=/dev/sda1 quiet\n"))
    assert found.options == "ro root=/dev/sda1 quiet"


def test_variables_that_the_environment_lacks_come_from_grub_cfg():
    fallback = 'if [ -z "${kernelopts}" ]; then\n  set kernelopts="root=UUID=1 ro console=ttyS0 "\nfi\n'
    files = red_hat("")
    files["/boot/grub2/grub.cfg"] = fallback + files["/boot/grub2/grub.cfg"]
    assert choice(files).options == "ro root=UUID=1 ro console=ttyS0 "
    files["/boot/grub2/grubenv"] = "kernelopts=root=/dev/sda1 quiet\n"
    assert choice(files).options == "ro root=/dev/sda1 quiet"


def test_bls_files_without_blscfg_do_not_count():
    files = {GRUB: "set default=0\n" + ENTRY.format(NEW), "/boot/loader/entries/z.conf": BLS.format(OLD)}
    assert choice(files).version == NEW


@pytest.mark.parametrize(("loader_conf", "version"), [("default old*\n", OLD), ("", NEW)])
def test_systemd_boot(loader_conf, version):
    entries = {
        "/efi/loader/entries/new.conf": BLS.format(NEW),
        "/efi/loader/entries/old.conf": BLS.format(OLD),
    }
    entries = {path: text + "sort-key x\n" for path, text in entries.items()}
    found = choice(entries | {"/efi/loader/loader.conf": loader_conf})
    assert found.version == version
    assert found.evidence.startswith("/efi/loader/loader.conf: ")


def test_a_unified_kernel_image():
    image = unified_image({".uname": OLD.encode(), ".cmdline": b"ro quiet", ".initrd": b"x"})
    found = choice({f"/boot/efi/EFI/Linux/linux-{OLD}.efi": image})
    assert (found.version, found.options) == (OLD, "ro quiet")
    assert found.entry.unified


def test_arch_s_copies_of_its_kernels_are_named_after_their_packages():
    files = {
        "/usr/lib/modules/6.9.1-arch1-1/vmlinuz": "MZ",
        "/usr/lib/modules/6.9.1-arch1-1/pkgbase": "linux\n",
        "/usr/lib/modules/6.6.32-1-lts/vmlinuz": "MZ",
        "/usr/lib/modules/6.6.32-1-lts/pkgbase": "linux-lts\n",
        "/boot/vmlinuz-linux": "MZ",
        "/boot/vmlinuz-linux-lts": "MZ",
        "/boot/loader/loader.conf": "default lts.conf\n",
        "/boot/loader/entries/arch.conf": "linux /vmlinuz-linux\ninitrd /initramfs-linux.img\n",
        "/boot/loader/entries/lts.conf": "linux /vmlinuz-linux-lts\noptions root=LABEL=x\n",
    }
    tree = guest_tree(files)
    found = choose_kernel(tree, find_kernels(tree))
    assert (found.version, found.options) == ("6.6.32-1-lts", "root=LABEL=x")
    assert found.evidence == "/boot/loader/loader.conf: default lts.conf (lts)"


def test_extlinux():
    found = choice({"/boot/extlinux.conf": f"DEFAULT a\nLABEL a\n LINUX vmlinuz-{OLD}\n INITRD i\n"})
    assert (found.version, found.evidence) == (OLD, "/boot/extlinux.conf: default a")


def test_a_link_as_the_kernel():
    files = {GRUB: "menuentry x {\nlinux /vmlinuz\n}\n", "/vmlinuz": Link(f"boot/vmlinuz-{OLD}")}
    assert choice(files).version == OLD


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no boot menu was found"),
        ({GRUB: Unreadable()}, "the boot menu cannot be read: bad block"),
        (
            {GRUB: "menuentry x {\nlinux /boot/memtest\n}\n"},
            "boots /boot/memtest, which is no installed kernel's",
        ),
        ({GRUB: "set default=1\n" + ENTRY.format(OLD) + "menuentry f {\nfwsetup\n}\n"}, "names no kernel"),
        (
            {"/efi/loader/loader.conf": "default @saved", "/efi/loader/entries/a.conf": "linux /a"},
            "in the firmware",
        ),
    ],
)
def test_else_the_newest_and_the_evidence_says_why(files, reason):
    found = choice(files)
    assert found.version == NEW
    assert found.evidence.startswith("the newest by version")
    assert reason in found.evidence


def test_no_kernel():
    assert choose_kernel(guest_tree({}), ()).version is None


def test_a_stub_that_only_loads_another_file_is_passed_over():
    stub = "search.fs_uuid 1 root\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"
    assert choice({"/boot/efi/EFI/debian/grub.cfg": stub}).evidence.endswith("no boot menu was found")


@pytest.mark.parametrize(
    ("files", "version", "missing"),
    [
        ({GRUB: MENU}, NEW, None),
        ({GRUB: MENU, f"/boot/vmlinuz-{NEW}": None}, NEW, f"/boot/vmlinuz-{NEW}"),
        ({GRUB: f"set default=1>1\n{MENU}", f"/boot/vmlinuz-{NEW}": None}, OLD, None),
        ({GRUB: MENU.replace(NEW, "6.1.0-7-amd64")}, NEW, "/boot/vmlinuz-6.1.0-7-amd64"),
        ({GRUB: MENU.replace("/boot/vmlinuz", "$root/vmlinuz"), f"/boot/vmlinuz-{NEW}": None}, NEW, None),
        (
            {GRUB: MENU.replace("/boot/vmlinuz", "($root)/boot/vmlinuz"), f"/boot/vmlinuz-{NEW}": None},
            NEW,
            f"($root)/boot/vmlinuz-{NEW}",
        ),
        ({GRUB: MENU.replace("/boot/vmlinuz", "/@rootfs/boot/vmlinuz")}, NEW, None),
        ({}, NEW, None),
    ],
    ids=[
        "there",
        "gone",
        "another is gone",
        "menu is old",
        "only GRUB knows",
        "behind a device",
        "subvolume",
        "no menu",
    ],
)
def test_a_kernel_that_the_menu_starts_in_vain(files, version, missing):
    there = {path: content for path, content in (KERNELS | files).items() if content is not None}
    tree = guest_tree(there)
    found = choose_kernel(tree, find_kernels(tree))
    assert (found.version, found.missing) == (version, missing)
