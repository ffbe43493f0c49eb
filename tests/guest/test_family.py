"""Families that are only recognised, after their published layouts; and the names of those that are read."""

from collections.abc import Mapping

import pytest
from support.guest_tree import Content, guest_tree
from support.memory_disks import LINUX_GUID, Part, contents

from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.family import RECOGNISERS, family_of, recognised
from imgtool.guest.filesystems.rootless import Rootless, probe
from imgtool.guest.mounts import find_system
from imgtool.guest.partitions import ESP_GUID
from imgtool.guest.roots import NoSystemError

ESP = Part({"EFI/BOOT/BOOTX64.EFI": "MZ"}, "EFI", ESP_GUID)
FREEBSD_UFS = "516e7cb6-6ecf-11d6-8ff8-00022d09712b"
ZFS = Rootless("zfs_member", None, None, "ZFS is not read")

DISKS: dict[str, DiskContents] = {
    "talos": contents(
        ESP,
        Part(empty=True, partition_label="BIOS"),
        Part({"A/vmlinuz": "", "A/initramfs.xz": "", "grub/grub.cfg": ""}, "BOOT", partition_label="BOOT"),
        Part(empty=True, partition_label="META"),
        Part(empty=True, partition_label="STATE"),
    ),
    "talos-sd-boot": contents(
        Part({"EFI/Linux/Talos-v1.10.0.efi": "MZ", "EFI/BOOT/BOOTX64.EFI": "MZ"}, "EFI", ESP_GUID),
        Part(empty=True, partition_label="META"),
    ),
    "ubuntu-core": contents(
        Part(empty=True, partition_label="BIOS Boot"),
        Part({"EFI/boot/bootx64.efi": "", "systems/20240501/model": ""}, "ubuntu-seed", ESP_GUID),
        Part({"EFI/ubuntu/grub.cfg": ""}, "ubuntu-boot"),
        Part({"device": {}}, "ubuntu-save"),
        Part({"system-data/etc/os-release": "ID=ubuntu-core"}, "ubuntu-data"),
    ),
    "vyos": contents(
        ESP,
        Part(
            {
                "boot/1.4.0/1.4.0.squashfs": "hsqs",
                "boot/1.4.0/vmlinuz": "",
                "boot/1.4.0/rw/opt/vyatta/etc/config/config.boot": "",
                "boot/grub/grub.cfg.d/20-vyos-defaults-autoload.cfg": "",
                "persistence.conf": "/ union\n",
            },
            "persistence",
        ),
    ),
    "live": contents(Part({"live/filesystem.squashfs": "hsqs", "live/vmlinuz": ""})),
    "freebsd": contents(
        Part({"EFI/BOOT/BOOTX64.EFI": "MZ", "EFI/FREEBSD/LOADER.EFI": ""}, "EFI", ESP_GUID),
        Part(empty=True, type="83bd6b9d-7f41-11dc-be0b-001560b84f0f"),
        Part(empty=True, type=FREEBSD_UFS, partition_label="rootfs"),
    ),
    "freebsd-mbr": contents(Part(empty=True, type="0xa5")),
    "openbsd": contents(Part(empty=True, type="0xa6")),
    "netbsd": contents(Part(empty=True, type="49f48d5a-b10e-11dc-b99b-0019d1879648")),
    "bottlerocket": contents(Part({"vmlinuz": ""}, partition_label="BOTTLEROCKET-BOOT-A")),
    "haos": contents(ESP, Part(empty=True, partition_label="hassos-boot")),
    "elemental": contents(ESP, Part({"cOS/active.img": ""}, "COS_STATE")),
    "chromeos": contents(Part(empty=True, type="fe3a2a5d-4f32-41a7-b725-accc3285a309")),
    "android": contents(*(Part(empty=True, partition_label=name) for name in ("boot", "super", "vbmeta"))),
    "bootc-composefs": contents(
        ESP, Part({"composefs/images/aa": "", "composefs/objects": {}, "state/deploy/aa/etc/fstab": ""})
    ),
    "zfs": contents(ESP, Part(filesystem=ZFS, type="6a898cc3-1dd2-11b2-99a6-080020736631")),
    "zfs-by-content": contents(ESP, Part(filesystem=ZFS)),
}


@pytest.mark.parametrize("name", DISKS)
def test_recognised(name: str) -> None:
    disk = DISKS[name]
    with pytest.raises(NoSystemError):
        find_system(disk.devices, [])
    family = recognised(disk)
    assert family is not None
    assert name.startswith(family.name)
    assert not family.read
    assert family.evidence
    assert "judged" in family.note


def test_every_recogniser_has_its_disk() -> None:
    assert {one.name for one in RECOGNISERS} <= set(DISKS)


@pytest.mark.parametrize(
    "disk",
    [
        contents(),
        contents(ESP),
        contents(ESP, Part({"photos/x": ""}, "data")),
        contents(Part(empty=True, partition_label="META"), Part({"x": ""}, "BOOT")),
        contents(Part({"vmlinuz": "", "grub/grub.cfg": ""}, "boot", LINUX_GUID)),
        contents(Part(filesystem=Rootless("crypto_LUKS", None, None, "it is encrypted (LUKS)"))),
    ],
)
def test_all_others_are_not(disk: DiskContents) -> None:
    assert recognised(disk) is None


def test_what_a_guest_wrote_is_printable() -> None:
    family = recognised(contents(Part({"live/\x1b[2J.squashfs": ""})))
    assert family is not None
    assert "\x1b" not in family.evidence


def test_the_label_of_a_vdev() -> None:
    described = b"\1\1\0\0\0\0\0\0\0\0\0\1\0\0\0\x24\0\0\0\x20\0\0\0\x07version\0vdev_tree"
    head = (bytes(16 << 10) + described).ljust(68 << 10, b"\0")
    found = probe(head, None)  # type: ignore[arg-type]  # it reads no further
    assert found is not None
    assert found.type == "zfs_member"
    assert probe(bytes(68 << 10), None) is None  # type: ignore[arg-type]  # as much as is asked of it


IGNITION = {"/usr/lib/dracut/modules.d/30ignition/module-setup.sh": ""}


@pytest.mark.parametrize(
    ("arrangement", "files", "name", "first_boot", "has_agent"),
    [
        ("ostree", {**IGNITION, "/etc/os-release": "ID=fedora\n"}, "coreos", "Ignition", False),
        ("ostree", {**IGNITION, "/etc/os-release": "ID=rhcos\n"}, "coreos", "Ignition", False),
        ("ostree", {**IGNITION, "/usr/bin/cloud-init": ""}, "ostree", None, True),
        ("ostree", {"/usr/lib/bootc/install/x.toml": ""}, "ostree", None, True),
        ("nixos", {"/nix/store/x": ""}, "nixos", None, True),
        ("flatcar", {}, "flatcar", "Ignition", True),
        ("", {"/etc/cirros/version": "0.6.2"}, "cirros", "cirros-init", False),
        ("", {"/etc/tiny-cloud.conf": ""}, "tiny-cloud", "tiny-cloud", True),
    ],
)
def test_read(
    arrangement: str, files: Mapping[str, Content], name: str, first_boot: str | None, has_agent: bool
) -> None:
    family = family_of(guest_tree(files), arrangement)
    assert family is not None
    assert family.read
    assert (family.name, family.first_boot, family.has_agent) == (name, first_boot, has_agent)


def test_the_usual_kind_is_no_family() -> None:
    assert family_of(guest_tree({"/etc/os-release": "ID=debian\n"}), "") is None
