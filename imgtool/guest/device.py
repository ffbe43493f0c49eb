"""A volume of the disk with the file system on it, and the names by which a guest may mean it."""

from dataclasses import dataclass

from imgtool.guest.filesystems.base import Filesystem
from imgtool.guest.fstab import DeviceName
from imgtool.guest.partitions import Partition
from imgtool.guest.volumes import Volume


@dataclass(frozen=True, slots=True)
class Device:
    """A volume and the file system on it."""

    volume: Volume
    filesystem: Filesystem
    partition: Partition | None
    """The partition that the volume is, where it is one."""

    def is_named(self, name: DeviceName) -> bool:
        """Whether fstab or the kernel's command line means this device."""
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
