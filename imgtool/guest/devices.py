"""Which devices the boot depends on, by `root=` and fstab, and whether the disk has them.

Sources: bootparam(7), fstab(5), systemd.mount(5), systemd-fstab-generator(8), dracut.cmdline(7), and the
names that udev's rules give to block devices (60-persistent-storage.rules).
"""

import posixpath
import re
from collections.abc import Iterator

from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.fstab import BY_PATH, SWAP, DeviceName, FstabEntry, device_entries, device_name
from imgtool.guest.kernel_command_line import CommandLine, parse_command_line
from imgtool.guest.mounts import NETWORK_TYPES
from imgtool.guest.root_device import (
    RootContext,
    lvm_problem,
    parted,
    raid_problem,
    root_problem,
    waited_for,
    without_root,
)
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.linux import DeviceReference
from imgtool.util.text import enumerated, printable

FSTAB = "/etc/fstab"
MAX_FSTAB_BYTES = 256 << 10
MAX_REFERENCES = 500
"""Entries of one fstab; SUSE writes a dozen, one for each subvolume."""
CRYPTTAB = "/etc/crypttab"
MAX_CRYPTTAB_BYTES = 64 << 10
TAGS = (*BY_PATH.values(), "ID")
MADE_AT_BOOT = re.compile(r"/dev/(?:zram|ram|loop)\d+|/dev/shm/.*")
"""Devices of memory and of files: no disk has them."""
NOT_NEEDED = frozenset({"nofail", "noauto", "_netdev", "x-systemd.automount"})
"""Options with which the boot goes on without the device: systemd.mount(5)."""
BUS_NAMES = re.compile(r"/dev/(?:[svh]d|xvd)[a-z]+\d*|/dev/(?:nvme|mmcblk|dm-|sr|fd|nbd|cdrom|dvd|scd)[^/]*")
"""Names by the kind of the bus and the order in which devices were found."""
BY_HARDWARE = re.compile(r"/dev/disk/by-(?:id|path|diskseq)/(?P<name>.*)")
PART_SUFFIX = re.compile(r".*-part(\d{1,4})")
ANOTHER_DISK = re.compile(r"/dev/(?:[svh]d|xvd)[b-z]\d*|/dev/nvme(?:[1-9]\d*n\d+|0n[2-9])(?:p\d+)?")
ROOT_IS_NO_DEVICE = (
    "nfs",
    "live:",
    "iscsi:",
    "nbd:",
    "zfs",
    "cifs",
    "virtiofs",
    "tmpfs",
    "gpt-auto",
    "fstab",
)
KERNEL_S_ROOT = "/dev/root"
"""What the kernel calls the root file system that it mounted itself."""


def read_device_references(
    tree: GuestTree, contents: DiskContents, command_line: Fact[str], context: RootContext | None = None
) -> Known[tuple[DeviceReference, ...]]:
    """The device of `root=`, where the command line is known, and those of fstab, in their order.

    `context`: what the root is compared with.
    """
    encrypted = _crypttab_names(tree)
    found = list(_root_references(command_line, contents, encrypted, context))
    text = (tree.read_bytes(FSTAB, MAX_FSTAB_BYTES) or b"").decode("utf-8", "replace")
    entries = [entry for entry in device_entries(text) if _is_device(entry)]
    if len(entries) > MAX_REFERENCES:
        raise GuestReadError(f"{FSTAB}: more than {MAX_REFERENCES} devices")
    found += [_of_fstab(entry, contents, encrypted) for entry in entries]
    return Known(
        tuple(found), enumerated([f"{one.source}: {one.device}" for one in found], "; ") or "none is named"
    )


def _of_fstab(entry: FstabEntry, contents: DiskContents, encrypted: frozenset[str]) -> DeviceReference:
    on_network = _is_on_network(entry)
    """Without its swap space the boot goes on; what crypttab opens is the matter of local_mounts.py."""
    needed = entry.mount_point == "/" or not NOT_NEEDED.intersection(entry.options)
    needed = needed and entry.type != SWAP and _mapper_name(entry.device) not in encrypted
    return DeviceReference(
        source=FSTAB,
        device=printable(entry.device),
        mount_point=SWAP if entry.type == SWAP else printable(entry.mount_point),
        resolves=None if on_network else disk_has(entry.device, contents, encrypted),
        stable=_is_stable(entry.device),
        required=needed and not on_network,
    )


def _root_references(
    command_line: Fact[str], contents: DiskContents, encrypted: frozenset[str], context: RootContext | None
) -> Iterator[DeviceReference]:
    """The last `root=` counts, as it does for the kernel."""
    if isinstance(command_line, Unknown):
        return
    own = context.own_options if context is not None else ""
    line = parse_command_line(f"{own} {command_line.value}")
    device = (line.root or "").removeprefix("block:").strip("\"'")
    source = command_line.evidence
    if context is not None and context.generator == "dracut":
        for name, there in waited_for(line, contents):
            yield DeviceReference(source, printable(name), "/", there, stable=True, required=True)
        yield from _usr_reference(line, source, contents, encrypted)
    if not device and context is not None:
        problem = without_root(context, line)
        if problem is not None:
            yield DeviceReference(source, "root=", "/", None, stable=True, required=True, problem=problem)
    if not device or device.startswith(ROOT_IS_NO_DEVICE) or device in {"/dev/nfs", "/dev/gpt-auto-root"}:
        return
    resolves = _root_resolves(device, contents, encrypted)
    problem = None
    if context is not None and resolves:
        by_dracut = context.generator == "dracut"
        below = (raid_problem(line, context) or lvm_problem(line, context)) if by_dracut else None
        problem = below or root_problem(device, line, contents, context)
    yield DeviceReference(
        source=source,
        device=printable(device),
        mount_point="/",
        resolves=resolves,
        stable=_is_stable(device),
        required=True,
        problem=problem,
    )


def _root_resolves(device: str, contents: DiskContents, encrypted: frozenset[str]) -> bool | None:
    if MADE_AT_BOOT.fullmatch(device):
        return False
    return None if "$" in device else _resolves(parted(device, contents), contents, encrypted)


def _usr_reference(
    line: CommandLine, source: str, contents: DiskContents, encrypted: frozenset[str]
) -> Iterator[DeviceReference]:
    """`mount.usr=`, which systemd mounts in the initramfs: systemd-fstab-generator(8).

    What is set up there first, by dm-verity say, is not on the disk by that name.
    """
    device = line.value("mount.usr") or ""
    if device and not device.startswith(("/dev/mapper/", "/dev/disk/by-id/dm-")) and "$" not in device:
        resolves = _resolves(device, contents, encrypted)
        yield DeviceReference(source, printable(device), "/usr", resolves, _is_stable(device), required=True)


def _is_device(entry: FstabEntry) -> bool:
    """Not a file that is used as swap or mounted by a loop, and nothing that is made at boot."""
    tag, equals, _ = entry.device.partition("=")
    if (equals and tag in TAGS) or _is_on_network(entry) or entry.type == "zfs":
        return True
    return entry.device.startswith("/dev/") and not MADE_AT_BOOT.fullmatch(entry.device)


def _is_on_network(entry: FstabEntry) -> bool:
    return entry.type.startswith(NETWORK_TYPES)


def _is_stable(device: str) -> bool:
    """Whether the name means the same on another machine: not by bus, serial number or order."""
    hardware = BY_HARDWARE.fullmatch(device)
    if hardware is not None:
        return hardware["name"].startswith(("dm-name-", "dm-uuid-", "lvm-pv-uuid-"))
    return not (device.startswith("ID=") or BUS_NAMES.fullmatch(device))


def _resolves(device: str, contents: DiskContents, encrypted: frozenset[str]) -> bool | None:
    """Whether the disk has it; None where that cannot be told."""
    if device == KERNEL_S_ROOT:
        return True
    if ANOTHER_DISK.fullmatch(device):
        return False
    hardware = BY_HARDWARE.fullmatch(device)
    if hardware is not None:
        return _by_hardware(hardware["name"], contents, encrypted)
    if _mapper_name(device) in encrypted or "/PARTNROFF=" in device:
        return None
    name = device_name(device)
    if name.kind == "path" or device.startswith("/dev/md"):
        return None
    return contents.has(name)


def disk_has(device: str, contents: DiskContents, encrypted: frozenset[str] = frozenset()) -> bool | None:
    """Whether an instance of this disk has a device of this name; None where that cannot be told.

    The names of fstab and of units are those of udev's links and of blkid, to which case matters.
    """
    resolves = _resolves(device, contents, encrypted)
    name = device_name(device)
    if resolves and name.kind in {"UUID", "PARTUUID"} and not _is_exact(name, contents):
        return False
    return resolves


def _is_exact(name: DeviceName, contents: DiskContents) -> bool:
    if name.kind == "PARTUUID":
        return any(partition.uuid == name.value for partition in contents.layout.partitions)
    return any(device.filesystem.uuid == name.value for device in contents.devices)


def _by_hardware(name: str, contents: DiskContents, encrypted: frozenset[str]) -> bool | None:
    """Look for the number of the partition, where the name ends in one: the disk itself could be this."""
    if name.startswith("dm-name-"):
        return _resolves(f"/dev/mapper/{name.removeprefix('dm-name-')}", contents, encrypted)
    part = PART_SUFFIX.fullmatch(name)
    return contents.has(device_name(f"/dev/sda{part[1]}")) if part else None


def _mapper_name(device: str) -> str:
    return posixpath.basename(device) if device.startswith("/dev/mapper/") else ""


def _crypttab_names(tree: GuestTree) -> frozenset[str]:
    """Names that crypttab(5) gives to what it opens: nobody can look inside."""
    content = tree.read_bytes(CRYPTTAB, MAX_CRYPTTAB_BYTES) or b""
    lines = (line.split() for line in content.decode("utf-8", "replace").splitlines())
    return frozenset(fields[0] for fields in lines if fields and not fields[0].startswith("#"))
