"""Roots that the boot puts together: OSTree and bootc, NixOS, Flatcar, after their documented layouts."""

from collections.abc import Mapping

import pytest
from support.memory_disks import Part, contents
from support.memory_filesystem import Content, Link

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.mounts import System, find_system
from imgtool.guest.partitions import ESP_GUID, FLATCAR_USR_GUID

A, B, BOOT = "a" * 64, "b" * 64, "c" * 64
NAME = "fedora-coreos"


def system(*parts: Part, options: str | None = None) -> System:
    return find_system(contents(*parts).devices, [], options)


# ---------------------------------------------------------------- OSTree


def deployment(checksum: str, name: str = NAME) -> dict[str, Content]:
    top = f"ostree/deploy/{name}/deploy/{checksum}.0"
    return {
        f"{top}/usr/lib/os-release": f"ID=fedora\nVERSION_ID={checksum[0]}\n",
        f"{top}/usr/lib/modules/6.8.5/vmlinuz": "kernel",
        f"{top}/etc/os-release": Link("../usr/lib/os-release"),
        f"{top}/etc/issue": checksum[0],
        f"{top}/var": {},
        f"{top}/ostree": Link("sysroot/ostree"),
        f"{top}/sysroot": {},
    }


def sysroot(*checksums: str, name: str = NAME) -> dict[str, Content]:
    """boot.1 is a link to boot.1.1, in which each deployment of a kernel has its number."""
    links = {
        f"ostree/boot.1.1/{name}/{BOOT}/{serial}": Link(f"../../../deploy/{name}/deploy/{checksum}.0")
        for serial, checksum in enumerate(checksums)
    }
    below = {path: content for checksum in checksums for path, content in deployment(checksum, name).items()}
    state: dict[str, Content] = {f"ostree/deploy/{name}/var/lib/rpm/x": "1", "ostree/repo/config": ""}
    return {**below, **links, **state, "boot": {}, "ostree/boot.1": Link("boot.1.1")}


def entry(number: int, serial: int) -> dict[str, Content]:
    options = f"options root=UUID=x rw ostree=/ostree/boot.1/{NAME}/{BOOT}/{serial}"
    return {f"loader.1/entries/ostree-{number}-{NAME}.conf": f"title x\nversion {number}\n{options}\n"}


def boot_partition(*entries: Mapping[str, Content]) -> Part:
    files: dict[str, Content] = {"loader": Link("loader.1"), f"ostree/{NAME}-{BOOT}/vmlinuz-6.8.5": "kernel"}
    return Part({**files, **{path: text for one in entries for path, text in one.items()}}, label="boot")


def test_a_deployment_is_the_root() -> None:
    found = system(boot_partition(entry(1, 0)), Part(sysroot(A), label="root"))
    assert (found.root.volume.name, found.arrangement) == ("partition 2", "ostree")
    tree = found.tree
    assert tree.read_text("/etc/os-release") == "ID=fedora\nVERSION_ID=a\n"
    assert tree.is_file("/usr/lib/modules/6.8.5/vmlinuz")
    assert tree.read_text("/var/lib/rpm/x") == "1"
    assert tree.is_file(f"/boot/ostree/{NAME}-{BOOT}/vmlinuz-6.8.5")
    assert tree.is_file("/boot/loader/entries/ostree-1-fedora-coreos.conf")
    assert tree.is_directory("/ostree/repo")
    assert tree.is_file("/sysroot/ostree/repo/config")


@pytest.mark.parametrize(
    ("options", "issue"),
    [
        (f"root=UUID=x ostree=/ostree/boot.1/{NAME}/{BOOT}/0", "a"),
        (f"root=UUID=x ostree=/ostree/boot.1/{NAME}/{BOOT}/1", "b"),
        (f"ostree=/ostree/boot.1.1/{NAME}/{BOOT}/1", "b"),
        (None, "b"),
        ("quiet", "b"),
        ("ostree=/ostree/boot.0/gone/0", "b"),
    ],
)
def test_the_command_line_names_the_deployment_else_the_first_entry(options: str | None, issue: str) -> None:
    boot = boot_partition(entry(1, 0), entry(2, 1))
    assert system(boot, Part(sysroot(A, B)), options=options).tree.read_text("/etc/issue") == issue


def test_entries_in_boot_of_the_same_file_system() -> None:
    below = {f"boot/{path}": text for path, text in entry(1, 1).items()}
    files = {**sysroot(A, B), **below, "boot/loader": Link("loader.1")}
    del files["boot"]
    found = system(Part(files))
    assert found.tree.read_text("/etc/issue") == "b"
    assert found.tree.exists("/boot/loader/entries")


def test_two_deployments_that_nothing_tells_apart() -> None:
    with pytest.raises(GuestReadError, match=r"more than one deployment of OSTree \(a{12}, b{12}\)"):
        system(Part(sysroot(A, B)))


def test_a_stateroot_of_another_name() -> None:
    """bootc calls it `default`."""
    assert system(Part(sysroot(A, name="default"))).tree.read_text("/etc/issue") == "a"


@pytest.mark.parametrize("where", ["../../../../../etc", "/etc", f"../../../deploy/{NAME}/deploy"])
def test_a_link_out_of_the_deployments_is_not_followed(where: str) -> None:
    files = {**sysroot(A), f"ostree/boot.1.1/{NAME}/{BOOT}/0": Link(where)}
    options = f"ostree=/ostree/boot.1/{NAME}/{BOOT}/0"
    assert system(Part(files), options=options).tree.read_text("/etc/issue") == "a"


def test_what_fstab_mounts_comes_over_what_ostree_mounts() -> None:
    """A /var of its own, as Fedora CoreOS documents it; and bootc names its /boot."""
    fstab = "LABEL=var /var xfs defaults 0 0\nLABEL=boot /boot ext4 defaults 0 0\n"
    files = {**sysroot(A), f"ostree/deploy/{NAME}/deploy/{A}.0/etc/fstab": fstab}
    found = system(boot_partition(entry(1, 0)), Part(files, label="root"), Part({"log": {}}, "var"))
    assert found.tree.is_directory("/var/log")
    assert not found.tree.exists("/var/lib/rpm")
    assert found.mount_points == {"partition 2": "/", "partition 3": "/var", "partition 1": "/boot"}


# ---------------------------------------------------------------- NixOS

STORE = "nix/store"
TOP = f"{STORE}/0000-nixos-system-nixos-24.05"
KERNEL = f"{STORE}/0000-linux-6.6.32"


def nixos(top: str = TOP, name: str = "one") -> dict[str, Content]:
    etc = f"{STORE}/0000-etc-{name}/etc"
    return {
        f"{top}/init": "#!/bin/sh\n",
        f"{top}/kernel": Link(f"/{KERNEL}/bzImage"),
        f"{top}/etc": Link(f"/{etc}"),
        f"{top}/kernel-modules": Link(f"/{KERNEL}-modules"),
        f"{KERNEL}/bzImage": "kernel",
        f"{KERNEL}-modules/lib/modules/6.6.32/kernel": Link(f"/{KERNEL}-tree"),
        f"{KERNEL}-tree/drivers/block/virtio_blk.ko.xz": "module",
        f"{etc}/os-release": f"ID=nixos\nVERSION_ID={name}\n",
        f"{etc}/systemd/system": Link(f"/{STORE}/0000-system-units"),
        f"{STORE}/0000-system-units/qemu-guest-agent.service": "[Service]\n",
    }


def nixos_disk(**more: Content) -> Part:
    profile: dict[str, Content] = {
        "nix/var/nix/profiles/system": Link("system-1-link"),
        "nix/var/nix/profiles/system-1-link": Link(f"/{TOP}"),
        "etc/machine-id": "",
        "etc/fstab": "/dev/disk/by-label/nixos / ext4 x 0 1\n",
    }
    return Part({**nixos(), **profile, **more}, label="nixos")


@pytest.mark.parametrize("options", [None, f"init=/{TOP}/init root=LABEL=nixos", "init=/nix/store/gone/init"])
def test_the_closure_that_boots(options: str | None) -> None:
    tree = system(nixos_disk(), options=options).tree
    assert tree.read_text("/etc/os-release") == "ID=nixos\nVERSION_ID=one\n"
    assert tree.is_file("/etc/systemd/system/qemu-guest-agent.service")
    assert tree.exists("/etc/machine-id")
    assert tree.is_file("/run/booted-system/kernel")
    assert tree.is_file("/lib/modules/6.6.32/kernel/drivers/block/virtio_blk.ko.xz")


def test_init_names_another_closure_than_the_profile() -> None:
    other = f"{STORE}/1111-nixos-system-old"
    disk = nixos_disk(**nixos(other, "old"))
    tree = system(disk, options=f"init=/{other}/init").tree
    assert tree.read_text("/etc/os-release") == "ID=nixos\nVERSION_ID=old\n"


# ---------------------------------------------------------------- Flatcar


def test_flatcar() -> None:
    usr: dict[str, Content] = {
        "lib/os-release": "ID=flatcar\n",
        "share/flatcar/etc/ssh/sshd_config": "x",
        "share/flatcar/etc/os-release": Link("../usr/lib/os-release"),
        "bin/qemu-ga": "",
        "lib/modules/6.6.30-flatcar/kernel/x.ko": "",
    }
    esp = Part({"flatcar/vmlinuz-a": "kernel", "EFI/boot/bootx64.efi": "MZ"}, "EFI-SYSTEM", ESP_GUID)
    devices = (
        esp,
        Part(usr, type=FLATCAR_USR_GUID, partition_label="USR-A"),
        Part(empty=True, type=FLATCAR_USR_GUID, partition_label="USR-B"),
        Part({"grub.cfg": ""}, "OEM", partition_label="OEM"),
        Part({"etc/machine-id": "", "boot": {}}, "ROOT", partition_label="ROOT"),
    )
    found = system(*devices)
    assert (found.root.volume.name, found.arrangement) == ("partition 5", "flatcar")
    assert found.mount_points["partition 2"] == "/usr"
    for path in ("/usr/bin/qemu-ga", "/etc/ssh/sshd_config", "/etc/os-release", "/etc/machine-id"):
        assert found.tree.exists(path), path
    assert found.tree.is_file("/boot/flatcar/vmlinuz-a")
