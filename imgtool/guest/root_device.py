"""The root that the command line names: whether the initramfs finds it, and whether it can be mounted as one.

Sources: bootparam(7) and the kernel's init/do_mounts.c; initramfs-tools' scripts/local (local_mount_root) and
scripts/functions (resolve_device); dracut.cmdline(7), its modules.d/*rootfs-block, *lvm and *crypt, whose
initqueue waits for every volume that is named; systemd-gpt-auto-generator(8).
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.bootloader.start import NoStart, Start
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.btrfs import BtrfsFilesystem
from imgtool.guest.fstab import DeviceName, device_name
from imgtool.guest.kernel_command_line import NO, CommandLine
from imgtool.guest.mount_rules import refused_option
from imgtool.guest.mounts import Device
from imgtool.guest.roots import has_init, missing_subvolume
from imgtool.util.text import enumerated, printable

ROOT_TYPES = frozenset(
    {
        "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",  # x86-64
        "b921b045-1df0-41c3-af44-4c6f280d3fae",  # arm64
        "72ec70a6-cf74-40e6-bd49-4bda08e8f224",  # RISC-V 64
        "44479540-f297-41b2-9af7-d131d5f0458a",  # x86
    }
)
"""Partition types of a root: UAPI Group, Discoverable Partitions Specification."""
NO_SYSTEM = frozenset({"swap", "jbd", "vfat", "exfat", "ntfs", "iso9660", "LVM2_member", "crypto_LUKS"})
"""Types of what is never a Linux root file system by itself."""
TOP_NAMES = ("usr", "sbin", "bin", "ostree", "nix", "sysroot", "@", "root", "@rootfs")
"""One of them is at the top of every root, also where that is in a subvolume below."""
SERVED_TYPES = {"ext2": ("ext2", "ext3", "ext4"), "ext3": ("ext3", "ext4")}
"""Types by which a file system of another one is mounted as well."""
PART_OFFSET = re.compile(r"PARTUUID=(?P<uuid>[^/]+)/PARTNROFF=(?P<offset>[+-]?\d{1,4})")
KERNEL_S_NAMES = re.compile(r"PART(?:UUID|LABEL)=.*|/dev/[^/]+|\d+:\d+|[0-9a-fA-F]{3,8}")
"""What the kernel finds by itself: block/early-lookup.c, early_lookup_bdev."""
GPT_AUTO = ("systemd.gpt_auto", "rd.systemd.gpt_auto")
NEED_ROOT = frozenset({"initramfs-tools", "mkinitcpio", "mkinitfs"})
"""What stops where root= is missing."""


@dataclass(frozen=True, slots=True)
class RootContext:
    """What the root of the command line is compared with."""

    root: Device
    """The file system on which the system stands."""
    generator: str | None = None
    """What made the initramfs; None where that is not known, or there is none."""
    has_entry: bool = True
    """A boot entry says the command line; else it is only what entries are made from."""
    own_options: str = ""
    """What the initramfs puts in front of the command line by itself."""
    kernel_alone: bool = False
    """The kernel is started without an initramfs, and mounts the root itself."""
    finds_by_type: bool | None = None
    """Whether systemd in the initramfs looks for a partition of a root's type; None: not known."""
    is_arranged: bool = False
    """The root is put together by a program of its own in the initramfs, which may need no root=."""


def finds_by_type(start: Start | NoStart | None) -> bool | None:
    """Whether systemd-gpt-auto-generator looks for a root where the boot begins with this loader.

    It does so by UEFI alone, on the disk that LoaderDevicePartUUID names: systemd-boot and systemd's stub set
    it, GRUB by its module `bli` (systemd 252 and 257, src/gpt-auto-generator/gpt-auto-generator.c).
    """
    if start is None:
        return None
    if start.firmware == "bios":
        return False
    return True if isinstance(start, Start) and start.loader in {"systemd-boot", "unified-image"} else None


def without_root(context: RootContext, line: CommandLine) -> str | None:
    """Why the boot stops with no root= at all; None where it does not, or that cannot be told.

    dracut leaves it to systemd then, which looks for a partition of a root's type: dracut's modules.d/
    98dracut-systemd/dracut-cmdline.sh.
    """
    if not context.has_entry:
        return None
    if context.kernel_alone:
        return "there is no root= on the command line, and no initramfs that looks for one"
    partition = context.root.partition
    has_type = partition is not None and partition.type in ROOT_TYPES
    if context.generator == "dracut" and not context.is_arranged:
        return _without_type(context, line, has_type=has_type)
    if context.generator not in NEED_ROOT or (context.generator == "mkinitcpio" and has_type):
        return None
    return f"there is no root= on the command line, and an initramfs by {context.generator} stops without one"


def _without_type(context: RootContext, line: CommandLine, *, has_type: bool) -> str | None:
    """Why systemd finds no root by its partition's type; the last of both names counts."""
    said = [one.value for one in line.systemd if one.key.replace("-", "_") in GPT_AUTO]
    if said and (said[-1] or "").lower() in NO:
        return (
            "there is no root= on the command line, and systemd.gpt_auto= keeps systemd from looking for one"
        )
    if not has_type:
        return "there is no root= on the command line, and the root's partition is not of a root's type"
    if context.finds_by_type is False:
        return "there is no root= on the command line, and systemd looks for a root's type by UEFI alone"
    return None


def parted(device: str, contents: DiskContents) -> str:
    """PARTUUID=X/PARTNROFF=N as the name of the partition that is meant; other names as they are."""
    found = PART_OFFSET.fullmatch(device)
    if found is None:
        return device
    wanted = found["uuid"].lower()
    first = next((one for one in contents.layout.partitions if one.uuid == wanted), None)
    if first is None:
        return f"PARTUUID={found['uuid']}"
    return f"/dev/vda{first.number + int(found['offset'])}"


def root_problem(device: str, line: CommandLine, contents: DiskContents, context: RootContext) -> str | None:
    """What is wrong with the root that is there by the name `device`; None where nothing is known to be."""
    if context.kernel_alone and not KERNEL_S_NAMES.fullmatch(device):
        return "without an initramfs only the kernel's own names are known (PARTUUID=, PARTLABEL=, /dev/vda1)"
    name = device_name(parted(device, contents))
    named = [one for one in contents.devices if one.is_named(name)]
    own = context.root.volume.name
    if not named:
        return _empty_partition(name, contents, own)
    if any(one.volume.name == own for one in named):
        letters = _case_problem(device, name, context)
        if letters is not None:
            return letters
        others = [one.volume.name for one in named if one.volume.name != own]
        if others and context.root.filesystem.type != "btrfs":
            places = enumerated([own, *others])
            return f"{printable(device)} is on {places}: which one is taken is a matter of chance"
        return _member_problem(name, context) or next(
            filter(None, (judge(line, context) for judge in _OF_THE_MOUNT)), None
        )
    return next(filter(None, (_no_root(one, own) for one in named)), None)


def _case_problem(device: str, name: DeviceName, context: RootContext) -> str | None:
    """UUIDs are compared letter by letter, by blkid and in udev's links; dracut makes tags small before.

    Seen: Debian 12 with root=UUID= in capitals ends in "ALERT! UUID=... does not exist".
    """
    partition = context.root.partition
    written = {"UUID": context.root.filesystem.uuid, "PARTUUID": partition.uuid if partition else None}
    own = written.get(name.kind)
    is_link = device.startswith("/dev/disk/")
    if own is None or own == name.value or not (is_link or context.generator in NEED_ROOT):
        return None
    return f"{printable(name.value)} is not found, as it is written {own}: capitals and small letters differ"


def _member_problem(name: DeviceName, context: RootContext) -> str | None:
    """Names of partitions mean the member of a mirror, which has its superblock in front of the data."""
    array = context.root.volume.array
    if array is None or not array.data_start_bytes or name.kind not in {"volume", "PARTUUID", "PARTLABEL"}:
        return None
    if context.root.volume.is_logical:
        return None
    return f"{context.root.volume.name} is {array.title}; the root is on the array"


def _empty_partition(name: DeviceName, contents: DiskContents, own: str) -> str | None:
    """A partition is there by that name, and no file system is on it."""
    found = [
        one.name
        for one in contents.layout.partitions
        if (name.kind == "PARTUUID" and one.uuid == name.value.lower())
        or (name.kind == "PARTLABEL" and one.label == name.value)
    ]
    if not found or own in found or contents.hidden:
        return None
    return f"no file system is on {found[0]}, and the system is on {own}"


def _no_root(device: Device, own: str) -> str | None:
    kind = device.filesystem.type
    if kind in NO_SYSTEM:
        return f"{device.volume.name} is {kind}, and the system is on {own}"
    try:
        top = device.filesystem.root()
        if any(top.child(name) is not None for name in TOP_NAMES):
            return None
    except GuestReadError:
        return None
    return f"no system is on {device.volume.name}; it is on {own}"


def _type_problem(line: CommandLine, context: RootContext) -> str | None:
    """rootfstype= names types, by the first of which that takes it the root is mounted."""
    kind = context.root.filesystem.type
    given = line.root_type
    if given is None:
        return None
    names = {name for name in given.split(",") if name}
    if "auto" in names or names.intersection(SERVED_TYPES.get(kind, (kind,))):
        return None
    return f"rootfstype={printable(given)} is on the command line, and the root is {kind}"


def _subvolume_problem(line: CommandLine, context: RootContext) -> str | None:
    """rootflags=subvol= names a subvolume of Btrfs by its path from the top: btrfs(5).

    Without it the default subvolume is mounted, whatever fstab says: that is read from what was mounted.
    """
    filesystem, name = context.root.filesystem, context.root.volume.name
    if not isinstance(filesystem, BtrfsFilesystem):
        return None
    if not any(one.startswith("subvol=") for one in line.root_flags):
        return _default_problem(line, context, filesystem)
    path = missing_subvolume(filesystem, line.root_flags)
    if path is None:
        return None
    return f"rootflags=subvol={printable(path)}: there is no such subvolume on {name}"


def _default_problem(line: CommandLine, context: RootContext, filesystem: BtrfsFilesystem) -> str | None:
    if context.is_arranged or any(one.startswith("subvolid=") for one in line.root_flags):
        return None
    try:
        there = has_init(filesystem.root())
    except GuestReadError:
        return None
    if there:
        return None
    where = f"the default subvolume of {context.root.volume.name}"
    return f"no rootflags=subvol= is on the command line, and {where} holds no system"


def _flags_problem(line: CommandLine, context: RootContext) -> str | None:
    """rootflags= are options for the root's driver, which mounts nothing with one that it refuses."""
    kind = context.root.filesystem.type
    option = refused_option(kind, line.root_flags)
    if option is None:
        return None
    return f"rootflags= has the option {printable(option)}, which {kind} refuses"


_OF_THE_MOUNT = (_type_problem, _subvolume_problem, _flags_problem)


# ---------------------------------------------------------------- volumes that dracut waits for


def waited_for(line: CommandLine, contents: DiskContents) -> Iterator[tuple[str, bool | None]]:
    """The volumes that dracut's initqueue waits for, each with whether the disk has it.

    A group is waited for as a volume is: parse-lvm.sh of dracut's module lvm.
    """
    for volume in line.values("rd.lvm.lv", "rd_LVM_LV"):
        yield f"rd.lvm.lv={volume}", contents.has(device_name(f"/dev/{volume}"))
    groups = {posixpath.dirname(volume.name) for volume in contents.layout.volumes if volume.is_logical}
    for group in line.values("rd.lvm.vg", "rd_LVM_VG"):
        yield f"rd.lvm.vg={group}", True if group in groups else None if contents.hidden else False
    encrypted = [one.filesystem.uuid for one in contents.devices if one.filesystem.type == "crypto_LUKS"]
    for value in line.values("rd.luks.uuid", "rd_LUKS_UUID"):
        uuid = value.removeprefix("luks-").lower()
        known = [one for one in encrypted if one is None or one.lower().startswith(uuid)]
        yield f"rd.luks.uuid={value}", bool(known) and (True if all(known) else None)


def raid_problem(line: CommandLine, context: RootContext) -> str | None:
    """Why dracut does not assemble the mirror that the root is on: modules.d/*mdraid/parse-md.sh.

    It assembles the arrays of rd.md.uuid=, or all with rd.auto; without either, none.
    """
    array = context.root.volume.array
    if array is None or not array.uuid:
        return None
    if not line.switch("rd.md", default=True) or line.has("rd_NO_MD"):
        return "rd.md=0 is on the command line, and the root is on RAID 1"
    named = {_plain(value) for value in line.values("rd.md.uuid", "rd_MD_UUID")}
    if not named:
        automatic = line.switch("rd.auto", default=False)
        return None if automatic else f"neither rd.md.uuid={array.uuid} nor rd.auto is on the command line"
    if _plain(array.uuid) in named:
        return None
    return f"the command line names other arrays for rd.md.uuid=, so {array.uuid} is not assembled"


def _plain(uuid: str) -> str:
    return uuid.replace("-", "").replace(":", "").lower()


def lvm_problem(line: CommandLine, context: RootContext) -> str | None:
    """Why dracut does not activate the volume that the root is on: only what is named is, if anything is."""
    if not context.root.volume.is_logical:
        return None
    if not line.switch("rd.lvm", default=True) or line.has("rd_NO_LVM"):
        return "rd.lvm=0 is on the command line, and the root is on LVM"
    volumes, groups = line.values("rd.lvm.lv", "rd_LVM_LV"), line.values("rd.lvm.vg", "rd_LVM_VG")
    own = context.root.volume.name
    if not (volumes or groups) or own in volumes or posixpath.dirname(own) in groups:
        return None
    return f"the command line names other volumes for rd.lvm.lv=, so {own} is not activated"
