"""The story of one disk: volumes -> file systems -> the system on them -> its facts."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import BinaryIO

from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.clean import read_clean
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.firmware import read_firmware
from imgtool.guest.linux import read_linux
from imgtool.guest.mounts import Device, System, find_system
from imgtool.guest.volumes import DiskLayout, Volume, read_layout
from imgtool.guest.windows.facts import read_windows
from imgtool.model.facts import Known
from imgtool.model.guest import GuestFacts
from imgtool.model.layout import FilesystemFacts, PartitionFacts
from imgtool.model.look_for import NOTHING_ELSE, LookFor


def inspect_disk(disk: BinaryIO, size_bytes: int, look_for: LookFor = NOTHING_ELSE) -> GuestFacts:
    """All that can be told of the guest on this disk; never raises for what is on it.

    `disk` gives the guest's bytes, `size_bytes` of them; `look_for` is what a policy asks for besides. What
    cannot be read is unknown, with the reason.
    """
    facts = GuestFacts("unknown", "the disk was not read")
    try:
        layout = read_layout(disk, size_bytes)
        facts = replace(facts, partition_table=layout.scheme, partitions=_partitions(layout))
        devices, problems = _open_devices(layout)
        facts = replace(facts, filesystems=_filesystems(devices, {}), firmware=read_firmware(layout, devices))
        with guarded("the guest"):
            system = find_system(devices, problems)
        facts = replace(facts, filesystems=_filesystems(devices, system.mount_points))
        with guarded("the system"):
            facts = _with_system(facts, system, DiskContents(layout, devices, problems), look_for)
    except GuestReadError as error:
        return replace(facts, status="unknown", reason=str(error))
    found = facts.linux or facts.windows
    if found is not None and isinstance(found.architecture, Known):
        facts = replace(facts, firmware=read_firmware(layout, devices, found.architecture.value))
    return replace(facts, status="known")


def _with_system(facts: GuestFacts, system: System, contents: DiskContents, look_for: LookFor) -> GuestFacts:
    name = system.root.volume.name
    if system.kind == "linux":
        return replace(facts, reason=f"Linux on {name}", linux=read_linux(system, contents, look_for))
    windows = read_windows(system.tree, look_for)
    if isinstance(windows.hibernated, Known) and windows.hibernated.value:
        facts = replace(facts, filesystems=_in_use(facts.filesystems, name, windows.hibernated.evidence))
    return replace(facts, reason=f"Windows on {name}", windows=windows)


def _in_use(
    filesystems: Sequence[FilesystemFacts], device: str, evidence: str
) -> tuple[FilesystemFacts, ...]:
    """A system that is hibernated has its file system still mounted."""
    unclean = Known(value=False, evidence=evidence)
    return tuple(replace(one, clean=unclean) if one.device == device else one for one in filesystems)


def _partitions(layout: DiskLayout) -> tuple[PartitionFacts, ...]:
    return tuple(
        PartitionFacts(one.number, one.type, one.label, one.start_bytes, one.size_bytes)
        for one in layout.partitions
    )


def _open_devices(layout: DiskLayout) -> tuple[list[Device], list[str]]:
    """Each volume with something known on it, and why others could not be looked at."""
    devices = []
    problems = [layout.problem] if layout.problem else []
    partitions = {partition.name: partition for partition in layout.partitions}
    for volume in layout.volumes:
        try:
            device = _open_device(volume)
        except GuestReadError as error:
            problems.append(str(error))
        else:
            devices.extend([replace(device, partition=partitions.get(volume.name))] if device else [])
    return devices, problems


def _open_device(volume: Volume) -> Device | None:
    with guarded(volume.name):
        filesystem = open_filesystem(volume.open(), volume.size_bytes)
    return Device(volume, filesystem, None) if filesystem is not None else None


def _filesystems(devices: Sequence[Device], mount_points: dict[str, str]) -> tuple[FilesystemFacts, ...]:
    return tuple(
        FilesystemFacts(
            device=device.volume.name,
            type=device.filesystem.type,
            label=device.filesystem.label,
            uuid=device.filesystem.uuid,
            mount_point=mount_points.get(device.volume.name),
            clean=fact_of(partial(_clean, device)),
            partitions=device.volume.partitions,
        )
        for device in devices
    )


def _clean(device: Device) -> Known[bool]:
    volume = device.volume
    with guarded(volume.name):
        return read_clean(device.filesystem.type, volume.open(), volume.size_bytes)
