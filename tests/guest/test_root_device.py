"""The root that the command line names: found by the initramfs, and a root file system."""

import io
from collections.abc import Mapping
from dataclasses import replace

import pytest
from support.guest_tree import guest_tree
from support.memory_filesystem import MemoryFilesystem, memory_root

from imgtool.guest.bootloader.start import NoStart, Start
from imgtool.guest.devices import read_device_references
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.filesystems.base import Filesystem, Node
from imgtool.guest.filesystems.btrfs import BtrfsFilesystem
from imgtool.guest.filesystems.rootless import Rootless
from imgtool.guest.md_raid import Member
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import ESP_GUID, Partition
from imgtool.guest.root_device import ROOT_TYPES, RootContext, finds_by_type
from imgtool.guest.volumes import DiskLayout, Volume
from imgtool.model.facts import Known
from imgtool.model.linux import DeviceReference

LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
SYSTEM = {"usr/bin/sh": "", "etc/fstab": ""}
UUID = "6f1c2a7e-0000-4000-8000-0123456789ab"


def device(number: int, filesystem: Filesystem, kind: str = LINUX, label: str | None = None) -> Device:
    partition = Partition(number, kind, f"aaaa-{number}", label, number << 20, 1 << 20, bootable=False)
    volume = Volume(partition.name, 4096, (number,), lambda: io.BytesIO(b"x"))
    return Device(volume, filesystem, partition)


ESP = device(1, MemoryFilesystem(uuid="ABCD-1234", label="ESP", type="vfat"), ESP_GUID, "esp")
BOOT = device(2, MemoryFilesystem({"grub/grub.cfg": ""}, uuid="boot-uuid", label="boot"), label="boot")
ROOT = device(3, MemoryFilesystem(SYSTEM, uuid=UUID, label="root"), label="rootpart")
SWAP = device(4, Rootless("swap", "swap", "swap-uuid", "it is swap space"))
TWIN = device(5, MemoryFilesystem(SYSTEM, uuid="twin-uuid", label="root"))


def logical(name: str, filesystem: Filesystem) -> Device:
    return Device(Volume(name, 4096, (6,), lambda: io.BytesIO(b"x")), filesystem, None)


LOGICAL = logical("vg/root", MemoryFilesystem(SYSTEM, type="xfs", uuid="lv"))
OTHER = logical("vg/swap", Rootless("swap", None, None, "swap"))
LUKS = device(7, Rootless("crypto_LUKS", None, "11112222-3333", "it is encrypted"))


def references(
    options: str, *more: Device, root: Device = ROOT, generator: str | None = "initramfs-tools"
) -> tuple[DeviceReference, ...]:
    devices = [ESP, BOOT, root, SWAP, *more]
    table = tuple(one.partition for one in devices if one.partition is not None)
    layout = DiskLayout("gpt", table, b"", tuple(one.volume for one in devices))
    contents = DiskContents(layout, devices)
    line = Known(options, "/boot/grub/grub.cfg")
    return read_device_references(guest_tree({}), contents, line, RootContext(root, generator)).value


def judged(
    options: str, *more: Device, root: Device = ROOT, generator: str | None = "initramfs-tools"
) -> str:
    """`good`, or what is wrong."""
    found = references(options, *more, root=root, generator=generator)
    wrong = [one.problem or f"{one.device} is gone" for one in found if one.problem or one.resolves is False]
    unsure = [one for one in found if one.resolves is None and not one.problem]
    return wrong[0] if wrong else ("unknown" if unsure else "good")


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("uuid", f"root=UUID={UUID}", "good"),
        ("root-uuid-upper", f"root=UUID={UUID.upper()}", "capitals and small letters differ"),
        ("by-uuid-upper", f"root=/dev/disk/by-uuid/{UUID.upper()}", "capitals and small letters differ"),
        ("rootflags, an option that ext4 has", f"root=UUID={UUID} rootflags=noatime,data=ordered", "good"),
        (
            "rootflags, an option that ext4 has not",
            f"root=UUID={UUID} rootflags=nosuch",
            "nosuch, which ext4",
        ),
        ("uuid-quoted", f'root="UUID={UUID}"', "good"),
        ("root-partuuid-lower", "root=PARTUUID=aaaa-3", "good"),
        ("partuuid-upper", "root=PARTUUID=AAAA-3", "capitals and small letters differ"),
        ("partuuid-offset", "root=PARTUUID=aaaa-1/PARTNROFF=2", "good"),
        ("partuuid-offset-esp", "root=PARTUUID=aaaa-2/PARTNROFF=-1", "partition 1 is vfat"),
        ("root-partlabel", "root=PARTLABEL=rootpart", "good"),
        ("root-by-partlabel", "root=/dev/disk/by-partlabel/rootpart", "good"),
        ("by-label", "root=/dev/disk/by-label/root", "good"),
        ("root-vda3", "root=/dev/vda3", "good"),
        ("root-esp-partuuid", "root=PARTLABEL=esp", "partition 1 is vfat"),
        ("root-label-wrong-fs", "root=LABEL=ESP", "partition 1 is vfat"),
        ("root-swap", "root=UUID=swap-uuid", "partition 4 is swap"),
        ("root-boot", "root=LABEL=boot", "no system is on partition 2"),
        ("root-vda1", "root=/dev/vda1", "partition 1 is vfat"),
        ("gone", "root=UUID=gone", "UUID=gone is gone"),
        ("last-counts", "root=LABEL=ESP root=LABEL=root", "good"),
        ("last-counts-bad", "root=LABEL=root root=LABEL=ESP", "partition 1 is vfat"),
        ("no-root-option", "ro quiet", "there is no root="),
        ("root-empty", "root= ro", "there is no root="),
        ("root-behind-dashes", f"ro -- root=UUID={UUID}", "good"),
        ("rootfstype-xfs", "root=LABEL=root rootfstype=xfs", "rootfstype=xfs is on the command line"),
        ("rootfstype-right", "root=LABEL=root rootfstype=ext4", "good"),
        ("rootfstype-auto", "root=LABEL=root rootfstype=auto", "good"),
        ("rootfstype-list", "root=LABEL=root rootfstype=xfs,ext4", "good"),
        ("rootfstype-last", "root=LABEL=root rootfstype=xfs rootfstype=ext4", "good"),
        ("variable", "root=$rootdev", "unknown"),
        ("network", "root=/dev/nfs", "good"),
    ],
)
def test_the_root(name: str, options: str, says: str) -> None:
    assert says in judged(options), name


def test_two_of_one_name_are_a_matter_of_chance() -> None:
    assert "which one is taken is a matter of chance" in judged("root=LABEL=root", TWIN)
    assert judged(f"root=UUID={UUID}", TWIN) == "good"


def test_systemd_looks_for_a_root_s_type_by_uefi_alone() -> None:
    root = device(3, MemoryFilesystem(SYSTEM, label="root"), min(ROOT_TYPES))
    layout = DiskLayout("gpt", (), b"", (root.volume,))
    found = {}
    for start in (
        None,
        NoStart("uefi", "no FAT"),
        *(Start("uefi", loader, "x") for loader in ("grub", "systemd-boot", "unified-image")),
        Start("bios", "grub", "x"),
    ):
        context = RootContext(root, "dracut", finds_by_type=finds_by_type(start))
        line = Known("ro", "grub.cfg")
        found[start] = not read_device_references(
            guest_tree({}), DiskContents(layout, [root]), line, context
        ).value
    assert list(found.values()) == [True, True, True, True, True, False]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("ro systemd.gpt_auto=0", "keeps systemd from looking"),
        ("ro rd.systemd.gpt_auto=no", "keeps systemd from looking"),
        ("ro systemd.gpt_auto=no systemd.gpt_auto=yes", "good"),
        (f"root=UUID={UUID} systemd.gpt_auto=0", "good"),
        ("ro mount.usr=LABEL=boot", "good"),
        ("ro mount.usr=LABEL=gone", "LABEL=gone is gone"),
        ("ro mount.usr=/dev/mapper/usr", "good"),
    ],
)
def test_what_systemd_is_told_in_the_initramfs(options: str, says: str) -> None:
    root = device(3, MemoryFilesystem(SYSTEM, label="root", uuid=UUID), min(ROOT_TYPES))
    assert says in judged(options, root=root, generator="dracut")


def test_what_is_put_together_needs_no_root_option() -> None:
    layout = DiskLayout("gpt", (), b"", (ROOT.volume,))
    context = RootContext(ROOT, "dracut", finds_by_type=False, is_arranged=True)
    line = Known("ostree=/ostree/boot.1", "x")
    assert read_device_references(guest_tree({}), DiskContents(layout, [ROOT]), line, context).value == ()


def test_ext3_is_mounted_by_its_successor_s_name() -> None:
    older = device(3, MemoryFilesystem(SYSTEM, type="ext3", label="root"))
    assert judged("root=LABEL=root rootfstype=ext4", root=older) == "good"
    assert "rootfstype=ext3" in judged("root=LABEL=root rootfstype=ext3")


@pytest.mark.parametrize(
    ("generator", "kind", "good"),
    [
        ("initramfs-tools", LINUX, False),
        ("initramfs-tools", min(ROOT_TYPES), False),
        ("mkinitcpio", LINUX, False),
        ("mkinitcpio", min(ROOT_TYPES), True),
        ("mkinitfs", LINUX, False),
        ("dracut", min(ROOT_TYPES), True),
        ("dracut", LINUX, False),
        (None, LINUX, True),
    ],
)
def test_no_root_at_all(generator: str | None, kind: str, *, good: bool) -> None:
    root = device(3, MemoryFilesystem(SYSTEM, label="root"), kind)
    assert (judged("ro", root=root, generator=generator) == "good") is good


@pytest.mark.parametrize("options", [f"root=UUID={UUID.upper()}", "root=PARTUUID=AAAA-3"])
def test_dracut_and_the_kernel_make_tags_small(options: str) -> None:
    assert judged(options, generator="dracut") == "good"
    assert judged(options, generator=None) == "good"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("rd.lvm.lv=vg/root", "good"),
        ("rd.lvm.lv=vg/root rd.lvm.lv=vg/swap", "good"),
        ("rd.lvm.lv=vg/root rd.lvm.lv=vg/gone", "rd.lvm.lv=vg/gone is gone"),
        ("rd.lvm.lv=old/root", "rd.lvm.lv=old/root is gone"),
        ("rd.lvm.lv=vg/swap", "names other volumes"),
        ("rd.lvm.vg=vg rd.lvm.vg=gone", "rd.lvm.vg=gone is gone"),
        ("rd.lvm.vg=vg", "good"),
        ("rd.lvm.vg=old", "rd.lvm.vg=old is gone"),
        ("rd.lvm=0", "rd.lvm=0"),
        ("", "good"),
    ],
)
def test_dracut_activates_the_volumes_that_are_named(options: str, says: str) -> None:
    line = f"root=/dev/mapper/vg-root {options}"
    assert says in judged(line, OTHER, root=LOGICAL, generator="dracut")
    if "lvm" in options:
        assert judged(line, OTHER, root=LOGICAL, generator="initramfs-tools") == "good"


def test_dracut_waits_for_what_is_encrypted() -> None:
    line = f"root=UUID={UUID} rd.luks.uuid="
    assert judged(f"{line}luks-11112222-3333", LUKS, generator="dracut") == "good"
    assert "is gone" in judged(f"{line}luks-9999", LUKS, generator="dracut")


def test_a_partition_without_a_file_system() -> None:
    bare = Partition(9, LINUX, "aaaa-9", "bare", 9 << 20, 1 << 20, bootable=False)
    layout = DiskLayout("gpt", (bare,), b"", (ROOT.volume,))
    contents = DiskContents(layout, [ROOT])
    line = Known("root=PARTLABEL=bare", "grub.cfg")
    (found,) = read_device_references(guest_tree({}), contents, line, RootContext(ROOT, "dracut")).value
    assert found.problem == "no file system is on partition 9, and the system is on partition 3"


def test_where_no_entry_says_the_command_line_its_lack_is_no_fault() -> None:
    context = replace(RootContext(ROOT, "initramfs-tools"), has_entry=False)
    layout = DiskLayout("none", (), b"", (ROOT.volume,))
    found = read_device_references(guest_tree({}), DiskContents(layout, [ROOT]), Known("ro", "x"), context)
    assert found.value == ()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("root=/dev/vda3", "good"),
        ("root=PARTUUID=AAAA-3", "good"),
        ("root=PARTLABEL=rootpart", "good"),
        (f"root=UUID={UUID}", "only the kernel's own names"),
        ("root=LABEL=root", "only the kernel's own names"),
        ("root=/dev/disk/by-label/root", "only the kernel's own names"),
        ("ro", "no initramfs that looks for one"),
    ],
)
def test_the_kernel_alone_knows_no_labels(options: str, says: str) -> None:
    assert ESP.partition is not None
    assert ROOT.partition is not None
    layout = DiskLayout("gpt", (ESP.partition, ROOT.partition), b"", (ESP.volume, ROOT.volume))
    context = RootContext(ROOT, kernel_alone=True)
    line = Known(options, "grub.cfg")
    (found,) = read_device_references(guest_tree({}), DiskContents(layout, [ESP, ROOT]), line, context).value
    assert (found.problem is None) is (says == "good")
    assert found.problem is None or says in found.problem


class Subvolumes(BtrfsFilesystem):
    """Btrfs with the system in the subvolume @; `default` is the top of what is mounted without a name."""

    def __init__(self, default: Mapping[str, str]) -> None:
        self.type, self.label, self.uuid = "btrfs", "root", UUID
        self._default = default

    def subvolumes(self) -> tuple[str, ...]:
        return ("@",)

    def root(self, subvolume: str | None = None) -> Node:
        return memory_root({"sbin/init": ""} if subvolume else self._default)


@pytest.mark.parametrize(
    ("default", "flags", "says"),
    [
        ({"@/x": ""}, "rootflags=subvol=@", "good"),
        ({"@/x": ""}, "rootflags=compress=zstd,subvol=/@", "good"),
        ({"@/x": ""}, "rootflags=subvol=gone", "there is no such subvolume"),
        ({"@/x": ""}, "", "the default subvolume of partition 8 holds no system"),
        ({"@/x": ""}, "rootflags=compress=zstd", "the default subvolume of partition 8 holds no system"),
        ({"sbin/init": ""}, "", "good"),
    ],
)
def test_the_subvolume_that_is_mounted(default: dict[str, str], flags: str, says: str) -> None:
    root = device(8, Subvolumes(default), label="rootpart")
    assert says in judged(f"root=PARTUUID=aaaa-8 ro {flags}", root=root)


ARRAY = Member("1.2", 1, "host:root", 1 << 20, 1 << 20, "00010203:04050607:08090a0b:0c0d0e0f")


@pytest.mark.parametrize(
    ("options", "generator", "expected"),
    [
        ("rd.md.uuid=00010203:04050607:08090a0b:0c0d0e0f", "dracut", "good"),
        ("rd.md.uuid=00010203-04050607-08090A0B-0c0d0e0f", "dracut", "good"),
        ("rd.auto", "dracut", "good"),
        ("rd.auto=1 rd.md=1", "dracut", "good"),
        ("quiet", "dracut", "neither rd.md.uuid="),
        ("rd.auto=0", "dracut", "neither rd.md.uuid="),
        ("rd.auto rd.md=0", "dracut", "rd.md=0"),
        ("rd.md.uuid=ffffffff:04050607:08090a0b:0c0d0e0f", "dracut", "names other arrays"),
        ("quiet", "initramfs-tools", "good"),
    ],
)
def test_dracut_assembles_the_arrays_that_it_is_told_to(options: str, generator: str, expected: str) -> None:
    mirrored = replace(ROOT, volume=replace(ROOT.volume, array=ARRAY))
    assert expected in judged(f"root=LABEL=root {options}", root=mirrored, generator=generator)


@pytest.mark.parametrize(
    ("device", "start", "expected"),
    [
        ("/dev/vda3", 1 << 20, "a member of a software RAID"),
        ("PARTUUID=aaaa-3", 1 << 20, "a member of a software RAID"),
        ("/dev/vda3", 0, "good"),
        ("LABEL=root", 1 << 20, "good"),
    ],
)
def test_a_member_is_no_root_but_where_its_data_come_first(device: str, start: int, expected: str) -> None:
    array = replace(ARRAY, data_start_bytes=start)
    mirrored = replace(ROOT, volume=replace(ROOT.volume, array=array))
    assert expected in judged(f"root={device}", root=mirrored, generator="initramfs-tools")
