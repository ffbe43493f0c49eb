"""GRUB legacy's menu."""

import pytest
from support.boot_disks import device, layout
from support.kernel_images import bzimage

from imgtool.guest.bootloader.loaders import run_loader
from imgtool.guest.bootloader.run import LoaderRun
from imgtool.guest.bootloader.start import Start

FILES = {"vmlinuz": bzimage("2.6.32"), "initrd.img": "i", "old": bzimage("2.6.9")}
GOOD = "title Good\n\troot (hd0,0)\n\tkernel /vmlinuz ro root=/dev/vda2 mark=good\n\tinitrd /initrd.img\n"
OLD = "title Old\nkernel (hd0,0)/old mark=old\n"
GONE = "title Gone\nroot (hd0,0)\nkernel /gone mark=gone\n"


def run(menu: str, **more: str) -> LoaderRun:
    boot = device(1, "linux", "ext4", {**FILES, "grub/menu.lst": menu, **more})
    devices = [boot, device(2, "linux", "ext4", {"etc/fstab": ""})]
    start = Start("bios", "grub-legacy", "GRUB legacy in the first sector")
    return run_loader(start, devices, layout(devices, "mbr"))


def mark(found: LoaderRun) -> str:
    if found.end != "entry" or found.booted is None:
        return found.end
    return found.booted.entry.options.partition("mark=")[2]


@pytest.mark.parametrize(
    ("menu", "expected"),
    [
        (f"default 0\ntimeout 5\n{GOOD}{OLD}", "good"),
        (f"default=1\ntimeout=5\n{GOOD}{OLD}", "old"),
        (f"default 7\ntimeout 5\n{GOOD}{OLD}", "good"),
        (f"timeout 0\n{OLD}{GOOD}", "old"),
        (f"default 0\n{GOOD}", "menu"),
        (f"# default 1\ntimeout 1\nhiddenmenu\n{GOOD}{OLD}", "good"),
        (f"timeout 1\n{GONE}{GOOD}", "error"),
        (f"timeout 1\nfallback 1\n{GONE}{GOOD}", "good"),
        (f"timeout 1\n{GOOD.replace('/initrd.img', '/gone')}", "error"),
        (f"timeout 1\n{GOOD.replace('(hd0,0)', '(hd1,0)')}", "error"),
        (f"timeout 1\n{GOOD.replace('(hd0,0)', '(hd0,1)')}", "error"),
        ("timeout 1\n", "prompt"),
        ("timeout 1\ntitle W\nrootnoverify (hd0,0)\nchainloader +1\n", "unknown"),
        (f"timeout 1\ntitle M\nconfigfile (hd0,0)/other\n{GOOD}", "unknown"),
        (f"timeout 1\n{GOOD}savedefault\nboot\n", "good"),
        (f"timeout 1\n{GOOD}nosuch x\n", "error"),
        (f"timeout 1\nnosuch x\n{GOOD}", "good"),
        (f"timeout 1\nfallback 1\n{GOOD}nosuch\n{OLD}", "old"),
        (f"timeout 1\n{GOOD}pause Press a key\n", "error"),
        (f"timeout 1\n{GOOD}lock\n", "good"),
        (f"timeout 1\npassword --md5 $1$x\n{GOOD}lock\n", "error"),
        (f"timeout 1\npassword secret\n{GOOD}", "good"),
        (f"timeout 1\ntitle R\nreboot\n{GOOD}", "error"),
        (f"timeout 1\nserial --unit=0\nterminal serial console\n{GOOD}", "prompt"),
        (f"timeout 1\nserial --unit=0\nterminal --timeout=5 serial console\n{GOOD}", "good"),
        (f"timeout 1\nterminal console\n{GOOD}", "good"),
        (f"timeout 1\ndefault saved\n{GOOD}{OLD}", "old"),
    ],
)
def test_menus(menu: str, expected: str) -> None:
    found = run(menu, **{"grub/default": "1\n#\n"})
    assert mark(found) == expected, found.reason


def test_what_it_loads() -> None:
    found = run(f"default 0\ntimeout 5\n{GOOD}{OLD}")
    assert (found.seconds, found.reason) == (5.0, "Good (default 0)")
    assert found.booted is not None
    assert str(found.booted.kernel) == "/vmlinuz on partition 1"
    assert [str(file) for file in found.booted.initrds] == ["/initrd.img on partition 1"]
    assert [entry.title for entry in found.entries] == ["Good", "Old"]


def test_two_menus_are_unknown() -> None:
    devices = [device(n, "linux", "ext4", {"boot/grub/menu.lst": GOOD}) for n in (1, 2)]
    start = Start("bios", "grub-legacy", "GRUB legacy in the first sector")
    assert run_loader(start, devices, layout(devices, "mbr")).end == "unknown"
    assert run_loader(start, [], layout([], "mbr")).end == "unknown"


def test_loaders_that_are_not_followed_are_named() -> None:
    found = run_loader(
        Start("uefi", "other", "rEFInd in EFI/BOOT/BOOTX64.EFI on partition 1"), [], layout([])
    )
    assert found.end == "unknown"
    assert "rEFInd" in found.reason


def test_what_windows_starts_is_judged_elsewhere() -> None:
    found = run_loader(Start("uefi", "windows", "EFI/BOOT/BOOTX64.EFI on partition 1"), [], layout([]))
    assert (found.end, found.seconds, found.booted) == ("entry", 0, None)
