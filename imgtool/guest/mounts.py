"""Finds the system on a disk and mounts its file systems as its own fstab says.

What fstab names and the disk does not have is mounted as a node that cannot be read: whatever lies below
is then unknown, and not absent.
"""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal, NoReturn

from imgtool.guest.arrangements import flatcar_etc
from imgtool.guest.device import Device
from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.btrfs import BtrfsFilesystem
from imgtool.guest.fstab import FstabEntry, device_name, parse_fstab
from imgtool.guest.partitions import HOME_GUID, SRV_GUID, XBOOTLDR_GUID
from imgtool.guest.roots import Root, choose_root, is_system, named_subvolume, read_fstab, usr_device
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

__all__ = ["NETWORK_TYPES", "Device", "System", "UnreadableNode", "find_system", "with_kernels"]

NETWORK_TYPES = ("nfs", "cifs", "smb", "ceph", "glusterfs", "9p", "virtiofs", "fuse.")
MAX_MOUNTS = 200
KERNELS = ("vmlinuz", "vmlinux", "Image-")
"""How the names of kernels begin in /boot."""
BY_TYPE = {HOME_GUID: "/home", SRV_GUID: "/srv"}


@dataclass(frozen=True, slots=True)
class System:
    """The system on the disk."""

    tree: GuestTree
    root: Device
    mount_points: dict[str, str]
    """Name of a volume to where the guest mounts it (first)."""
    kind: Literal["linux", "windows"] = "linux"
    arrangement: str = ""
    """ostree, nixos, flatcar: how the root is put together; empty where it is one as it stands."""


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

    @property
    def permissions(self) -> int:
        """Not known."""
        self._refuse()

    def xattr(self, name: str) -> bytes | None:
        """Not known, whatever the `name`."""
        raise GuestReadError(f"{self._reason} (looking for {printable(name)})")

    def _refuse(self) -> NoReturn:
        raise GuestReadError(self._reason)


def find_system(devices: Sequence[Device], problems: Sequence[str], options: str | None = None) -> System:
    """The system on these devices that boots, mounted as its fstab says.

    `problems` are the reasons why other volumes could not be looked at; `options` is the kernel's command
    line of the entry that boots, None where it is not known. Raises GuestReadError where there is no system,
    or where nothing decides between two.
    """
    return _mounted(choose_root(devices, problems, options), devices, options)


def with_kernels(system: System, devices: Sequence[Device]) -> System:
    """Return the system with a file system on /boot that holds a kernel, where it has none there otherwise.

    fstab may not show that: XFS has in its log, which is not replayed here, what was written last.
    """
    if system.kind != "linux" or _holds_a_kernel(system.tree, "/boot"):
        return system
    tops = (_top(device) for device in devices if device is not system.root)
    top = next((one for one in tops if one is not None and _holds_a_kernel(GuestTree({"/": one}), "/")), None)
    return system if top is None else replace(system, tree=system.tree.with_mount("/boot", top))


def _holds_a_kernel(tree: GuestTree, path: str) -> bool:
    try:
        return any(name.startswith(KERNELS) for name in tree.names(path))
    except GuestReadError:
        return False


def _top(device: Device) -> Node | None:
    try:
        return device.filesystem.root()
    except GuestReadError:
        return None


def _mounted(chosen: Root, devices: Sequence[Device], options: str | None) -> System:
    root = chosen.device
    if chosen.kind == "windows":
        return System(chosen.tree, root, {}, "windows")
    node = chosen.node if chosen.is_named else _root_of_fstab(root, chosen.node)
    own = dict(chosen.arrangement.mounts) if chosen.arrangement is not None else {}
    mounts: dict[str, Node] = {"/": node}
    mount_points = {root.volume.name: "/"}
    fstab = GuestTree({"/": node, **own}).read_text("/etc/fstab") or ""
    for entry in parse_fstab(fstab):
        point = posixpath.normpath(entry.mount_point)
        if point not in mounts and not entry.is_bind and len(mounts) < MAX_MOUNTS:
            device = _device_of(entry, devices)
            mounts[point] = _mount(entry, device)
            if device is not None:
                mount_points.setdefault(device.volume.name, point)
    mounts = {**own, **mounts}
    _mount_usr(mounts, mount_points, usr_device(devices, options))
    kind = chosen.arrangement.kind if chosen.arrangement is not None else _flatcar(mounts)
    _mount_by_type(mounts, mount_points, devices)
    return System(GuestTree(mounts), root, mount_points, arrangement=kind)


def _flatcar(mounts: dict[str, Node]) -> str:
    """Lays Flatcar's /etc over that of its /usr; on all other systems nothing is done."""
    try:
        etc = flatcar_etc(GuestTree(mounts))
    except GuestReadError:
        return ""
    if etc is None:
        return ""
    mounts["/etc"] = etc
    return "flatcar"


def _root_of_fstab(root: Device, node: Node) -> Node:
    """The subvolume that fstab mounts as `/`, where it names one that is a system; else `node`."""
    entry = next((entry for entry in read_fstab(node) if entry.mount_point == "/"), None)
    if entry is None or not isinstance(root.filesystem, BtrfsFilesystem):
        return node
    named = _subvolume(entry, root.filesystem)
    return named if named is not None and is_system(named) else node


def _subvolume(entry: FstabEntry, filesystem: BtrfsFilesystem) -> Node | None:
    """The subvolume that the options name; None where they name none."""
    return named_subvolume(filesystem, entry.option("subvol"), entry.option("subvolid"))


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


def _mount_usr(mounts: dict[str, Node], points: dict[str, str], device: Device | None) -> None:
    """A partition of its type is /usr where the root has none of its own: systemd-gpt-auto-generator(8)."""
    if device is not None and "/usr" not in mounts and not _is_filled(mounts, "/usr"):
        mounts["/usr"] = device.filesystem.root()
        points.setdefault(device.volume.name, "/usr")


def _is_filled(mounts: dict[str, Node], path: str) -> bool:
    try:
        return bool(GuestTree(mounts).names(path))
    except GuestReadError:
        return True


def _mount_by_type(mounts: dict[str, Node], points: dict[str, str], devices: Sequence[Device]) -> None:
    """Partitions that fstab does not name: systemd-gpt-auto-generator(8) mounts them by their type."""
    unnamed = [(d, d.partition) for d in devices if d.partition is not None and d.volume.name not in points]
    for device, partition in unnamed:
        if partition.type == XBOOTLDR_GUID and "/boot" not in mounts:
            mounts["/boot"] = _mount(FstabEntry(device.volume.name, "/boot", "auto", ()), device)
        point = BY_TYPE.get(partition.type)
        if point is not None and point not in mounts and not _is_filled(mounts, point):
            mounts[point] = _mount(FstabEntry(device.volume.name, point, "auto", ()), device)
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
