"""Images that people upload, as they are published: they pass, or lack what their own documentation says.

Rows of verdicts.md, "Other systems": gentoo-openrc, oracle9-uek, rocky10, amzn2023-kvm, amzn2023-ami,
microos, void, s6-artix, dps-nofstab. One or two faults of each family fail by their own check.
"""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import facts
from support.layouts import COMMON, Guest, Link, built, cdb, partuuid, write_initramfs, write_tree

from imgtool.checks.registry import judge
from imgtool.guest.inspect import inspect_disk
from imgtool.model.facts import Known
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Judgement, Outcome

NO_AGENT = "guest-agent-installed"
NO_CLOUD_INIT = "cloud-init-installed"
LACKS: dict[str, tuple[set[str], str]] = {
    "amzn2023-ami": ({"cloud-init-datasource"}, "an AMI's cloud.cfg knows the metadata of EC2 alone"),
    "debian-12": ({NO_AGENT}, "debian-cloud-images: no class of its packages has the agent"),
    "kali": ({NO_AGENT}, "made by the same tool"),
    "ubuntu-20.04": ({NO_AGENT}, "Ubuntu's server seed and the manifest of its cloud images do not have it"),
    "ubuntu-22.04": ({NO_AGENT}, "as 20.04"),
    "ubuntu-22.04-minimal": ({NO_AGENT}, "as 20.04"),
    "openeuler-22.03": (
        {NO_AGENT, NO_CLOUD_INIT, "secrets"},
        "its guide names the password of root that it comes with; neither package is in the image",
    ),
    "void": ({NO_CLOUD_INIT}, "Void packages no service of cloud-init for runit"),
    "dinit-artix": ({NO_CLOUD_INIT}, "as s6-artix"),
    "s6-artix": ({NO_CLOUD_INIT}, "Artix has no image for clouds: an operator's own"),
}
"""What the image is found to lack, and why that is right."""

KERNELS = {
    "oracle9-uek": "5.15.0-206.153.7.1.el9uek.x86_64",
    "oracle8": "5.15.0-206.153.7.1.el8uek.x86_64",
    "ubuntu-22.04-minimal": "5.15.0-1060-kvm",
    "dps-nofstab": "6.12.9-200.fc41.x86_64",
    "microos": "6.9.7-1-default",
}
UEFI_ONLY = {"arch-systemd-boot", "dps-nofstab", "microos", "openeuler-22.03", "tumbleweed"}
BIOS_ONLY = {"amzn2", "centos-7", "dinit-artix", "s6-artix", "void"}

Spoil = Callable[[Guest], None]


def judged_disk(disk: Path) -> tuple[GuestFacts, Judgement]:
    with disk.open("rb") as file:
        guest = inspect_disk(file, disk.stat().st_size)
    return guest, judge(Inspection(facts.image(), guest, Known(value=True, evidence="raw")))


def judged(name: str, directory: Path, spoil: Spoil | None = None) -> tuple[GuestFacts, Judgement]:
    return judged_disk(built(name, directory, spoil))


@pytest.mark.parametrize("name", COMMON)
def test_an_image_as_it_is_published(name: str, tmp_path: Path) -> None:
    guest, judgement = judged(name, tmp_path)
    assert guest.linux is not None, guest.reason
    alarms = {one.check for one in judgement.findings if one.outcome not in {Outcome.PASS, Outcome.SKIPPED}}
    assert alarms == LACKS.get(name, (set(), ""))[0]
    ways = {path.firmware: path for path in guest.boot_paths}
    assert ways["uefi"].starts_a_kernel is (name not in BIOS_ONLY)
    assert ways["bios"].starts_a_kernel is (name not in UEFI_ONLY)
    if name in KERNELS:
        assert isinstance(guest.linux.kernels, Known)
        assert [one.version for one in guest.linux.kernels.value if one.default] == [KERNELS[name]]


def test_every_image_says_where_its_layout_was_read() -> None:
    assert all(layout.source and "\n" not in layout.source for layout in COMMON.values())
    assert set(LACKS) <= set(COMMON)


# ---------------------------------------------------------------- spoilt


def _rewritten(guest: Guest, path: str, old: str, new: str) -> None:
    file = guest.root / path if (guest.root / path).is_file() else guest.esp / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def _without_virtio(guest: Guest) -> None:
    (guest.root / guest.layout.initramfs.path).unlink()
    spoilt = replace(guest.layout.initramfs, left_out=("virtio_blk", "virtio_scsi"))
    write_initramfs(guest.root, spoilt, guest.layout.kernel)


NAMES = ("root=UUID=", "root=PARTUUID=", "root=LABEL=", "root=/dev/")


def _without_root(path: str) -> Spoil:
    def spoil(guest: Guest) -> None:
        file = guest.root / path
        words = file.read_text().split(" ")
        file.write_text(" ".join(word for word in words if not word.startswith(NAMES)))

    return spoil


def _bls(guest: Guest) -> None:
    for entry in (guest.root / "boot/loader/entries").iterdir():
        _without_root(f"boot/loader/entries/{entry.name}")(guest)


def _masked(guest: Guest) -> None:
    write_tree(guest.root, {"etc/systemd/system/qemu-guest-agent.service": Link("/dev/null")})


def _removed(*paths: str) -> Spoil:
    def spoil(guest: Guest) -> None:
        for path in paths:
            (guest.root / path).unlink()

    return spoil


def _changed(path: str, old: str, new: str) -> Spoil:
    return lambda guest: _rewritten(guest, path, old, new)


def _added(path: str, content: str | bytes) -> Spoil:
    return lambda guest: write_tree(guest.root, {path: content})


def _not_executable(path: str) -> Spoil:
    return lambda guest: (guest.root / path).chmod(0o644)


S6 = "etc/s6/rc/compiled/resolve.cdb"
S6_WITHOUT = cdb({"sshd-srv": [0], "qemu-guest-agent-srv": [1], "qemu-guest-agent": [1], "default": [0]})


def _s6_without(guest: Guest) -> None:
    (guest.root / "etc/s6/adminsv/default/contents.d/qemu-guest-agent").unlink()
    write_tree(guest.root, {S6: S6_WITHOUT})


def _disabled(guest: Guest) -> None:
    link = guest.root / "etc/rc2.d/S01qemu-guest-agent"
    link.rename(link.with_name("K01qemu-guest-agent"))


PORT = "/dev/virtio-ports/org.qemu.guest_agent.0"
RUNIT = "etc/runit/runsvdir/default/qemu-ga"
OPENRC = "etc/runlevels/default/qemu-guest-agent"
ENABLED, CHANNEL = "guest-agent-enabled", "guest-agent-channel"

FAULTS: list[tuple[str, str, Spoil, str]] = [
    ("gentoo-openrc", "not in a runlevel", _removed(OPENRC), ENABLED),
    ("gentoo-openrc", "script not executable", _not_executable("etc/init.d/qemu-guest-agent"), ENABLED),
    ("gentoo-openrc", "root gone", _without_root("boot/grub/grub.cfg"), "root-resolves"),
    ("gentoo-openrc", "no virtio", _without_virtio, "virtio-initramfs"),
    ("gentoo-openrc", "another port", _added(
        "etc/conf.d/qemu-guest-agent", 'GA_METHOD="isa-serial"\nGA_PATH="/dev/ttyS1"\n'), CHANNEL),
    ("void", "not linked", _removed(RUNIT), ENABLED),
    ("void", "down", _added("etc/sv/qemu-ga/down", ""), ENABLED),
    ("void", "another runlevel", _changed("boot/grub/grub.cfg", "loglevel=4", "single"), ENABLED),
    ("void", "another port", _changed(
        "etc/sv/qemu-ga/run", "virtio-serial", "isa-serial -p /dev/ttyS1"), CHANNEL),
    ("void", "conf", _added("etc/sv/qemu-ga/conf", 'OPTS="-p /dev/ttyS1 -m isa-serial"\n'), CHANNEL),
    ("void", "no virtio", _without_virtio, "virtio-initramfs"),
    ("s6-artix", "no program", _removed("usr/bin/qemu-ga"), NO_AGENT),
    ("s6-artix", "listed, and s6-db-reload has not run", _added(S6, S6_WITHOUT), ENABLED),
    ("s6-artix", "compiled, but in no bundle", _s6_without, ENABLED),
    ("s6-artix", "root gone", _without_root("boot/grub/grub.cfg"), "root-resolves"),
    ("dinit-artix", "not in boot.d", _removed("etc/dinit.d/boot.d/qemu-guest-agent"), ENABLED),
    ("dinit-artix", "another port", _changed(
        "etc/dinit.d/qemu-guest-agent", f"virtio-serial -p {PORT}", "isa-serial -p /dev/ttyS1"), CHANNEL),
    ("devuan-5", "disabled by update-rc.d", _disabled, ENABLED),
    ("devuan-5", "another port", _added(
        "etc/default/qemu-guest-agent", 'TRANSPORT="isa-serial:/dev/ttyS1"\n'), CHANNEL),
    ("devuan-5", "no virtio", _without_virtio, "virtio-initramfs"),
    ("oracle9-uek", "masked", _masked, ENABLED),
    ("oracle9-uek", "no virtio", _without_virtio, "virtio-initramfs"),
    ("oracle9-uek", "the other kernel is saved", _changed(
        "boot/grub2/grubenv", "5.15.0-206.153.7.1.el9uek", "5.14.0-427.13.1.el9_4"), "virtio-initramfs"),
    ("oracle8", "kernelopts without root=", _changed(
        "boot/grub2/grub.cfg", "root=/dev/mapper/vg_main-lv_root ", ""), "root-resolves"),
    ("oracle8", "another volume", _changed("boot/grub2/grub.cfg", "vg_main/lv_root", "vg_main/lv_gone"),
     "root-resolves"),
    ("centos-7", "root gone", _without_root("boot/grub2/grub.cfg"), "root-resolves"),
    ("centos-7", "masked", _masked, ENABLED),
    ("rocky8-lvm", "no virtio", _without_virtio, "virtio-initramfs"),
    ("rocky10", "root gone", _bls, "root-resolves"),
    ("rocky10", "masked", _masked, ENABLED),
    ("centos-stream-9", "root gone", _bls, "root-resolves"),
    ("almalinux-8", "no virtio", _without_virtio, "virtio-initramfs"),
    ("amzn2023-kvm", "no virtio", _without_virtio, "virtio-initramfs"),
    ("amzn2023-kvm", "masked", _masked, ENABLED),
    ("amzn2", "root gone", _without_root("boot/grub2/grub.cfg"), "root-resolves"),
    ("arch-systemd-boot", "no virtio", _without_virtio, "virtio-initramfs"),
    ("dps-nofstab", "no virtio", _without_virtio, "virtio-initramfs"),
    ("dps-nofstab", "masked", _masked, ENABLED),
    ("debian-12", "root gone", _without_root("boot/grub/grub.cfg"), "root-resolves"),
    ("debian-12", "no virtio", _without_virtio, "virtio-initramfs"),
    ("kali", "waits", _changed("boot/grub/grub.cfg", "set timeout=5", "set timeout=-1"), "boot-loader"),
    ("ubuntu-22.04", "waits after a failure", _changed(
        "boot/grub/grub.cfg", "set timeout=30", "set timeout=5"), ""),
    ("ubuntu-22.04-minimal", "by label, without an initramfs", _changed(
        "boot/grub/grub.cfg", f"root=PARTUUID={partuuid(1)}", "root=LABEL=cloudimg-rootfs"), "root-resolves"),
    ("sles-15.6", "masked", _masked, ENABLED),
    ("sles-15.6", "root gone", _without_root("boot/grub2/grub.cfg"), "root-resolves"),
    ("openeuler-22.03", "no virtio", _without_virtio, "virtio-initramfs"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "spoil", "check"),
    [pytest.param(name, spoil, check, id=f"{name}: {what}") for name, what, spoil, check in FAULTS],
)
def test_one_fault_is_found(name: str, spoil: Spoil, check: str, tmp_path: Path) -> None:
    _, judgement = judged(name, tmp_path, spoil)
    failed = {one.check for one in judgement.findings if one.outcome is Outcome.FAIL}
    assert failed - LACKS.get(name, (set(), ""))[0] == ({check} if check else set())


# ---------------------------------------------------------------- on the ESP of what takes root to make


def _esp_edit(disk: Path, path: str, old: str, new: str) -> None:
    """Changes a text on the FAT of partition 1, which starts at 1 MiB."""
    volume = f"{disk}@@1M"
    text = subprocess.run(
        ["mtype", "-i", volume, f"::{path}"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    assert old in text
    file = disk.with_suffix(".text")
    file.write_text(text.replace(old, new))
    subprocess.run(["mcopy", "-o", "-i", volume, file, f"::{path}"], check=True)


@pytest.mark.parametrize(
    ("name", "old", "new", "check"),
    [
        ("microos", "root=UUID=22222222-3333-4444-8555-666666666601 ", "", ""),
        ("microos", "snapshots/1/", "snapshots/2/", "root-resolves"),
        ("microos", "linux-dceb", "linux-gone", "boot-loader"),
        ("tumbleweed", "6601 ", "6602 ", "root-resolves"),
        ("tumbleweed", "subvol=@/", "subvol=@/x/", "root-resolves"),
        ("tumbleweed", "initrd-dceb", "initrd-gone", "boot-loader"),
        ("tumbleweed", "console=tty0 ", "systemd.mask=qemu-guest-agent.service ", ENABLED),
    ],
)
def test_an_entry_on_the_esp(name: str, old: str, new: str, check: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    subprocess.run(["cp", "--sparse=always", built(name, tmp_path), disk], check=True)
    entry = {
        "microos": "opensuse-microos-6.9.7-1-default-1.conf",
        "tumbleweed": "system-opensuse-tumbleweed-6.9.7-1-default-1.conf",
    }[name]
    _esp_edit(disk, f"/loader/entries/{entry}", old, new)
    _, judgement = judged_disk(disk)
    failed = {one.check for one in judgement.findings if one.outcome is Outcome.FAIL}
    assert check in failed if check else judgement.passed
