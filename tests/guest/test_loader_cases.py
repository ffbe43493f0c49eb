"""Cases of systemd-boot, unified images and extlinux on whole disks, judged by all checks.

Named as in verdicts.md. What boots in truth was seen there with Debian's systemd-boot 252 and extlinux 6.04
under QEMU; here `bad` has an initramfs without any module of virtio.
"""

import io
from pathlib import Path

import pytest
from support import facts
from support.boot_disks import FALLBACK
from support.firmware_disks import fat
from support.layouts import Guest, built, write_tree

from disks import empty_disk, place, run  # isort: skip
from guest_tree import KERNEL, cpio, write_guest  # isort: skip
from loaders import efi_application, efi_systemd_boot  # isort: skip

from imgtool.checks.registry import judge
from imgtool.guest.inspect import inspect_disk
from imgtool.model.facts import Known
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Outcome

MIB = 1 << 20
ESP_AT, ESP_SIZE, ROOT_AT = 1, 16, 18
ROOT = "22222222-2222-4333-8444-555555555500"
OPTIONS = f"root=UUID={ROOT} ro console=ttyS0"
OSREL = b'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\n'
Files = dict[str, bytes]
GRUB = (
    "set timeout=5\nmenuentry x {\n linux /boot/vmlinuz-"
    + KERNEL
    + " root=UUID=%s\n initrd /boot/i-"
    + KERNEL
    + "\n}\n"
)


class Disk:
    """A Debian whose kernels are on its ESP, without that ESP."""

    def __init__(self, work: Path) -> None:
        root = work / "root"
        write_guest(root, "", "")
        boot = {path.name: path.read_bytes() for path in (root / "boot").iterdir() if path.is_file()}
        for path in (root / "boot").iterdir():
            if path.is_file():
                path.unlink()
        (work / "empty").mkdir()
        self.kernel = boot[f"vmlinuz-{KERNEL}"]
        self.initrds = {"good": boot[f"initrd.img-{KERNEL}"], "bad": cpio(work / "empty")}
        self._disk = work / "disk"
        empty_disk(self._disk, 60 * MIB)
        rows = [(1, ESP_AT, ESP_SIZE, "ef00"), (2, ROOT_AT, 40, "8304")]
        new = [f"--new={number}:{start}M:+{size}M" for number, start, size, _ in rows]
        run("sgdisk", "--clear", *new, *(f"--typecode={n}:{code}" for n, _, _, code in rows), self._disk)
        run("mkfs.ext4", "-q", "-F", "-U", ROOT, "-L", "root", "-d", root, work / "volume", "40M")
        place(self._disk, work / "volume", ROOT_AT * MIB)

    def with_esp(self, files: Files) -> bytes:
        content = bytearray(self._disk.read_bytes())
        esp = fat({FALLBACK: efi_systemd_boot(), **files}, ESP_SIZE * MIB, "-F", "16")
        content[ESP_AT * MIB : ESP_AT * MIB + len(esp)] = esp
        return bytes(content)

    def entry(self, name: str, more: str = "", file: str = "") -> Files:
        kind = name.partition("-")[0]
        text = f"title {name}\nlinux /{name}/linux\ninitrd /{name}/initrd\noptions {OPTIONS}\n{more}\n"
        return {
            f"loader/entries/{file or name}.conf": text.encode(),
            f"{name}/linux": self.kernel,
            f"{name}/initrd": self.initrds[kind],
        }

    def unified(self, kind: str, path: str = "EFI/Linux/debian.efi") -> Files:
        sections = {
            ".text": b"stub",
            ".osrel": OSREL,
            ".cmdline": OPTIONS.encode(),
            ".uname": KERNEL.encode(),
            ".linux": self.kernel,
            ".initrd": self.initrds[kind],
            ".sdmagic": b"#### LoaderInfo: systemd-stub 252 ####\0",
        }
        return {path: efi_application(sections)}


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return Disk(tmp_path_factory.mktemp("debian"))


FIRST, LAST = "sort-key aaa\nversion 1", "sort-key zzz\nversion 9"
CASES = {
    "type1": lambda d: (d.entry("good"), True),
    "sortkey": lambda d: (d.entry("good", FIRST) | d.entry("bad", LAST), True),
    "sortkey-bad": lambda d: (d.entry("bad", FIRST) | d.entry("good", LAST), False),
    "uki": lambda d: (d.unified("good"), True),
    "uki-vs-type1-bad": lambda d: (d.entry("bad") | d.unified("good"), True),
    "uki-vs-type1-good": lambda d: (d.entry("good") | d.unified("bad"), False),
    "stale-grub-bad": lambda d: (d.entry("good") | {"EFI/debian/grub.cfg": (GRUB % "gone").encode()}, True),
    "stale-grub-good": lambda d: (d.entry("bad") | {"EFI/debian/grub.cfg": (GRUB % ROOT).encode()}, False),
    "uki-direct": lambda d: (d.unified("good", FALLBACK), True),
    "uki-direct-bad": lambda d: (d.unified("bad", FALLBACK) | d.entry("good"), False),
    "tries-exhausted": lambda d: (d.entry("good") | d.entry("bad", file="zbad+0-3"), True),
    "no-entry": lambda d: ({}, False),
    "menu-force": lambda d: (d.entry("good") | {"loader/loader.conf": b"timeout menu-force\n"}, False),
    "default-bad": lambda d: (
        d.entry("good") | d.entry("bad") | {"loader/loader.conf": b"default bad.conf\n"},
        False,
    ),
    "initrd-gone": lambda d: (
        {name: content for name, content in d.entry("good").items() if "initrd" not in name},
        False,
    ),
}


def looked_at(content: bytes) -> tuple[GuestFacts, set[str]]:
    """The facts, and which checks of the boot do not pass."""
    guest = inspect_disk(io.BytesIO(content), len(content))
    findings = judge(Inspection(facts.image(), guest, Known(value=True, evidence="raw"))).findings
    wrong = {one.check for one in findings if one.outcome in {Outcome.FAIL, Outcome.UNKNOWN}}
    return guest, wrong & {
        "boot-loader",
        "virtio-kernel",
        "virtio-initramfs",
        "initramfs-intact",
        "root-resolves",
    }


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_systemd_boot(case, debian: Disk) -> None:
    files, is_good = case(debian)
    guest, wrong = looked_at(debian.with_esp(files))
    assert (not wrong) is is_good, (wrong, guest.boot_path)


LABEL = "LABEL l0\n LINUX {0}vmlinuz-virt\n INITRD {0}initramfs-virt\n APPEND root=LABEL=/ console=ttyS0\n"
TABS = LABEL.format("/boot/").replace("LINUX", "kernel").replace(" ", "\t").replace("/\tconsole", "/ console")
EXTLINUX = {
    "ext-tabs": (
        f"default\tl0\n{TABS.lower().replace('label=/', 'LABEL=/').replace('ttys0', 'ttyS0')}",
        True,
    ),
    "ext-relative": (f"DEFAULT l0\n{LABEL.format('')}", True),
    "ext-dotdot": (f"DEFAULT l0\n{LABEL.format('../boot/')}", True),
    "ext-include": ("DEFAULT l0\nTIMEOUT 1\nINCLUDE linux.cfg\n", True),
    "ext-direct": (
        "DEFAULT /boot/vmlinuz-virt initrd=/boot/initramfs-virt root=LABEL=/ ro console=ttyS0\nPROMPT 0\n",
        True,
    ),
    "ext-prompt": (f"PROMPT 1\nDEFAULT l0\n{LABEL.format('')}", False),
    "ext-menu-waits": (f"UI menu.c32\nDEFAULT l0\n{LABEL.format('')}", False),
    "ext-gone": (f"DEFAULT l0\n{LABEL.format('/')}", False),
    "ext-bad": (f"DEFAULT l0\n{LABEL.format('').replace('initramfs-virt', 'bad')}", False),
}


@pytest.mark.parametrize(("config", "is_good"), EXTLINUX.values(), ids=EXTLINUX)
def test_extlinux(config: str, is_good: bool, tmp_path: Path) -> None:
    def spoil(guest: Guest) -> None:
        (tmp_path / "empty").mkdir()
        (guest.root / "boot/bad").write_bytes(cpio(tmp_path / "empty"))
        write_tree(guest.root, {"boot/extlinux.conf": config, "boot/linux.cfg": LABEL.format("/boot/")})

    built("alpine-3.20", tmp_path, spoil)
    guest, wrong = looked_at((tmp_path / "alpine-3.20.raw").read_bytes())
    assert (not wrong) is is_good, (wrong, guest.boot_path)
