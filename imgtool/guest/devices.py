"""Which devices the boot depends on, by `root=` and fstab, and whether the disk has them.

Sources: bootparam(7), fstab(5), systemd.mount(5), systemd-fstab-generator(8), dracut.cmdline(7), and the
names that udev's rules give to block devices (60-persistent-storage.rules).
"""

import posixpath
import re
import shlex
from collections.abc import Iterator

from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.fstab import BY_PATH, SWAP, FstabEntry, device_entries, device_name
from imgtool.guest.mounts import NETWORK_TYPES
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.linux import DeviceReference
from imgtool.text import printable

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
    tree: GuestTree, contents: DiskContents, command_line: Fact[str]
) -> Known[tuple[DeviceReference, ...]]:
    """The device of `root=`, where the command line is known, and those of fstab, in their order."""
    encrypted = _crypttab_names(tree)
    found = list(_root_references(command_line, contents, encrypted))
    text = (tree.read_bytes(FSTAB, MAX_FSTAB_BYTES) or b"").decode("utf-8", "replace")
    entries = [entry for entry in device_entries(text) if _is_device(entry)]
    if len(entries) > MAX_REFERENCES:
        raise GuestReadError(f"{FSTAB}: more than {MAX_REFERENCES} devices")
    found += [_of_fstab(entry, contents, encrypted) for entry in entries]
    return Known(tuple(found), "; ".join(f"{one.source}: {one.device}" for one in found) or "none is named")


def _of_fstab(entry: FstabEntry, contents: DiskContents, encrypted: frozenset[str]) -> DeviceReference:
    on_network = _is_on_network(entry)
    needed = entry.mount_point == "/" or not NOT_NEEDED.intersection(entry.options)
    return DeviceReference(
        source=FSTAB,
        device=printable(entry.device),
        mount_point=SWAP if entry.type == SWAP else printable(entry.mount_point),
        resolves=None if on_network else _resolves(entry.device, contents, encrypted),
        stable=_is_stable(entry.device),
        required=needed and not on_network,
    )


def _root_references(
    command_line: Fact[str], contents: DiskContents, encrypted: frozenset[str]
) -> Iterator[DeviceReference]:
    """The last `root=` counts, as it does for the kernel."""
    if isinstance(command_line, Unknown):
        return
    roots = [word.removeprefix("root=") for word in _words(command_line.value) if word.startswith("root=")]
    device = roots[-1].removeprefix("block:").strip("\"'") if roots else ""
    if not device or device.startswith(ROOT_IS_NO_DEVICE) or device in {"/dev/nfs", "/dev/gpt-auto-root"}:
        return
    yield DeviceReference(
        source=command_line.evidence,
        device=printable(device),
        mount_point="/",
        resolves=None if "$" in device else _resolves(device, contents, encrypted),
        stable=_is_stable(device),
        required=True,
    )


def _words(options: str) -> list[str]:
    try:
        return shlex.split(options)
    except ValueError:
        return options.split()


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


def _by_hardware(name: str, contents: DiskContents, encrypted: frozenset[str]) -> bool | None:
    """By the number of the partition, where the name ends in one: the disk itself could be this one."""
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
