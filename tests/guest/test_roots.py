"""Which file system is the root: root-two-copies, chroot-partition, dps-nofstab, Btrfs by any name."""

import io
from collections.abc import Mapping

import pytest
from support.memory_btrfs import MemoryBtrfs
from support.memory_filesystem import Content, MemoryFilesystem

from imgtool.guest.device import Device
from imgtool.guest.filesystems.base import Filesystem, GuestReadError
from imgtool.guest.mounts import find_system
from imgtool.guest.partitions import (
    ESP_GUID,
    FLATCAR_USR_GUID,
    HOME_GUID,
    ROOT_GUIDS,
    USR_GUIDS,
    Partition,
)
from imgtool.guest.roots import choose_root, usr_device
from imgtool.guest.volumes import Volume

LINUX_GUID = "0fc63daf-8483-4772-8e79-3d69d8477de4"
ROOT_GUID = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
USR_GUID = "8484680c-9521-48c6-9c11-b0720656f69e"
SYSTEM: dict[str, Content] = {"usr/lib/os-release": "ID=x\n", "sbin/init": "", "usr/bin/env": ""}


def device(number: int, filesystem: Filesystem, kind: str = LINUX_GUID, label: str | None = None) -> Device:
    partition = Partition(number, kind, f"AAAA-{number}", label, 0, 4096, bootable=False)
    return Device(Volume(f"partition {number}", 4096, (number,), io.BytesIO), filesystem, partition)


def system(label: str = "root", fstab: str = "", uuid: str = "u", **more: Content) -> MemoryFilesystem:
    return MemoryFilesystem(
        {**SYSTEM, "etc/fstab": fstab, "etc/issue": label, **more}, label=label, uuid=uuid
    )


def boots(*devices: Device, options: str | None = None) -> str:
    return choose_root(devices, [], options).place


# ---------------------------------------------------------------- two copies

TWO = (
    device(3, system("root3", "LABEL=root3 / ext4 d 0 1\n", "uuid-3"), label="a"),
    device(4, system("root4", "LABEL=root4 / ext4 d 0 1\n", "uuid-4"), label="b"),
)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ("root=LABEL=root3 ro", "partition 3"),
        ("ro root=LABEL=root4", "partition 4"),
        ("root=LABEL=root3 root=LABEL=root4", "partition 4"),
        ('root="LABEL=root4"', "partition 4"),
        ("root=UUID=UUID-3", "partition 3"),
        ("root=PARTUUID=aaaa-4", "partition 4"),
        ("root=PARTLABEL=b", "partition 4"),
        ("root=/dev/vda3", "partition 3"),
        ("root=/dev/disk/by-partlabel/a", "partition 3"),
        ("root=block:LABEL=root4", "partition 4"),
    ],
)
def test_root_two_copies(options: str, place: str) -> None:
    assert boots(*TWO, options=options) == place


@pytest.mark.parametrize("options", [None, "", "quiet", "root=LABEL=gone", "root=/dev/mapper/usr"])
def test_two_copies_that_nothing_tells_apart_are_unknown_and_both_are_named(options: str | None) -> None:
    with pytest.raises(GuestReadError, match=r"more than one system .*\(partition 3, partition 4\)"):
        boots(*TWO, options=options)


def test_a_label_that_two_copies_share() -> None:
    twins = (device(3, system()), device(4, system()))
    with pytest.raises(
        GuestReadError, match=r"partition 3, partition 4\): root=LABEL=root names each of them"
    ):
        boots(*twins, options="root=LABEL=root")


def test_a_copy_that_says_that_it_is_another_one_s_is_not_what_boots() -> None:
    fstab = "UUID=one / ext4 d 0 1\n"
    devices = (device(1, system(fstab=fstab, uuid="one")), device(2, system(fstab=fstab, uuid="two")))
    assert boots(*devices) == "partition 1"


# ---------------------------------------------------------------- chroots and data

CHROOTS: dict[str, Mapping[str, Content]] = {
    "os-release alone": {"etc/os-release": "ID=x\n", "bin": {}},
    "with an init": {**SYSTEM},
    "with an fstab": {**SYSTEM, "etc/fstab": "LABEL=srv / ext4 d 0 1\n"},
}


@pytest.mark.parametrize("inside", CHROOTS)
@pytest.mark.parametrize("options", [None, "root=LABEL=root ro", "root=LABEL=gone"])
def test_chroot_partition(inside: str, options: str | None) -> None:
    fstab = "LABEL=root / ext4 d 0 1\nLABEL=srv /srv ext4 d 0 2\n"
    devices = (device(4, MemoryFilesystem(CHROOTS[inside], label="srv")), device(3, system(fstab=fstab)))
    assert boots(*devices, options=options) == "partition 3"
    assert find_system(devices, [], options).tree.exists("/srv/bin") is ("bin" in CHROOTS[inside])


def test_a_chroot_that_nobody_mounts_has_no_init() -> None:
    devices = (device(1, MemoryFilesystem(CHROOTS["os-release alone"])), device(2, system()))
    assert boots(*devices) == "partition 2"


def test_root_names_what_is_no_system() -> None:
    """The boot stops there; what is on the disk is read all the same."""
    esp = MemoryFilesystem({"EFI/BOOT/BOOTX64.EFI": "MZ"}, label="ESP")
    devices = (device(1, esp, ESP_GUID), device(2, system()))
    assert boots(*devices, options="root=LABEL=ESP") == "partition 2"


@pytest.mark.parametrize(
    "files",
    [
        {"etc/redhat-release": "CentOS release 6.9", "bin/sh": ""},
        {"etc/SuSE-release": "SUSE Linux Enterprise Server 11", "usr": {}},
        {"etc/debian_version": "6.0.10", "bin": {}},
        {"etc/issue": "Ubuntu 10.04", "usr/bin": {}},
        {"etc/fstab": "", "bin": {}},
    ],
)
def test_no_os_release(files: Mapping[str, Content]) -> None:
    assert boots(device(1, MemoryFilesystem(files))) == "partition 1"


@pytest.mark.parametrize("files", [{"etc/issue": "x"}, {"usr": {}, "bin": {}}, {"photos/etc/issue": "x"}])
def test_what_is_no_system(files: Mapping[str, Content]) -> None:
    with pytest.raises(GuestReadError, match="no Linux or Windows system was found"):
        boots(device(1, MemoryFilesystem(files)))


def test_a_disk_full_of_systems_takes_no_time() -> None:
    devices = [device(number, system(f"root{number}")) for number in range(1, 1001)]
    with pytest.raises(GuestReadError, match=r"^1000 systems are on this disk"):
        boots(*devices)
    assert boots(*devices, options="root=LABEL=root777") == "partition 777"


# ---------------------------------------------------------------- Btrfs


def btrfs(*names: str, default: str = "", fstab: str = "") -> Device:
    tree: dict[str, Content] = {name: {**SYSTEM, "etc/fstab": fstab} for name in names}
    return device(3, MemoryBtrfs({**tree, "@home": {"user": {}}}, default))


@pytest.mark.parametrize(
    "name", ["@", "root", "@rootfs", "ROOT", "root/current", "a/b/c", "@/.snapshots/1/snapshot"]
)
def test_a_subvolume_by_any_name(name: str) -> None:
    assert boots(btrfs(name)) == f"partition 3, subvolume {name}"
    assert boots(btrfs(name), options=f"root=UUID=x rootflags=compress=zstd,subvol={name}").startswith(
        "partition 3,"
    )
    assert boots(btrfs(name, default=name)) == "partition 3"


@pytest.mark.parametrize(
    ("flags", "subvolume"),
    [
        ("rootflags=subvol=b", "b"),
        ("rootflags=subvol=/b", "b"),
        ("rootflags=noatime,subvol=b", "b"),
        ("rootflags=subvolid=257", "b"),
        ("rootflags=subvol=a rootflags=subvol=b", "b"),
        ("rootflags=subvol=gone", "a"),
        ("rootflags=subvolid=99", "a"),
        ("rootflags=compress=zstd", "a"),
        ("", "a"),
    ],
)
def test_rootflags_come_before_the_default_subvolume(flags: str, subvolume: str) -> None:
    tree: dict[str, Content] = {name: {**SYSTEM, "etc/issue": name} for name in ("a", "b")}
    root = choose_root([device(3, MemoryBtrfs(tree, "a"))], [], f"root=UUID=ROOT-uuid {flags}")
    assert root.tree.read_text("/etc/issue") == subvolume


def test_rootflags_come_before_the_fstab_of_the_subvolume() -> None:
    fstab = "UUID=x / btrfs subvol=b 0 0\n"
    tree: dict[str, Content] = {
        name: {**SYSTEM, "etc/issue": name, "etc/fstab": fstab} for name in ("a", "b")
    }
    devices = [device(3, MemoryBtrfs(tree, "a"))]
    assert find_system(devices, [], "rootflags=subvol=a").tree.read_text("/etc/issue") == "a"
    assert find_system(devices, [], "quiet").tree.read_text("/etc/issue") == "b"
    assert find_system(devices, []).tree.read_text("/etc/issue") == "b"


def test_a_system_and_its_snapshots() -> None:
    """Timeshift's and snapper's copies have the fstab of what they are copies of."""
    names = ("snapshots/2024-01-01/@", "@", "@snapshots/3/snapshot")
    assert boots(btrfs(*names, fstab="UUID=x / btrfs subvol=@ 0 0\n")) == "partition 3, subvolume @"
    with pytest.raises(GuestReadError, match="more than one system"):
        boots(btrfs(*names))


# ---------------------------------------------------------------- by the partitions' types


def test_dps_nofstab() -> None:
    """mkosi: neither fstab nor root=; the root is nearly empty, and /usr is a partition of its own."""
    usr = MemoryFilesystem({"lib/os-release": "ID=x\n", "lib/systemd/systemd": "", "bin/env": ""})
    devices = (
        device(1, MemoryFilesystem({"EFI/Linux/x.efi": "MZ"}), ESP_GUID),
        device(2, usr, USR_GUID, "x_1.0"),
        device(3, MemoryFilesystem({"etc": {}}), ROOT_GUID),
        device(4, MemoryFilesystem({"user": {}}), HOME_GUID),
    )
    for options in (None, "", "root=gpt-auto rw"):
        found = find_system(devices, [], options)
        assert (found.root.volume.name, found.mount_points["partition 2"]) == ("partition 3", "/usr")
        assert found.tree.is_file("/usr/lib/systemd/systemd")
        assert found.tree.is_directory("/home/user")


@pytest.mark.parametrize("options", ["", "quiet", "root=gpt-auto", "root=/dev/gpt-auto-root"])
def test_of_two_systems_the_one_of_the_root_type(options: str) -> None:
    devices = (device(1, system("a")), device(2, system("b"), ROOT_GUID))
    assert boots(*devices, options=options) == "partition 2"
    with pytest.raises(GuestReadError):
        boots(*devices)


def test_a_root_that_the_first_boot_makes() -> None:
    usr = MemoryFilesystem({"lib/os-release": "ID=x\n"})
    found = find_system([device(2, usr, USR_GUID)], [])
    assert found.tree.is_file("/usr/lib/os-release")
    assert not found.tree.exists("/etc/fstab")


def test_the_newest_of_two_usr_partitions() -> None:
    both = [device(n, MemoryFilesystem({"lib/os-release": ""}), USR_GUID, f"x_1.{n}") for n in (9, 10)]
    newest = usr_device(both)
    assert newest is not None
    assert newest.volume.name == "partition 10"


def test_two_usr_partitions_of_flatcar() -> None:
    """GRUB chooses by the priorities in the table; verity.usr= says which."""
    both = [
        device(n, MemoryFilesystem({"lib/os-release": ""}), FLATCAR_USR_GUID, label)
        for n, label in ((3, "USR-A"), (4, "USR-B"))
    ]
    named = usr_device(both, "mount.usr=/dev/mapper/usr verity.usr=PARTUUID=aaaa-3 root=LABEL=ROOT")
    assert named is not None
    assert named.volume.name == "partition 3"
    with pytest.raises(GuestReadError, match=r"more than one /usr .*partition 3, partition 4"):
        usr_device(both)


def test_a_usr_beside_a_whole_root_is_not_mounted() -> None:
    devices = (device(1, system()), device(2, MemoryFilesystem({"lib/os-release": "ID=y"}), USR_GUID))
    assert find_system(devices, []).tree.read_text("/usr/lib/os-release") == "ID=x\n"


def test_the_types_are_those_of_the_specification() -> None:
    assert ROOT_GUID in ROOT_GUIDS
    assert USR_GUID in USR_GUIDS
    assert not ROOT_GUIDS & USR_GUIDS
