"""Real Debian images: good ones pass, each spoiled one fails by what was spoiled, and only by it."""

import json
from pathlib import Path
from typing import Any

import pytest
from support import spoilt_copies as spoilt
from support.cli import imgtool

KERNEL = "/boot/initrd.img-6.1.0-"


def check(image: Path) -> tuple[int, dict[str, Any]]:
    run = imgtool("check", image, "--output", "json")
    (result,) = json.loads(run.stdout)["results"]
    return run.returncode, result


def not_passed(result: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {one["check"]: one for one in result["findings"] if one["outcome"] not in {"pass", "skipped"}}


GOOD = [
    "debian_image",
    "debian_lvm",
    "debian_trixie",
    pytest.param("debian_generic", marks=pytest.mark.series(0)),  # to install one more system takes minutes
]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_image_passes_without_a_warning(name: str, request: pytest.FixtureRequest) -> None:
    status, result = check(request.getfixturevalue(name))
    assert not_passed(result) == {}
    assert status == 0


@pytest.mark.parametrize(("name", "program"), [("debian_btrfs", "btrfs"), ("debian_xfs", "xfs_growfs")])
def test_a_root_does_not_grow_without_the_program_for_that(
    name: str, program: str, request: pytest.FixtureRequest
) -> None:
    """cloud-init calls it, and the image has neither btrfs-progs nor xfsprogs."""
    status, result = check(request.getfixturevalue(name))
    found = not_passed(result)
    assert found.keys() == {"root-grows"}
    assert f"no {program}" in found["root-grows"]["evidence"]
    assert status == 0


def test_an_initramfs_for_one_machine_is_called_so(debian_initramfs_host_only: Path) -> None:
    """Whether it reaches a virtio disk depends on the machine that the tests run on, as do the mount options
    of that machine's root, which dracut writes into it."""
    _, result = check(debian_initramfs_host_only)
    found = not_passed(result)
    assert found["initramfs-generic"]["outcome"] == "fail"
    assert found["initramfs-generic"]["severity"] == "warning"
    assert "dracut --force --no-hostonly" in found["initramfs-generic"]["remedy"]
    assert found.keys() <= {"initramfs-generic", "virtio-initramfs", "root-resolves"}


def test_an_initramfs_for_a_root_on_a_loop_device_does_not_reach_a_virtio_disk(
    debian_initramfs_dep: Path,
) -> None:
    status, result = check(debian_initramfs_dep)
    found = not_passed(result)
    assert found.keys() == {"virtio-initramfs", "initramfs-generic"}
    assert {one["outcome"] for one in found.values()} == {"fail"}
    assert "no virtio_blk (nor virtio_scsi with sd_mod)" in found["virtio-initramfs"]["message"]
    assert KERNEL in found["virtio-initramfs"]["evidence"]
    assert "initramfs-tools in host-only mode" in found["initramfs-generic"]["evidence"]
    assert "MODULES=most" in found["initramfs-generic"]["remedy"]
    assert status == 1


SPOILED = [
    ("debian_agent_masked", "guest-agent-enabled", "/etc/systemd/system/qemu-guest-agent.service", "unmask"),
    ("debian_no_agent", "guest-agent-installed", "/usr/sbin/qemu-ga", "--install qemu-guest-agent"),
    ("debian_initramfs_without_virtio", "virtio-initramfs", KERNEL, "/etc/initramfs-tools/modules"),
    ("debian_initramfs_truncated", "initramfs-intact", KERNEL, "update-initramfs"),
    ("debian_host_keys", "ssh-host-keys", "/etc/ssh/ssh_host_", "rm /etc/ssh/ssh_host_*_key*"),
]


@pytest.mark.parametrize(("name", "failing", "evidence", "remedy"), SPOILED)
def test_a_spoiled_image_fails_by_what_was_spoiled(
    name: str, failing: str, evidence: str, remedy: str, request: pytest.FixtureRequest
) -> None:
    status, result = check(request.getfixturevalue(name))
    found = not_passed(result)
    assert status == 1
    assert found[failing]["outcome"] == "fail"
    assert evidence in found[failing]["evidence"]
    assert remedy in found[failing]["remedy"]
    errors = {check for check, finding in found.items() if finding["severity"] == "error"}
    assert errors - {"virtio-initramfs"} == {failing} - {"virtio-initramfs"}


RULES = "/etc/udev/rules.d/70-persistent-net.rules"
PINNED = 'SUBSYSTEM=="net", ATTR{address}=="52:54:00:12:34:56", NAME="eth0"\n'
SHADOW = "root:$6$made$up:19000:0:99999:7:::\n"
ESP_BY_BUS = spoilt.change_file("/etc/fstab", "/boot/efi", "/boot/efi vfat defaults 0 0\n/dev/sda1 /srv")
COPIES = [
    ("root-resolves", spoilt.another_uuid, "/etc/fstab: UUID=", "UUID=11111111-2222-4333-8444-555555555555"),
    ("fstab-stable", ESP_BY_BUS, "/etc/fstab: /dev/sda1 on /srv", "/etc/fstab`"),
    ("uefi-fallback", spoilt.vendor_s_loader_only, "EFI/debian/GRUBX64.EFI on partition 1", "--removable"),
    ("mac-unpinned", spoilt.write_file(RULES, PINNED), f"{RULES}: {PINNED.strip()}", f"rm {RULES}"),
    (
        "secrets",
        spoilt.write_file("/etc/shadow", SHADOW),
        "password hash of root",
        "usermod --password '*' root",
    ),
    (
        "serial-console",
        spoilt.change_file("/boot/grub/grub.cfg", " console=ttyS0,115200", ""),
        "/boot/grub/grub.cfg on partition 2: console=tty0",
        "console=ttyS0,115200",
    ),
    (
        "root-grows",
        spoilt.partition_behind_the_root,
        "partition 3 stands behind partition 2",
        "sfdisk --delete",
    ),
    ("cloud-init-clean", spoilt.ran_once, "/var/lib/cloud/instance", "cloud-init clean"),
    ("filesystem-clean", spoilt.in_use, "partition 2 (ext4): superblock: needs_recovery", "e2fsck -fy"),
]
ALSO = {"root-resolves": {"boot-loader"}, "uefi-fallback": {"boot-firmware"}}
"""GRUB looks for that UUID too; and nothing but UEFI starts this image."""
WARNINGS = {"secrets", "serial-console", "root-grows", "cloud-init-clean", "filesystem-clean"}


@pytest.mark.parametrize(("failing", "spoil", "evidence", "remedy"), COPIES, ids=[row[0] for row in COPIES])
def test_a_copy_fails_by_what_was_done_to_it_and_by_nothing_else(
    failing: str, spoil: spoilt.Spoil, evidence: str, remedy: str, a_copy: Path
) -> None:
    spoil(a_copy)
    status, result = check(a_copy)
    found = not_passed(result)
    assert set(found) - ALSO.get(failing, set()) == {failing}
    assert found[failing]["outcome"] == "fail"
    assert evidence in found[failing]["evidence"]
    assert remedy in found[failing]["remedy"]
    assert status == (0 if failing in WARNINGS else 1)


@pytest.mark.parametrize("compression", ["none", "zlib", "zstd"])
def test_a_qcow2_gets_the_verdict_of_its_raw(compression: str, debian_image: Path, tmp_path: Path) -> None:
    qcow2 = tmp_path / "image.qcow2"
    assert imgtool("convert", "-c", compression, debian_image, qcow2).returncode == 0
    facts = [
        json.loads(imgtool("inspect", path, "--output", "json").stdout) for path in (debian_image, qcow2)
    ]
    assert facts[0]["guest"] == facts[1]["guest"]
    assert facts[0]["properties"] == facts[1]["properties"]


def test_an_inspection_of_debian_knows_it_all(debian_image: Path) -> None:
    found = json.loads(imgtool("inspect", debian_image, "--output", "json").stdout)
    guest = found["guest"]
    assert guest["unknown"] == {}
    assert (guest["os_distro"], guest["os_version"], guest["architecture"]) == ("debian", "12", "x86_64")
    fallback = "EFI/BOOT/BOOTX64.EFI"
    assert guest["firmware"] == {"bios": False, "uefi": True, "fallback_loader": fallback}
    assert {one["mount_point"]: one["type"] for one in guest["filesystems"]} == {
        "/": "ext4",
        "/boot/efi": "vfat",
    }
    assert found["properties"] == {
        "os_type": "linux",
        "os_distro": "debian",
        "os_version": "12",
        "architecture": "x86_64",
        "hw_disk_bus": "virtio",
        "hw_scsi_model": "virtio-scsi",
        "hw_cdrom_bus": "scsi",
        "hw_vif_model": "virtio",
        "hw_qemu_guest_agent": "yes",
        "hw_firmware_type": "uefi",
        "hw_machine_type": "q35",
        "hw_rng_model": "virtio",
        "os_admin_user": "debian",
    }
