"""Finds the system on a disk and mounts its file systems as its own fstab says.

What fstab names and the disk does not have is mounted as a node that cannot be read: whatever lies below
is then unknown, and not absent.
"""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, NoReturn

from imgtool.guest.filesystems.base import Filesystem, GuestReadError, Kind, Node
from imgtool.guest.filesystems.btrfs import BtrfsFilesystem
from imgtool.guest.filesystems.rootless import ENCRYPTED_TYPES
from imgtool.guest.fstab import DeviceName, FstabEntry, device_name, parse_fstab
from imgtool.guest.partitions import XBOOTLDR_GUID, Partition
from imgtool.guest.tree import GuestTree
from imgtool.guest.volumes import Volume
from imgtool.guest.windows.locate import is_windows
from imgtool.text import printable

ROOT_SUBVOLUMES = ("@", "root", "@rootfs", "@root")
"""Where Ubuntu and SUSE, Fedora, Debian's installer and others put the system, if not in the default one."""
OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
NEVER_A_ROOT = frozenset({"swap", "LVM2_member", "jbd"})
NETWORK_TYPES = ("nfs", "cifs", "smb", "ceph", "glusterfs", "9p", "virtiofs", "fuse.")
MAX_MOUNTS = 200


@dataclass(frozen=True, slots=True)
class Device:
    """A volume and the file system on it."""

    volume: Volume
    filesystem: Filesystem
    partition: Partition | None
    """The partition that the volume is, where it is one."""

    def is_named(self, name: DeviceName) -> bool:
        """Whether fstab means this device."""
        partition = self.partition
        is_called = {
            "UUID": self.filesystem.uuid,
            "LABEL": self.filesystem.label,
            "PARTUUID": partition.uuid if partition else None,
            "PARTLABEL": partition.label if partition else None,
            "volume": self.volume.name,
        }.get(name.kind)
        if is_called is None:
            return False
        if name.kind in {"UUID", "PARTUUID"}:
            return is_called.lower() == name.value.lower()
        return is_called == name.value


@dataclass(frozen=True, slots=True)
class System:
    """The system on the disk."""

    tree: GuestTree
    root: Device
    mount_points: dict[str, str]
    """Name of a volume to where the guest mounts it (first)."""
    kind: Literal["linux", "windows"] = "linux"


class UnreadableNode:
    """Stands where something is mounted that is not on this disk: every access says so."""

    kind = Kind.DIRECTORY

    def __init__(self, reason: str) -> None:
        self._reason = reason

    @property
    def size_bytes(self) -> int:
        """Not known."""
        self._refuse()

    def children(self) -> Iterator[tuple[str, Node]]:
        """Not known."""
        self._refuse()

    def child(self, name: str) -> Node | None:
        """Not known, whatever the `name`."""
        raise GuestReadError(f"{self._reason} (looking for {printable(name)})")

    def open(self) -> BinaryIO:
        """Not known."""
        self._refuse()

    def link_target(self) -> str:
        """Not known."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise GuestReadError(self._reason)


def find_system(devices: Sequence[Device], problems: Sequence[str]) -> System:
    """The one system on these devices.

    Raises GuestReadError where there is none, or more than one: then nobody can say which would boot.
    `problems` are the reasons why other volumes could not be looked at.
    """
    found: list[tuple[Device, str, Node]] = []
    unreadable = list(problems)
    for device in devices:
        if device.filesystem.type in NEVER_A_ROOT:
            continue
        try:
            found.extend((device, name, node) for name, node in _systems(device))
        except GuestReadError as error:
            unreadable.append(f"{device.volume.name}: {error}")
    if len(found) > 1:
        names = ", ".join(name for _, name, _ in found)
        raise GuestReadError(
            f"more than one system is on this disk ({names}): it is not clear which one boots"
        )
    if not found:
        raise GuestReadError(_nothing_found(devices, unreadable))
    device, _, node = found[0]
    return _mounted(device, node, devices)


def _nothing_found(devices: Sequence[Device], unreadable: Sequence[str]) -> str:
    if any(device.filesystem.type in ENCRYPTED_TYPES for device in devices):
        prefix = "no system can be read, and part of the disk is encrypted"
    elif devices or unreadable:
        prefix = "no Linux or Windows system was found on this disk"
    else:
        return "no known file system is on this disk"
    return f"{prefix} ({printable('; '.join(unreadable))})" if unreadable else prefix


def _systems(device: Device) -> list[tuple[str, Node]]:
    """The tops of the systems on this device, and where each is; more than one on Btrfs only.

    The default subvolume is what boots where nothing else is named: SUSE makes the current snapshot the
    default one, and the older snapshots below it are no systems of their own.
    """
    name = device.volume.name
    node = device.filesystem.root()
    if _is_system(node) or is_windows(device.filesystem.type, node):
        return [(name, node)]
    if not isinstance(device.filesystem, BtrfsFilesystem):
        return []
    top = device.filesystem.root("")
    below = [(subvolume, top.child(subvolume)) for subvolume in ROOT_SUBVOLUMES]
    return [
        (f"{name}, subvolume {subvolume}", found)
        for subvolume, found in below
        if found is not None and found.kind is Kind.DIRECTORY and _is_system(found)
    ]


def _is_system(node: Node) -> bool:
    """Whether a Linux system's root is here: os-release, or an fstab beside programs."""
    tree = GuestTree({"/": node})
    if any(map(tree.is_file, OS_RELEASE)):
        return True
    return tree.is_file("/etc/fstab") and (tree.is_directory("/usr") or tree.is_directory("/bin"))


def _mounted(root: Device, node: Node, devices: Sequence[Device]) -> System:
    if is_windows(root.filesystem.type, node):
        return System(GuestTree({"/": node}), root, {}, "windows")
    entries = _fstab(node)
    node = _root_of_fstab(root, node, entries)
    mounts: dict[str, Node] = {"/": node}
    mount_points = {root.volume.name: "/"}
    for entry in _fstab(node):
        point = posixpath.normpath(entry.mount_point)
        if point not in mounts and not entry.is_bind and len(mounts) < MAX_MOUNTS:
            device = _device_of(entry, devices)
            mounts[point] = _mount(entry, device)
            if device is not None:
                mount_points.setdefault(device.volume.name, point)
    _mount_by_type(mounts, mount_points, devices)
    return System(GuestTree(mounts), root, mount_points)


def _fstab(root: Node) -> tuple[FstabEntry, ...]:
    return parse_fstab(GuestTree({"/": root}).read_text("/etc/fstab") or "")


def _root_of_fstab(root: Device, node: Node, entries: Sequence[FstabEntry]) -> Node:
    """The subvolume that fstab mounts as `/`, where it names one that is a system; else `node`."""
    entry = next((entry for entry in entries if entry.mount_point == "/"), None)
    if entry is None or not isinstance(root.filesystem, BtrfsFilesystem):
        return node
    named = _subvolume(entry, root.filesystem)
    return named if named is not None and _is_system(named) else node


def _subvolume(entry: FstabEntry, filesystem: BtrfsFilesystem) -> Node | None:
    """The subvolume that the options name; None where they name none."""
    path, number = entry.option("subvol"), entry.option("subvolid")
    if path is not None:
        return filesystem.root(path)
    return filesystem.subvolume_by_id(int(number)) if number is not None and number.isdecimal() else None


def _device_of(entry: FstabEntry, devices: Sequence[Device]) -> Device | None:
    name = device_name(entry.device)
    return next((device for device in devices if device.is_named(name)), None)


def _mount(entry: FstabEntry, device: Device | None) -> Node:
    """The top of what an entry mounts, or a node that says why it cannot be read."""
    point = printable(entry.mount_point)
    if device is None:
        where = "on the network" if entry.type.startswith(NETWORK_TYPES) else "not on this disk"
        return UnreadableNode(f"{point}: {printable(entry.device)} is {where}")
    try:
        filesystem = device.filesystem
        subvolume = _subvolume(entry, filesystem) if isinstance(filesystem, BtrfsFilesystem) else None
        return subvolume or filesystem.root()
    except GuestReadError as error:
        return UnreadableNode(f"{point}: {device.volume.name} cannot be read: {error}")


def _mount_by_type(mounts: dict[str, Node], points: dict[str, str], devices: Sequence[Device]) -> None:
    """Boot partitions that fstab does not name: systemd-gpt-auto-generator(8) mounts them by their type."""
    unnamed = [(d, d.partition) for d in devices if d.partition is not None and d.volume.name not in points]
    for device, partition in unnamed:
        if partition.type == XBOOTLDR_GUID and "/boot" not in mounts:
            mounts["/boot"] = _mount(FstabEntry(device.volume.name, "/boot", "auto", ()), device)
    for device, partition in unnamed:
        point = _esp_point(mounts)
        if partition.is_esp and point not in mounts:
            mounts[point] = _mount(FstabEntry(device.volume.name, point, "auto", ()), device)


def _esp_point(mounts: dict[str, Node]) -> str:
    """An empty /boot, else /efi, where that is there; else where most distributions have it."""
    tree = GuestTree({"/": mounts["/"]})
    try:
        if "/boot" not in mounts and tree.is_directory("/boot") and not tree.names("/boot"):
            return "/boot"
        return "/efi" if tree.is_directory("/efi") else "/boot/efi"
    except GuestReadError:
        return "/boot/efi"
