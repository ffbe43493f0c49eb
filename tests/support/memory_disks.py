"""Whole disks in memory: partitions with file systems of files that a test names."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from support.memory_filesystem import Content, MemoryFilesystem

from imgtool.guest.device import Device
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.filesystems.base import Filesystem
from imgtool.guest.partitions import Partition
from imgtool.guest.volumes import DiskLayout, Volume

LINUX_GUID = "0fc63daf-8483-4772-8e79-3d69d8477de4"


@dataclass(frozen=True)
class Part:
    """One partition; `filesystem` comes before `files`."""

    files: Mapping[str, Content] = field(default_factory=dict)
    label: str | None = None
    type: str = LINUX_GUID
    partition_label: str | None = None
    uuid: str | None = None
    filesystem: Filesystem | None = None
    empty: bool = False
    """There is nothing on it."""


def contents(*parts: Part) -> DiskContents:
    """The disk with these partitions, numbered from 1."""
    partitions = tuple(
        Partition(number, one.type, f"aaaa-{number}", one.partition_label, 0, 4096, bootable=False)
        for number, one in enumerate(parts, 1)
    )
    volumes = tuple(Volume(one.name, 4096, (one.number,), io.BytesIO) for one in partitions)
    devices = [
        Device(volume, one.filesystem or _memory(one), partition)
        for one, volume, partition in zip(parts, volumes, partitions, strict=True)
        if not one.empty
    ]
    return DiskContents(DiskLayout("gpt", partitions, bytes(512), volumes), devices)


def _memory(one: Part) -> Filesystem:
    return MemoryFilesystem(one.files, label=one.label, uuid=one.uuid)
