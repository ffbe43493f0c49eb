"""Unmodified images of vendors whose systems are of a kind of their own: they pass, each for its own reasons.

Rows of verdicts.md, "Other systems": fcos, bootc-rhel, photon5, azurelinux2, flatcar, nixos, cirros,
alpine-tiny.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support import facts
from support.layouts import FAMILIES, Guest, Link, built, write_initramfs, write_tree

from layouts.disk import Partition, ext4, fat, gpt  # isort: skip
from layouts.tree import Files  # isort: skip
from binaries import bzimage  # isort: skip
from loaders import efi_application, efi_grub  # isort: skip

from imgtool.checks.registry import judge
from imgtool.guest.inspect import inspect_disk
from imgtool.model.facts import Known
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Judgement, Outcome

FAMILY = {
    "fcos": "coreos",
    "bootc-rhel": "ostree",
    "photon5": None,
    "azurelinux2": None,
    "flatcar": "flatcar",
    "nixos": "nixos",
    "cirros": "cirros",
    "alpine-tiny": "tiny-cloud",
}
DISTRIBUTION = {
    "fcos": ("fedora", "40"),
    "bootc-rhel": ("rhel", "10.0"),
    "photon5": ("photon", "5.0"),
    "azurelinux2": ("mariner", "2.0"),
    "flatcar": ("flatcar", "3975.2.0"),
    "nixos": ("nixos", "24.05"),
    "cirros": ("buildroot", "2022.02.10"),
    "alpine-tiny": ("alpine", "3.20.0"),
}
WITHOUT = {
    "fcos": ("cloud-init-installed", "guest-agent-installed"),
    "flatcar": ("cloud-init-installed",),
    "cirros": ("cloud-init-installed", "guest-agent-installed", "secrets"),
    "alpine-tiny": ("cloud-init-installed",),
}
"""What does not apply, because the vendor does it in another way: the finding names the family."""


def looked_at(disk: Path) -> GuestFacts:
    with disk.open("rb") as file:
        return inspect_disk(file, disk.stat().st_size)


Spoil = Callable[[Guest], None]


def judged(name: str, directory: Path, spoil: Spoil | None = None) -> tuple[GuestFacts, Judgement]:
    disk = built(name, directory, spoil)
    raw = disk if disk.suffix == ".raw" else disk.with_suffix(".raw")
    guest = looked_at(raw)
    return guest, judge(Inspection(facts.image(), guest, Known(value=True, evidence="raw")))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_vendor_s_image_passes_as_it_is(name: str, tmp_path: Path) -> None:
    guest, judgement = judged(name, tmp_path)
    assert guest.linux is not None, guest.reason
    assert (guest.family.name if guest.family else None) == FAMILY[name]
    assert isinstance(guest.linux.os_distro, Known)
    assert isinstance(guest.linux.os_version, Known)
    assert (guest.linux.os_distro.value, guest.linux.os_version.value) == DISTRIBUTION[name]
    found = {one.check: one for one in judgement.findings}
    alarms = {one.check for one in judgement.findings if one.outcome not in {Outcome.PASS, Outcome.SKIPPED}}
    assert alarms == set()
    for check in WITHOUT.get(name, ()):
        assert found[check].outcome is Outcome.SKIPPED
        assert guest.family is not None
        assert found[check].message.startswith(guest.family.title)


def _without_virtio(guest: Guest) -> None:
    virtio = tuple(f"virtio_{name}" for name in ("blk", "scsi"))
    (guest.root / guest.layout.initramfs.path).unlink()
    write_initramfs(guest.root, replace(guest.layout.initramfs, left_out=virtio), guest.layout.kernel)


def _machine_id(guest: Guest) -> None:
    write_tree(guest.root, {"etc/machine-id": "0123456789abcdef0123456789abcdef\n"})


def _masked_agent(guest: Guest) -> None:
    write_tree(guest.root, {"etc/systemd/system/qemu-guest-agent.service": Link("/dev/null")})


def _no_agent(guest: Guest) -> None:
    (guest.root / "usr/bin/qemu-ga").unlink()


def _host_keys(guest: Guest) -> None:
    write_tree(guest.root, {"etc/ssh/ssh_host_ed25519_key": "made up\n"})


def _no_closure(guest: Guest) -> None:
    shutil.rmtree(next((guest.root / "nix/store").glob("*-qemu-*-ga")))


@pytest.mark.parametrize(
    ("name", "spoil", "check"),
    [
        ("fcos", _without_virtio, "virtio-initramfs"),
        ("fcos", _machine_id, "machine-id"),
        ("bootc-rhel", _without_virtio, "virtio-initramfs"),
        ("bootc-rhel", _masked_agent, "guest-agent-enabled"),
        ("bootc-rhel", _no_agent, "guest-agent-installed"),
        ("bootc-rhel", _host_keys, "ssh-host-keys"),
        ("flatcar", _no_agent, "guest-agent-installed"),
        ("nixos", _without_virtio, "virtio-initramfs"),
        ("nixos", _no_closure, "guest-agent-installed"),
        ("alpine-tiny", _without_virtio, "virtio-initramfs"),
        ("alpine-tiny", _no_agent, "guest-agent-installed"),
    ],
)
def test_one_fault_is_found(name: str, spoil: Spoil, check: str, tmp_path: Path) -> None:
    _, judgement = judged(name, tmp_path, spoil)
    assert not judgement.passed
    found = {one.check: one for one in judgement.findings}
    assert found[check].outcome is Outcome.FAIL


# ---------------------------------------------------------------- only recognised


ESP = Partition(2, 2, 8, "ef00", "EFI", fat("EFI"), "esp")
UUID = "22222222-3333-4444-8555-666666666611"
BIOS = Partition(1, 1, 1, "ef02", "BIOS")
KERNEL = bzimage()
PROGRAM = efi_grub("(,gpt3)/boot/grub")
FALLBACK = "EFI/BOOT/BOOTX64.EFI"


def _menu(kernel: str, options: str) -> str:
    return f"set timeout=3\nset default=0\nmenuentry 'A' {{\n  linux {kernel} {options}\n}}\n"


@dataclass(frozen=True)
class OnlyNamed:
    """A disk whose system is not read."""

    assemble: Callable[[Path, Path], None]
    boot: Files
    esp: Files


ONLY_NAMED = {
    "talos": OnlyNamed(
        gpt(
            BIOS,
            ESP,
            Partition(3, 10, 24, "8300", "BOOT", ext4(UUID, "BOOT"), "boot"),
            Partition(4, 34, 1, "8300", "META"),
            Partition(5, 35, 8, "8300", "STATE"),
            prefix="(,gpt3)/boot/grub",
        ),
        {
            "A/vmlinuz": KERNEL,
            "A/initramfs.xz": "made up\n",
            "boot/grub/grub.cfg": _menu("/A/vmlinuz", "talos.platform=openstack"),
        },
        {FALLBACK: PROGRAM},
    ),
    "ubuntu-core": OnlyNamed(
        gpt(
            Partition(2, 2, 8, "ef00", "ubuntu-seed", fat("ubuntu-seed"), "esp"),
            Partition(3, 10, 24, "8300", "ubuntu-boot", ext4(UUID, "ubuntu-boot"), "boot"),
        ),
        {"EFI/ubuntu/grub.cfg": "", "device/fde": "made up\n"},
        {
            FALLBACK: efi_grub("/EFI/ubuntu"),
            "EFI/ubuntu/grub.cfg": _menu("/kernel.efi", "snapd_recovery_mode=run"),
            "kernel.efi": KERNEL,
        },
    ),
    "vyos": OnlyNamed(
        gpt(
            BIOS,
            ESP,
            Partition(3, 10, 24, "8300", "", ext4(UUID, "persistence"), "boot"),
            prefix="(,gpt3)/boot/grub",
        ),
        {
            "boot/1.4.0/1.4.0.squashfs": b"hsqs",
            "boot/1.4.0/vmlinuz": KERNEL,
            "boot/grub/grub.cfg": _menu("/boot/1.4.0/vmlinuz", "boot=live vyos-union=/boot/1.4.0"),
            "boot/grub/grub.cfg.d/20-vyos-defaults-autoload.cfg": "",
            "persistence.conf": "/ union\n",
        },
        {FALLBACK: PROGRAM},
    ),
    "freebsd": OnlyNamed(
        gpt(ESP, Partition(3, 10, 8, "freebsd-ufs", "rootfs")),
        {},
        {FALLBACK: efi_application({".text": b"FreeBSD/amd64 EFI loader"})},
    ),
}


@pytest.mark.parametrize("name", ONLY_NAMED)
def test_a_family_that_is_only_recognised_is_named_once_and_passes(name: str, tmp_path: Path) -> None:
    """Rows talos, ubuntu-core24 and vyos: 22 failures each, once."""
    disk = ONLY_NAMED[name]
    write_tree(tmp_path / "boot", disk.boot)
    write_tree(tmp_path / "esp", disk.esp)
    disk.assemble(tmp_path / "disk.raw", tmp_path)
    guest = looked_at(tmp_path / "disk.raw")
    assert guest.family is not None
    assert (guest.family.name, guest.linux) == (name, None)
    judgement = judge(Inspection(facts.image(), guest, Known(value=True, evidence="raw")))
    assert judgement.passed
    doubts = [one for one in judgement.findings if one.outcome not in {Outcome.PASS, Outcome.SKIPPED}]
    assert [one.check for one in doubts] == ["system-family"]
    assert guest.family.title in doubts[0].message
