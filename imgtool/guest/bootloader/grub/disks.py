"""The disk as GRUB names it, and the files on it.

`hd0` is the disk that was booted from; `hd0,gpt3`, `hd0,msdos1` and `hd0,3` are partitions; `lvm/vg-lv` has
each dash of a name doubled. Sources: GRUB's grub-core/kern/{disk,partition,device,file}.c, fs/fshelp.c,
fs/btrfs.c, disk/{lvm,diskfilter}.c, partmap/{gpt,msdos}.c.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.bootloader.grub.errors import Err, GrubError, Undecided
from imgtool.guest.bootloader.run import LoaderFile
from imgtool.guest.bootloader.start import Start
from imgtool.guest.disk_contents import CONTAINERS
from imgtool.guest.filesystems.base import Filesystem, GuestReadError, Kind, Node
from imgtool.guest.filesystems.rootless import ENCRYPTED_TYPES
from imgtool.guest.mounts import Device
from imgtool.guest.volumes import DiskLayout, Volume
from imgtool.util.text import printable

BOOT_DISK = "hd0"
MAX_LINKS = 8
"""GRUB gives up at the eighth symbolic link of a path."""
MAX_PATH_CHARACTERS = 8192
WITHOUT_FILES = frozenset({"swap", "jbd", "LVM2_member", *CONTAINERS})
"""Types that are no file systems, for GRUB as for everybody."""
HIDDEN_PREFIXES = ("lvmid/", "md/", "mduuid/", "cryptouuid/", "crypto")
"""Names of devices that are looked up by what is not read here."""

_PARTITION = re.compile(r"([A-Za-z]*)(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})")


@dataclass(frozen=True, slots=True)
class Place:
    """A path taken apart: which device it is on, and the path there."""

    device: str
    path: str


class Disks:
    """Finds devices and files by GRUB's names."""

    def __init__(self, start: Start, devices: Sequence[Device], layout: DiskLayout) -> None:
        self._layout = layout
        self._map = "gpt" if layout.scheme == "gpt" else "msdos"
        by_volume = {device.volume.name: device for device in devices}
        self._devices: dict[str, Device | None] = {BOOT_DISK: by_volume.get("disk")}
        for partition in layout.partitions:
            self._devices[self._partition_name(partition.number)] = by_volume.get(partition.name)
        for volume in layout.volumes:
            if volume.is_logical:
                self._devices[logical_name(volume.name)] = by_volume.get(volume.name)
        if start.memdisk is not None:
            self._devices = {"memdisk": _memory_disk(start.memdisk), **self._devices}
        self._has_containers = any(device.filesystem.type in CONTAINERS for device in devices)
        self.has_encrypted = any(device.filesystem.type in ENCRYPTED_TYPES for device in devices)
        """Whether there is something for `cryptomount`."""

    def names(self) -> Iterator[str]:
        """All devices in the order in which GRUB looks through them: of partitions the last one first."""
        partitions = [name for name in self._devices if name.startswith(f"{BOOT_DISK},")]
        for name in self._devices:
            if name not in partitions:
                yield name
            if name == BOOT_DISK:
                yield from reversed(partitions)

    def partitions(self, disk: str) -> list[str]:
        """The partitions of one disk, first to last."""
        return [name for name in self._devices if name.startswith(f"{disk},")]

    def partition_map(self, name: str) -> str:
        """`gpt`, `msdos`, or `none` for what is no partition."""
        return self._map if "," in self.canonical(name) else "none"

    def name_of(self, device: Device) -> str | None:
        """GRUB's name of a device that is on this disk."""
        named = (
            name for name, one in self._devices.items() if one is not None and one.volume == device.volume
        )
        return next(named, None)

    def canonical(self, name: str) -> str:
        """The device's full name. Raises GrubError where there is none, Undecided where that is not known."""
        if name in self._devices:
            return name
        disk, comma, part = name.partition(",")
        if name.startswith(HIDDEN_PREFIXES) and (self._has_containers or name.startswith("lvmid/")):
            raise Undecided(f"({printable(name)}) is looked up by what is not read here")
        if disk not in self._devices:
            raise GrubError(Err.UNKNOWN_DEVICE, f"disk `{name}' not found")
        found = _PARTITION.fullmatch(part) if comma else None
        if found is None:
            raise GrubError(Err.BAD_NUMBER, "invalid partition number")
        canonical = self._partition_name(int(found[2], 0 if found[2].startswith("0x") else 10))
        if found[1] not in {"", self._map} or canonical not in self._devices:
            raise GrubError(Err.UNKNOWN_DEVICE, "no such partition")
        return canonical

    def device(self, name: str) -> Device:
        """The device of that name with its file system. Raises GrubError where GRUB knows none on it."""
        device = self._devices[self.canonical(name)]
        if device is None or device.filesystem.type in WITHOUT_FILES:
            raise GrubError(Err.UNKNOWN_FS, "unknown filesystem")
        return device

    def _partition_name(self, number: int) -> str:
        return f"{BOOT_DISK},{self._map}{number}"


def logical_name(volume: str) -> str:
    """GRUB's name of the logical volume `group/name`."""
    group, _, name = volume.partition("/")
    return f"lvm/{group.replace('-', '--')}-{name.replace('-', '--')}"


def _memory_disk(filesystem: Filesystem) -> Device:
    return Device(Volume("memdisk", 0, (), _no_bytes), filesystem, None)


def _no_bytes() -> BinaryIO:
    raise GuestReadError("the memory disk is in the loader's image")


def top_of(device: Device, *, relative: bool) -> Node:
    """Where paths begin: on Btrfs the top-level subvolume, or with `btrfs_relative_path` the default one."""
    if device.filesystem.type == "btrfs" and not relative:
        return device.filesystem.root("")
    return device.filesystem.root()


def find(device: Device, path: str, *, relative: bool) -> LoaderFile:
    """Whatever is at `path`, links followed within this file system. Raises GrubError."""
    if not path.startswith("/") or len(path) > MAX_PATH_CHARACTERS:
        raise GrubError(Err.BAD_FILENAME, f"invalid file name `{path}'")
    trail = [("", top_of(device, relative=relative))]
    pending = _parts(path)
    links = 0
    while pending:
        name = pending.popleft()
        if trail[-1][1].kind is not Kind.DIRECTORY:
            raise GrubError(Err.BAD_FILE_TYPE, "not a directory")
        if name == "..":
            trail = trail[:-1] or trail
            continue
        node = child(device, trail[-1][1], name)
        if node is None:
            raise GrubError(Err.FILE_NOT_FOUND, f"file `{path}' not found")
        if node.kind is not Kind.SYMLINK:
            trail.append((name, node))
            continue
        links += 1
        if links >= MAX_LINKS:
            raise GrubError(Err.SYMLINK_LOOP, "too deep nesting of symlinks")
        target = node.link_target()[:MAX_PATH_CHARACTERS]
        pending = _parts(target) + pending
        trail = trail[:1] if target.startswith("/") else trail
    return LoaderFile(device, "/".join(name for name, _ in trail) or "/", trail[-1][1])


def _parts(path: str) -> deque[str]:
    return deque(name for name in path.split("/") if name not in {"", "."})


def child(device: Device, directory: Node, name: str) -> Node | None:
    """The entry of that name; on FAT in whatever case of letters."""
    found = directory.child(name)
    if found is not None or device.filesystem.type not in {"vfat", "exfat", "ntfs"}:
        return found
    folded = name.casefold()
    return next((node for entry, node in directory.children() if entry.casefold() == folded), None)
