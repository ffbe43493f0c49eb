"""What a disk has under which name, and what of it nobody can see: what a device's name is looked up in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.rootless import ENCRYPTED_TYPES, SIGNATURES
from imgtool.guest.filesystems.superblock import HEAD_BYTES
from imgtool.guest.fstab import DeviceName
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import BIOS_BOOT_GUID, Partition
from imgtool.guest.volumes import DiskLayout, Volume

HOLDS_NO_FILESYSTEM = frozenset(
    {
        BIOS_BOOT_GUID,
        "9e1a2d38-c612-4316-aa26-8b49521e5a8b",  # PReP boot
        "0x41",  # PReP boot
        "e3c9e316-0b5c-4db8-817d-f92df00215ae",  # Microsoft reserved
    }
)
"""Types of partitions whose content is code or nothing."""
CONTAINERS = frozenset({*ENCRYPTED_TYPES, "linux_raid_member", "bcache"})
"""What may hold any other volume inside."""
WITHOUT_IDENTITY = frozenset(signature.type for signature in SIGNATURES)
"""Types of which only the signature is read, and neither UUID nor label."""


@dataclass(frozen=True)
class DiskContents:
    """A disk's partitions, its volumes, and what is on them. No slots: `hidden` is kept."""

    layout: DiskLayout
    devices: Sequence[Device]
    problems: Sequence[str] = ()
    """Why some volumes could not be looked at."""

    def has(self, name: DeviceName) -> bool | None:
        """Whether the disk has what `name` means; None where that may lie in what cannot be seen."""
        if name.kind in {"PARTUUID", "PARTLABEL"}:
            return self._has_partition(name) or (None if self.layout.problem else False)
        if name.kind == "volume" and not name.value.endswith("/"):
            return self._has_volume(name.value)
        if any(device.is_named(name) for device in self.devices):
            return True
        return None if self.hidden else False

    @cached_property
    def hidden(self) -> str | None:
        """Where something could be that was not seen; None where all of the disk was."""
        return next(self._hidden(), None)

    def _has_partition(self, name: DeviceName) -> bool:
        if name.kind == "PARTLABEL":
            return any(partition.label == name.value for partition in self.layout.partitions)
        wanted = name.value.lower()
        return any(partition.uuid == wanted for partition in self.layout.partitions)

    def _has_volume(self, wanted: str) -> bool | None:
        if any(volume.name == wanted for volume in self.layout.volumes):
            return True
        return None if "/" in wanted and self.hidden else False

    def _hidden(self) -> Iterator[str]:
        yield from self.problems
        known = {device.volume.name for device in self.devices}
        for device in self.devices:
            kind = device.filesystem.type
            if kind in CONTAINERS or (kind in WITHOUT_IDENTITY and device.filesystem.uuid is None):
                yield f"{device.volume.name} ({kind})"
        partitions = {partition.name: partition for partition in self.layout.partitions}
        for volume in self.layout.volumes:
            if volume.name not in known and _may_hold_something(volume, partitions.get(volume.name)):
                yield f"{volume.name} (of no known type)"


def _may_hold_something(volume: Volume, partition: Partition | None) -> bool:
    """Not code of the firmware's, and not empty: mkfs leaves something in the first bytes."""
    if partition is not None and partition.type in HOLDS_NO_FILESYSTEM:
        return False
    try:
        return any(volume.open().read(HEAD_BYTES))
    except GuestReadError:
        return True
