"""A disk -> its partitions and logical volumes.

A volume that cannot be read says why when it is opened; it never hides its neighbours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, cast

from imgtool.guest import gpt, mbr
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.lvm import LogicalVolume, PhysicalVolume, logical_volumes, read_physical_volume
from imgtool.guest.partitions import SECTOR_BYTES, Partition, Scheme
from imgtool.guest.streams import Disk, Segment, VolumeStream, linear

MAX_VOLUMES = 2048


@dataclass(frozen=True, slots=True)
class Volume:
    """Where a file system may be."""

    name: str
    """`disk` (no partition table), `partition 1`, or `group/name` of a logical volume."""
    size_bytes: int
    partitions: tuple[int, ...]
    """Numbers of the partitions that it lies on; none for `disk`."""
    opener: Callable[[], BinaryIO]

    def open(self) -> BinaryIO:
        """Its bytes; GuestReadError where they cannot be had."""
        return self.opener()

    @property
    def is_logical(self) -> bool:
        """Whether it is a logical volume of LVM."""
        return "/" in self.name


@dataclass(frozen=True, slots=True)
class DiskLayout:
    """How a disk is divided."""

    scheme: Scheme
    partitions: tuple[Partition, ...]
    boot_sector: bytes
    """The first 512 bytes of the disk."""
    core_sector: bytes
    """The sector that GRUB's boot sector, if it is one, goes on with; else empty."""
    volumes: tuple[Volume, ...]
    problem: str | None = None
    """What could not be read of the table or of LVM, or None."""

    @property
    def boot_code(self) -> bool:
        """Whether the first sector is marked as a boot sector, and has code."""
        return self.boot_sector[510:] == mbr.SIGNATURE and any(self.boot_sector[: mbr.CODE_BYTES])


GRUB_CORE_LBA = 0x5C
"""Where GRUB's boot sector keeps the number of the next one: GRUB_BOOT_MACHINE_KERNEL_SECTOR."""


def read_layout(disk: BinaryIO, size_bytes: int) -> DiskLayout:
    """The partitions and volumes of the disk. Raises GuestReadError where its partition table is damaged."""
    with guarded("the disk"):
        return _read_layout(Disk(disk, size_bytes))


def _read_layout(disk: Disk) -> DiskLayout:
    sector = disk.read_at(0, SECTOR_BYTES)
    scheme, partitions, problem = _read_table(disk, sector)
    volumes = [_partition_volume(disk, partition) for partition in partitions]
    if scheme == "none":
        volumes = [Volume("disk", disk.size_bytes, (), partial(_open, disk, (linear(0, disk.size_bytes),)))]
    logical, lvm_problem = _read_logical(disk, _places(disk, partitions))
    problem = "; ".join(filter(None, (problem, lvm_problem))) or None
    core = disk.read_at(
        int.from_bytes(sector[GRUB_CORE_LBA : GRUB_CORE_LBA + 8], "little") * SECTOR_BYTES, 512
    )
    return DiskLayout(scheme, partitions, sector, core, (*volumes, *logical)[:MAX_VOLUMES], problem)


def _read_table(disk: Disk, sector: bytes) -> tuple[Scheme, tuple[Partition, ...], str | None]:
    table = mbr.entries(sector)
    if table is not None and any(entry.type == mbr.PROTECTIVE for entry in table):
        return "gpt", gpt.read_gpt(disk), None
    if mbr.is_table(table):
        return "mbr", *mbr.read_mbr(disk, sector)
    if gpt.has_gpt(disk):
        raise GuestReadError("there is a GUID partition table, but no master boot record that protects it")
    return "none", (), None


def _partition_volume(disk: Disk, partition: Partition) -> Volume:
    segments = (linear(partition.start_bytes, partition.size_bytes),)
    opener = partial(_open, disk, segments)
    if partition.size_bytes == 0:
        opener = partial(_refuse, f"{partition.name} lies beyond the end of the disk")
    return Volume(partition.name, partition.size_bytes, (partition.number,), opener)


def _places(disk: Disk, partitions: tuple[Partition, ...]) -> Iterator[tuple[str, int, int]]:
    """Name, start and size of what may be a physical volume."""
    if not partitions:
        yield "disk", 0, disk.size_bytes
    for partition in partitions:
        yield partition.name, partition.start_bytes, partition.size_bytes


def _read_logical(disk: Disk, places: Iterator[tuple[str, int, int]]) -> tuple[list[Volume], str | None]:
    physical: list[PhysicalVolume] = []
    problems = []
    for name, start, size in places:
        try:
            found = read_physical_volume(name, start, size, partial(_read_within, disk, start, size))
        except GuestReadError as error:
            problems.append(f"{name}: {error}")
        else:
            physical.extend([found] if found else [])
    volumes: list[Volume] = []
    try:
        volumes.extend(_logical_volume(disk, volume) for volume in logical_volumes(physical))
    except GuestReadError as error:
        problems.append(str(error))
    problems.extend(f"{v.name}: no LVM metadata that is whole" for v in physical if v.metadata is None)
    return volumes, "; ".join(problems) or None


def _read_within(disk: Disk, start: int, size: int, offset: int, length: int) -> bytes:
    return disk.read_at(start + offset, max(0, min(length, size - offset)))


def _logical_volume(disk: Disk, volume: LogicalVolume) -> Volume:
    numbers = tuple(int(name.removeprefix("partition ")) for name in volume.physical if name != "disk")
    opener = partial(_open, disk, volume.segments)
    if volume.problem is not None:
        opener = partial(_refuse, volume.problem)
    return Volume(f"{volume.group}/{volume.name}", volume.size_bytes, numbers, opener)


def _open(disk: Disk, segments: tuple[Segment, ...]) -> BinaryIO:
    return cast(BinaryIO, VolumeStream(disk, segments))


def _refuse(reason: str) -> BinaryIO:
    raise GuestReadError(reason)
