"""Which devices the boot depends on, and whether the disk has them."""

import io
from collections.abc import Sequence

import pytest
from support.guest_tree import Unreadable, guest_tree
from support.memory_filesystem import MemoryFilesystem

from imgtool.guest.devices import read_device_references
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.filesystems.base import Filesystem, GuestReadError
from imgtool.guest.filesystems.rootless import Rootless
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import BIOS_BOOT_GUID, ESP_GUID, Partition
from imgtool.guest.volumes import DiskLayout, Volume
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.linux import DeviceReference

LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
GRUB = "/boot/grub/grub.cfg"
LUKS = Rootless("crypto_LUKS", None, "luks-uuid", "it is encrypted (LUKS)")


def partition(number: int, kind: str = LINUX, label: str | None = None) -> Partition:
    return Partition(number, kind, f"aaaa-{number}", label, number << 20, 1 << 20, bootable=False)


def volume(name: str, content: bytes = b"x") -> Volume:
    return Volume(name, 4096, (), lambda: io.BytesIO(content))


def disk(
    *filesystems: tuple[str, Filesystem],
    partitions: Sequence[Partition] = (),
    others: Sequence[Volume] = (),
    problem: str | None = None,
) -> DiskContents:
    """A disk with a root, an ESP, swap, a logical volume, and what is given."""
    standard = [
        ("partition 1", MemoryFilesystem(uuid="ESP1-2345", label="UEFI", type="vfat")),
        ("partition 2", MemoryFilesystem(uuid="root-uuid", label="cloudimg-rootfs")),
        ("partition 3", Rootless("swap", "swaplabel", "swap-uuid", "it is swap space")),
        ("vg/lv-one", MemoryFilesystem(uuid="lv-uuid", type="xfs")),
        *filesystems,
    ]
    devices = [Device(volume(name), filesystem, None) for name, filesystem in standard]
    table = (partition(1, ESP_GUID, "esp"), partition(2, label="root"), partition(3), *partitions)
    volumes = (*(device.volume for device in devices), *others)
    layout = DiskLayout("gpt", table, b"", volumes, problem)
    return DiskContents(layout, devices, [problem] if problem else [])


def references(
    fstab: str, contents: DiskContents | None = None, line: Fact[str] | None = None, crypttab: str = ""
) -> tuple[DeviceReference, ...]:
    tree = guest_tree({"/etc/fstab": fstab, "/etc/crypttab": crypttab})
    return read_device_references(tree, contents or disk(), line or Unknown("no menu")).value


def of(device: str, contents: DiskContents | None = None, crypttab: str = "") -> DeviceReference:
    (one,) = references(f"{device} /srv auto defaults 0 2\n", contents, crypttab=crypttab)
    assert one.device == device
    return one


@pytest.mark.parametrize(
    ("device", "resolves", "stable"),
    [
        ("UUID=root-uuid", True, True),
        ("UUID=ROOT-uuid", False, True),
        ("UUID=gone", False, True),
        ("LABEL=cloudimg-rootfs", True, True),
        ("LABEL=gone", False, True),
        ("PARTUUID=aaaa-2", True, True),
        ("PARTUUID=AAAA-2", False, True),
        ("PARTUUID=aaaa-9", False, True),
        ("PARTLABEL=root", True, True),
        ("PARTLABEL=gone", False, True),
        ("/dev/disk/by-uuid/root-uuid", True, True),
        ("/dev/disk/by-partuuid/aaaa-7", False, True),
        ("/dev/vg/lv-one", True, True),
        ("/dev/mapper/vg-lv--one", True, True),
        ("/dev/mapper/vg-gone", False, True),
        ("/dev/vg/gone", False, True),
        ("/dev/disk/by-id/dm-name-vg-lv--one", True, True),
        ("/dev/vda2", True, False),
        ("/dev/sda9", False, False),
        ("/dev/nvme0n1p2", True, False),
        ("/dev/xvda", False, False),
        ("/dev/sdb1", False, False),
        ("/dev/vdb", False, False),
        ("/dev/nvme1n1p1", False, False),
        ("/dev/disk/by-path/pci-0000:00:04.0-part2", True, False),
        ("/dev/disk/by-path/pci-0000:00:04.0-part9", False, False),
        ("/dev/disk/by-id/virtio-abcdef", None, False),
        ("ID=virtio-abcdef", None, False),
        ("/dev/sr0", None, False),
        ("/dev/root", True, True),
        ("/dev/md0", None, True),
        ("/dev/md/root", None, True),
        ("/dev/mapper/mpatha", False, True),
        ("PARTUUID=aaaa-1/PARTNROFF=1", None, True),
    ],
)
def test_what_a_name_means(device: str, *, resolves: bool | None, stable: bool) -> None:
    one = of(device)
    assert (one.resolves, one.stable, one.required) == (resolves, stable, True)
    assert (one.source, one.mount_point) == ("/etc/fstab", "/srv")


@pytest.mark.parametrize("device", ["UUID=gone", "LABEL=gone", "/dev/vg/gone", "/dev/mapper/mpatha"])
@pytest.mark.parametrize(
    "contents",
    [
        disk(("partition 4", LUKS)),
        disk(("partition 4", Rootless("linux_raid_member", None, None, "RAID"))),
        disk(("partition 4", Rootless("f2fs", None, None, "F2FS"))),
        disk(others=[volume("partition 4")], partitions=[partition(4)]),
        disk(problem="vg: a physical volume is missing"),
    ],
)
def test_what_may_lie_where_nobody_sees_is_not_missing(device: str, contents: DiskContents) -> None:
    assert of(device, contents).resolves is None


@pytest.mark.parametrize(
    "contents",
    [
        disk(others=[volume("partition 4", bytes(4096))], partitions=[partition(4)]),
        disk(others=[volume("partition 4")], partitions=[partition(4, BIOS_BOOT_GUID)]),
    ],
)
def test_empty_space_and_boot_code_hide_nothing(contents: DiskContents) -> None:
    assert of("UUID=gone", contents).resolves is False


def test_a_name_of_a_partition_is_certain_whatever_is_encrypted() -> None:
    assert of("PARTUUID=gone", disk(("partition 4", LUKS))).resolves is False
    assert of("/dev/vda9", disk(("partition 4", LUKS))).resolves is False


def test_what_crypttab_opens_cannot_be_seen() -> None:
    assert (
        of("/dev/mapper/secret-data", crypttab="# x\nsecret-data UUID=root-uuid none luks\n").resolves is None
    )


@pytest.mark.parametrize(
    ("options", "required"),
    [
        ("defaults", True),
        ("rw,nofail", False),
        ("noauto,user", False),
        ("_netdev", False),
        ("x-systemd.automount", False),
        ("x-systemd.device-timeout=5", True),
    ],
)
def test_what_the_boot_waits_for(options: str, *, required: bool) -> None:
    (one,) = references(f"UUID=root-uuid /srv ext4 {options} 0 2\n")
    assert one.required is required


def test_the_root_is_needed_whatever_its_options() -> None:
    (one,) = references("UUID=root-uuid / ext4 noauto 0 1\n")
    assert one.required is True


@pytest.mark.parametrize(
    "line",
    [
        "tmpfs /tmp tmpfs defaults 0 0",
        "/swapfile none swap sw 0 0",
        "/dev/zram0 none swap defaults 0 0",
        "/srv/a.iso /mnt iso9660 loop 0 0",
        "/srv /mnt none bind 0 0",
        "/srv /mnt auto defaults,bind 0 0",
        "# UUID=gone / ext4 defaults 0 1",
        "proc /proc proc defaults 0 0",
    ],
)
def test_what_is_no_device(line: str) -> None:
    assert references(f"{line}\n") == ()


def test_swap_counts() -> None:
    found = references(
        "UUID=swap-uuid none swap sw 0 0\nUUID=gone none swap sw 0 0\n/dev/vda3 swap swap sw\n"
    )
    assert [(one.mount_point, one.resolves, one.stable) for one in found] == [
        ("swap", True, True),
        ("swap", False, True),
        ("swap", True, False),
    ]


def test_the_network_is_not_on_the_disk_and_stops_no_boot() -> None:
    (one,) = references("server:/export /srv nfs4 defaults 0 0\n")
    assert (one.device, one.resolves, one.required, one.stable) == ("server:/export", None, False, True)


@pytest.mark.parametrize(
    "fstab",
    [
        "/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0\n",
        "/dev/cdrom /media/cdrom iso9660 noauto,ro 0 0\n/dev/usbdisk /media/usb vfat noauto 0 0\n",
    ],
)
def test_what_installers_write_for_a_cdrom_is_not_needed(fstab: str) -> None:
    assert [one for one in references(fstab) if one.required] == []


@pytest.mark.parametrize(
    ("options", "device", "resolves", "stable"),
    [
        ("root=UUID=root-uuid ro quiet", "UUID=root-uuid", True, True),
        ("root=LABEL=cloudimg-rootfs ro", "LABEL=cloudimg-rootfs", True, True),
        ('root="LABEL=cloudimg-rootfs" ro', "LABEL=cloudimg-rootfs", True, True),
        ("ro root=PARTUUID=aaaa-2", "PARTUUID=aaaa-2", True, True),
        ("root=UUID=gone", "UUID=gone", False, True),
        ("root=/dev/vda2", "/dev/vda2", True, False),
        ("root=/dev/mapper/vg-lv--one rd.lvm.lv=vg/lv-one", "/dev/mapper/vg-lv--one", True, True),
        ("root=/dev/sda1 root=UUID=root-uuid", "UUID=root-uuid", True, True),
        ("root=block:/dev/vda2", "/dev/vda2", True, False),
        ("root=$rootdev", "$rootdev", None, True),
        ("root=/dev/ram0", "/dev/ram0", False, True),
        ("root=/dev/loop0", "/dev/loop0", False, True),
    ],
)
def test_the_root_of_the_command_line(
    options: str, device: str, *, resolves: bool | None, stable: bool
) -> None:
    (one,) = references("", line=Known(options, GRUB))
    assert one == DeviceReference(GRUB, device, "/", resolves, stable, required=True)


@pytest.mark.parametrize(
    "options",
    [
        "",
        "ro quiet",
        "root=live:CDLABEL=x",
        "root=/dev/nfs nfsroot=x",
        "root=gpt-auto",
        "dummyroot=/dev/sda1",
    ],
)
def test_no_root_that_is_a_device(options: str) -> None:
    assert references("", line=Known(options, GRUB)) == ()


def test_control_characters_of_a_guest_are_made_harmless() -> None:
    (one,) = references("LABEL=a\x1b[31m /srv\x1b auto defaults 0 0\n")
    assert "\x1b" not in one.device + one.mount_point


def test_an_unreadable_fstab_is_no_answer() -> None:
    with pytest.raises(GuestReadError):
        read_device_references(guest_tree({"/etc/fstab": Unreadable()}), disk(), Unknown("no menu"))


def test_a_hostile_fstab_is_no_answer_and_takes_no_time() -> None:
    with pytest.raises(GuestReadError, match="more than 500 devices"):
        references("UUID=gone /srv ext4 defaults 0 2\n" * 501)


def test_what_is_hidden_is_looked_for_once() -> None:
    opened = []

    def opener() -> io.BytesIO:
        opened.append(1)
        return io.BytesIO(bytes(4096))

    empty = Volume("partition 4", 4096, (4,), opener)
    found = references("UUID=gone /srv ext4 defaults 0 2\n" * 3, disk(others=[empty]))
    assert [one.resolves for one in found] == [False, False, False]
    assert len(opened) == 1
