"""Which system is on the disk, and what is mounted where."""

import io
from collections.abc import Mapping

import pytest
from support.memory_btrfs import MemoryBtrfs
from support.memory_filesystem import Content, Link, MemoryFilesystem

from imgtool.guest.filesystems.base import Filesystem, GuestReadError
from imgtool.guest.filesystems.rootless import Rootless, probe
from imgtool.guest.mounts import Device, find_system, with_kernels
from imgtool.guest.partitions import ESP_GUID, XBOOTLDR_GUID, Partition
from imgtool.guest.volumes import Volume

LINUX_GUID = "0fc63daf-8483-4772-8e79-3d69d8477de4"
SYSTEM: dict[str, Content] = {"usr/lib/os-release": "ID=x\n", "etc/os-release": Link("../usr/lib/os-release")}


def device(name: str, filesystem: Filesystem, kind: str = LINUX_GUID, label: str | None = None) -> Device:
    number = int(name.rpartition(" ")[2]) if name.startswith("partition") else 0
    partition = Partition(number, kind, f"aaaa-{number}", label, 0, 4096, bootable=False) if number else None
    return Device(Volume(name, 4096, (number,) if number else (), io.BytesIO), filesystem, partition)


def root(fstab: str = "", **more: Content) -> MemoryFilesystem:
    files: dict[str, Content] = {**SYSTEM, "etc/fstab": fstab, **more}
    return MemoryFilesystem(files, uuid="ROOT-uuid", label="root")


def memory(uuid: str, tree: Mapping[str, Content], label: str | None = None) -> MemoryFilesystem:
    return MemoryFilesystem(tree, uuid=uuid, label=label)


def test_a_root_alone() -> None:
    system = find_system([device("partition 1", root())], [])
    assert system.root.volume.name == "partition 1"
    assert system.tree.read_text("/etc/os-release") == "ID=x\n"
    assert system.mount_points == {"partition 1": "/"}


@pytest.mark.parametrize(
    "spec",
    [
        "UUID=BOOT-UUID",
        "LABEL=bootlabel",
        "PARTUUID=AAAA-2",
        "PARTLABEL=boot",
        "/dev/vda2",
        "/dev/disk/by-uuid/boot-uuid",
        "/dev/disk/by-partlabel/boot",
    ],
)
def test_a_boot_partition_by_every_name(spec: str) -> None:
    boot = memory("boot-uuid", {"vmlinuz": "kernel"}, "bootlabel")
    devices = [
        device("partition 1", root(f"UUID=root-uuid / ext4 x 0 1\n{spec} /boot ext4 x 0 2\n")),
        device("partition 2", boot, label="boot"),
    ]
    system = find_system(devices, [])
    assert system.tree.read_text("/boot/vmlinuz") == "kernel"
    assert system.mount_points == {"partition 1": "/", "partition 2": "/boot"}


@pytest.mark.parametrize("fstab", ["", "UUID=gone /boot ext4 d 0 2\n"])
def test_a_kernel_is_found_where_fstab_does_not_lead_to_it(fstab: str) -> None:
    devices = [
        device("partition 1", root(fstab)),
        device("partition 2", memory("b", {"vmlinuz-6": "kernel"})),
    ]
    system = with_kernels(find_system(devices, []), devices)
    assert system.tree.read_text("/boot/vmlinuz-6") == "kernel"
    own = [device("partition 1", root(**{"boot/vmlinuz-5": "own"})), devices[1]]
    assert with_kernels(find_system(own, []), own).tree.names("/boot") == ("vmlinuz-5",)
    alone = devices[:1]
    system = find_system(alone, [])
    assert with_kernels(system, alone) is system


def test_a_logical_volume_by_its_mapper_name() -> None:
    fstab = "/dev/mapper/vg--sys-var /var xfs d 0 0\n/dev/vg-sys/usr /usr xfs d 0 0\n"
    devices = [
        device("vg-sys/root", MemoryFilesystem({"etc/fstab": fstab, "usr": {}})),
        device("vg-sys/var", memory("v", {"lib/x": "1"})),
        device("vg-sys/usr", memory("u", {"lib/os-release": "ID=y"})),
    ]
    tree = find_system(devices, []).tree
    assert tree.is_file("/var/lib/x")
    assert tree.is_file("/usr/lib/os-release")


@pytest.mark.parametrize("point", ["/usr", "/boot", "/var", "/var/lib"])
def test_below_a_mount_that_is_not_here_all_is_unknown_and_not_absent(point: str) -> None:
    system = find_system([device("partition 1", root(f"UUID=elsewhere {point} ext4 d 0 2\n"))], [])
    for look in (system.tree.exists, system.tree.read_text, system.tree.is_directory):
        with pytest.raises(GuestReadError, match="UUID=elsewhere is not on this disk"):
            look(f"{point}/lib/modules")
    with pytest.raises(GuestReadError, match="not on this disk"):
        system.tree.names(point)
    with pytest.raises(GuestReadError, match="not on this disk"):
        list(system.tree.walk(point))
    assert not system.tree.exists("/opt/absent")


def test_a_mount_from_the_network_is_unknown() -> None:
    system = find_system([device("partition 1", root("server:/x /srv nfs4 d 0 0\n"))], [])
    with pytest.raises(GuestReadError, match="on the network"):
        system.tree.exists("/srv/file")


def test_a_mount_that_cannot_be_read_says_why() -> None:
    broken = MemoryFilesystem(uuid="v", problem="it is damaged")
    devices = [device("partition 1", root("UUID=v /var ext4 d 0 0\n")), device("partition 2", broken)]
    with pytest.raises(GuestReadError, match="/var: partition 2 cannot be read: it is damaged"):
        find_system(devices, []).tree.exists("/var/lib")


def test_what_takes_nothing_from_the_disk_is_left_as_it_is() -> None:
    fstab = (
        "tmpfs /tmp tmpfs d 0 0\n/srv /data none bind 0 0\nUUID=s none swap sw 0 0\nproc /proc proc d 0 0\n"
    )
    tree = find_system([device("partition 1", root(fstab, tmp={"x": ""}))], []).tree
    assert tree.is_file("/tmp/x")  # noqa: S108 - a path of the guest
    assert not tree.exists("/data")


def test_the_esp_and_xbootldr_are_mounted_by_their_type() -> None:
    devices = [
        device("partition 1", root()),
        device("partition 2", memory("e", {"EFI/BOOT/BOOTX64.EFI": "MZ"}), ESP_GUID),
        device("partition 3", memory("b", {"loader/entries/a.conf": "x"}), XBOOTLDR_GUID),
    ]
    system = find_system(devices, [])
    assert system.tree.is_file("/boot/efi/EFI/BOOT/BOOTX64.EFI")
    assert system.tree.is_file("/boot/loader/entries/a.conf")
    assert system.mount_points == {"partition 1": "/"}


@pytest.mark.parametrize(
    ("below", "point"),
    [
        ({"boot": {}, "efi": {}}, "/boot"),
        ({"boot/vmlinuz": "x", "efi": {}}, "/efi"),
        ({"boot/efi": {}}, "/boot/efi"),
        ({}, "/boot/efi"),
    ],
    ids=["empty /boot", "/efi", "/boot in use", "neither"],
)
def test_where_an_esp_is_mounted_that_fstab_does_not_name(below: dict[str, Content], point: str) -> None:
    esp = memory("e", {"loader/loader.conf": "default x"})
    system = find_system([device("partition 1", root(**below)), device("partition 2", esp, ESP_GUID)], [])
    assert system.tree.is_file(f"{point}/loader/loader.conf")


def test_an_esp_gives_way_to_xbootldr() -> None:
    devices = [
        device("partition 1", memory("e", {"EFI/x": ""}), ESP_GUID),
        device("partition 2", memory("b", {"loader/entries/a.conf": "x"}), XBOOTLDR_GUID),
        device("partition 3", root(boot={}, efi={})),
    ]
    tree = find_system(devices, []).tree
    assert tree.is_file("/boot/loader/entries/a.conf")
    assert tree.is_file("/efi/EFI/x")


def test_usr_and_var_and_boot_on_partitions_of_their_own() -> None:
    """The root alone shows no os-release: its link leads to /usr."""
    fstab = "UUID=root-uuid / ext4\nLABEL=usr /usr ext4\nLABEL=var /var ext4\nLABEL=boot /boot ext4\n"
    top: dict[str, Content] = {"etc/os-release": Link("../usr/lib/os-release"), "etc/fstab": fstab}
    top |= {"usr": {}, "var": {}, "boot": {}, "lib": Link("usr/lib")}
    devices = [
        device(
            "partition 1", memory("u", {"lib/os-release": "ID=x\n", "lib/modules/6/kernel/a.ko": ""}, "usr")
        ),
        device("partition 2", memory("v", {"lib/dpkg/status": ""}, "var")),
        device("partition 3", memory("b", {"vmlinuz-6": "x"}, "boot")),
        device("partition 5", memory("ROOT-uuid", top)),
    ]
    system = find_system(devices, [])
    assert system.root.volume.name == "partition 5"
    for path in ("/etc/os-release", "/lib/modules/6/kernel/a.ko", "/var/lib/dpkg/status", "/boot/vmlinuz-6"):
        assert system.tree.is_file(path)


def test_two_systems_are_unknown() -> None:
    devices = [device("partition 1", root()), device("partition 2", root())]
    with pytest.raises(GuestReadError, match=r"more than one system .*partition 1, partition 2"):
        find_system(devices, [])


def test_two_systems_in_subvolumes_of_one_file_system_are_unknown() -> None:
    both = MemoryBtrfs({"@": dict(SYSTEM), "root": dict(SYSTEM)})
    with pytest.raises(GuestReadError, match=r"more than one system .*subvolume @, .*subvolume root"):
        find_system([device("partition 1", both)], [])


@pytest.mark.parametrize("name", ["@", "root", "@rootfs", "@root"])
def test_a_system_in_a_subvolume_that_is_not_the_default_one(name: str) -> None:
    below: dict[str, Content] = {**SYSTEM, "etc/fstab": f"UUID=root-uuid / btrfs subvol={name} 0 0\n"}
    system = find_system([device("partition 1", MemoryBtrfs({name: below, "@home": {"user/x": ""}}))], [])
    assert system.tree.read_text("/etc/os-release") == "ID=x\n"


def test_the_snapshot_that_is_suse_s_default_subvolume() -> None:
    fstab = (
        "UUID=root-uuid / btrfs defaults 0 0\n"
        "UUID=root-uuid /.snapshots btrfs subvol=/@/.snapshots 0 0\n"
        "UUID=root-uuid /var btrfs subvol=/@/var 0 0\n"
        "UUID=root-uuid /boot/grub2/x86_64-efi btrfs subvol=/@/boot/grub2/x86_64-efi 0 0\n"
    )
    new: dict[str, Content] = {**SYSTEM, "etc/fstab": fstab, "boot/vmlinuz": "new", "var": {}}
    old: dict[str, Content] = {**SYSTEM, "etc/fstab": fstab, "boot/vmlinuz": "old"}
    tree: dict[str, Content] = {
        "@/.snapshots/1/snapshot": old,
        "@/.snapshots/2/snapshot": new,
        "@/var/lib/rpm/Packages.db": "x",
        "@/boot/grub2/x86_64-efi/core.efi": "MZ",
    }
    system = find_system([device("partition 1", MemoryBtrfs(tree, "@/.snapshots/2/snapshot"))], [])
    assert system.tree.read_text("/boot/vmlinuz") == "new"
    assert system.tree.is_file("/var/lib/rpm/Packages.db")
    assert system.tree.is_file("/boot/grub2/x86_64-efi/core.efi")
    assert system.tree.read_text("/.snapshots/1/snapshot/boot/vmlinuz") == "old"
    assert system.mount_points == {"partition 1": "/"}


def test_no_system_is_told_with_what_could_not_be_read() -> None:
    devices = [device("partition 1", memory("d", {"photos/x": ""}))]
    with pytest.raises(GuestReadError, match=r"system was found on this disk \(partition 9: odd\)"):
        find_system(devices, ["partition 9: odd"])


def test_an_empty_disk_says_so() -> None:
    with pytest.raises(GuestReadError, match="no known file system"):
        find_system([], [])


def test_an_encrypted_disk_says_so() -> None:
    luks = Rootless("crypto_LUKS", None, "u", "it is encrypted (LUKS)")
    devices = [device("partition 1", memory("b", {"vmlinuz": ""})), device("partition 2", luks)]
    with pytest.raises(GuestReadError, match=r"encrypted \(partition 2: it is encrypted \(LUKS\)\)"):
        find_system(devices, [])


@pytest.mark.parametrize("name", ["disk", "partition 3", "vg/root"])
def test_bitlocker_and_luks_wherever_they_are(name: str) -> None:
    for head in (b"\xeb\x58\x90-FVE-FS-".ljust(4096, b"\0"), b"LUKS\xba\xbe\0\1".ljust(4096, b"\0")):
        locked = probe(head, io.BytesIO(head))
        assert locked is not None
        with pytest.raises(GuestReadError, match=rf"part of the disk is encrypted \({name}: it is encrypted"):
            find_system([device(name, locked)], [])


def test_a_system_beside_something_encrypted_is_read() -> None:
    luks = Rootless("crypto_LUKS", None, "u", "it is encrypted (LUKS)")
    fstab = "/dev/mapper/data /data ext4 defaults 0 0\n"
    system = find_system([device("partition 1", root(fstab)), device("partition 2", luks)], [])
    with pytest.raises(GuestReadError, match="/data: /dev/mapper/data is not on this disk"):
        system.tree.exists("/data/x")


def test_swap_is_no_reason() -> None:
    swap = Rootless("swap", None, None, "it is swap space")
    with pytest.raises(GuestReadError, match=r"^no Linux or Windows system was found on this disk$"):
        find_system([device("partition 1", swap)], [])


def test_a_system_without_os_release_is_known_by_its_fstab_and_programs() -> None:
    old = MemoryFilesystem({"etc/fstab": "", "bin/sh": ""})
    assert find_system([device("disk", old)], []).root.volume.name == "disk"
    with pytest.raises(GuestReadError):
        find_system([device("disk", MemoryFilesystem({"etc/fstab": ""}))], [])


def test_mount_points_that_climb_stay_in_the_guest() -> None:
    fstab = "UUID=v /../../var ext4 d 0 0\nUUID=v /a//b/./c ext4 d 0 0\n"
    devices = [
        device("partition 1", root(fstab, **{"a/b/q": ""})),
        device("partition 2", memory("v", {"x": "1"})),
    ]
    tree = find_system(devices, []).tree
    assert tree.is_file("/var/x")
    assert tree.is_file("/a/b/c/x")
