"""Which system is on the disk, and what is mounted where."""

import io
from collections.abc import Mapping

import pytest
from support.memory_filesystem import Content, Link, MemoryFilesystem

from imgtool.guest.filesystems.base import Filesystem, GuestReadError
from imgtool.guest.filesystems.rootless import Rootless
from imgtool.guest.mounts import Device, find_system
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


def test_two_systems_are_unknown() -> None:
    devices = [device("partition 1", root()), device("partition 2", root())]
    with pytest.raises(GuestReadError, match=r"more than one system .*partition 1, partition 2"):
        find_system(devices, [])


def test_no_system_is_told_with_what_could_not_be_read() -> None:
    devices = [device("partition 1", memory("d", {"photos/x": ""}))]
    with pytest.raises(GuestReadError, match=r"no Linux system was found on this disk \(partition 9: odd\)"):
        find_system(devices, ["partition 9: odd"])


def test_an_empty_disk_says_so() -> None:
    with pytest.raises(GuestReadError, match="no known file system"):
        find_system([], [])


def test_an_encrypted_disk_says_so() -> None:
    luks = Rootless("crypto_LUKS", None, "u", "it is encrypted (LUKS)")
    devices = [device("partition 1", memory("b", {"vmlinuz": ""})), device("partition 2", luks)]
    with pytest.raises(GuestReadError, match=r"encrypted \(partition 2: it is encrypted \(LUKS\)\)"):
        find_system(devices, [])


def test_swap_is_no_reason() -> None:
    swap = Rootless("swap", None, None, "it is swap space")
    with pytest.raises(GuestReadError, match=r"^no Linux system was found on this disk$"):
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
