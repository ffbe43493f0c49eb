"""A disk -> its partitions and logical volumes.

A volume that cannot be read says why when it is opened; it never hides its neighbours.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO, cast

from imgtool.guest import gpt, mbr
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.lvm import LogicalVolume, PhysicalVolume, logical_volumes, read_physical_volume
from imgtool.guest.md_raid import Member, read_member
from imgtool.guest.partitions import SECTOR_BYTES, Partition, Scheme
from imgtool.guest.streams import Disk, ReadAt, Segment, VolumeStream, linear
from imgtool.model.layout import NO_FAULTS, TableFaults
from imgtool.util.text import enumerated

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
    array: Member | None = None
    """The mirror of Linux' software RAID that it is on, which has to be assembled first."""

    def open(self) -> BinaryIO:
        """Open the volume's bytes. Raises GuestReadError if they cannot be read."""
        return self.opener()

    @property
    def is_logical(self) -> bool:
        """Whether it is a logical volume of LVM."""
        return "/" in self.name


def _nothing(_offset: int, _length: int) -> bytes:
    return b""


@dataclass(frozen=True, slots=True)
class DiskLayout:
    """How a disk is divided."""

    scheme: Scheme
    partitions: tuple[Partition, ...]
    boot_sector: bytes
    """The first 512 bytes of the disk."""
    volumes: tuple[Volume, ...]
    problem: str | None = None
    """What could not be read of the table or of LVM, or None."""
    faults: TableFaults = NO_FAULTS
    """Who does not see these partitions, and why."""
    size_bytes: int = 0
    """Of the disk."""
    read_at: ReadAt = _nothing
    """So many bytes (second) at an offset (first) of the disk."""

    @property
    def boot_code(self) -> bool:
        """Whether the first sector is marked as a boot sector, and has code."""
        return self.boot_sector[510:] == mbr.SIGNATURE and any(self.boot_sector[: mbr.CODE_BYTES])


def read_layout(disk: BinaryIO, size_bytes: int) -> DiskLayout:
    """The partitions and volumes of the disk. Raises GuestReadError where its partition table is damaged."""
    with guarded("the disk"):
        return _read_layout(Disk(disk, size_bytes))


def _read_layout(disk: Disk) -> DiskLayout:
    sector = disk.read_at(0, SECTOR_BYTES)
    scheme, partitions, faults, problem = _read_table(disk, sector)
    places = [_data_of(disk, place) for place in _places(disk, partitions)]
    volumes = [_volume(disk, place) for place in places if scheme != "none" or place.name == "disk"]
    logical, lvm_problem = _read_logical(disk, places)
    volumes += logical
    problem = "; ".join(filter(None, (problem, lvm_problem, _left_out(volumes)))) or None
    return DiskLayout(
        scheme,
        partitions,
        sector,
        tuple(volumes[:MAX_VOLUMES]),
        problem,
        faults,
        disk.size_bytes,
        disk.read_at,
    )


def _left_out(volumes: Sequence[Volume]) -> str | None:
    if len(volumes) <= MAX_VOLUMES:
        return None
    return f"{len(volumes)} volumes: the first {MAX_VOLUMES} of them are looked at"


def _read_table(disk: Disk, sector: bytes) -> tuple[Scheme, tuple[Partition, ...], TableFaults, str | None]:
    """What kind of table, its partitions, its faults, and what could not be read of it."""
    table = mbr.entries(sector)
    if table is not None and any(entry.type == mbr.PROTECTIVE for entry in table):
        return "gpt", *gpt.read_gpt(disk, protected=mbr.is_protective(table)), None
    if table is not None and mbr.is_table(table):
        partitions, problem = mbr.read_mbr(disk, sector)
        return "mbr", partitions, TableFaults(uefi=mbr.refused_by_uefi(table, disk.size_bytes)), problem
    if gpt.has_gpt(disk):
        return "gpt", *gpt.read_gpt(disk, protected=False), None
    return "none", (), NO_FAULTS, None


@dataclass(frozen=True, slots=True)
class _Place:
    """A part of the disk on which something may be: a partition, or all of it."""

    name: str
    numbers: tuple[int, ...]
    start: int
    size: int
    problem: str | None = None
    """Why nothing can be read there, or None."""
    array: Member | None = None


def _places(disk: Disk, partitions: tuple[Partition, ...]) -> Iterator[_Place]:
    if not partitions:
        yield _Place("disk", (), 0, disk.size_bytes)
    for one in partitions:
        problem = f"{one.name} lies beyond the end of the disk" if one.size_bytes == 0 else None
        yield _Place(one.name, (one.number,), one.start_bytes, one.size_bytes, problem)


def _data_of(disk: Disk, place: _Place) -> _Place:
    """Where the data is: of a mirror's member behind or before its superblock; all others lie as they are."""
    member = read_member(partial(_read_within, disk, place.start, place.size), place.size)
    if member is None:
        return place
    if not member.is_mirror:
        problem = f"{place.name} is {member.title}, which cannot be read from one member"
        return replace(place, problem=problem)
    start = place.start + member.data_start_bytes
    return replace(place, start=start, size=member.data_size_bytes, array=member)


def _volume(disk: Disk, place: _Place) -> Volume:
    opener = partial(_open, disk, (linear(place.start, place.size),))
    if place.problem is not None:
        opener = partial(_refuse, place.problem)
    return Volume(place.name, place.size, place.numbers, opener, place.array)


def _read_logical(disk: Disk, places: Sequence[_Place]) -> tuple[list[Volume], str | None]:
    physical: list[PhysicalVolume] = []
    problems = []
    for place in places:
        read_at = partial(_read_within, disk, place.start, place.size)
        try:
            found = read_physical_volume(place.name, place.start, place.size, read_at)
        except GuestReadError as error:
            problems.append(f"{place.name}: {error}")
        else:
            physical.extend([found] if found else [])
    volumes: list[Volume] = []
    try:
        arrays = {place.name: place.array for place in places if place.array is not None}
        volumes.extend(_logical_volume(disk, volume, arrays) for volume in logical_volumes(physical))
    except GuestReadError as error:
        problems.append(str(error))
    problems.extend(f"{v.name}: no LVM metadata that is whole" for v in physical if v.metadata is None)
    return volumes, enumerated(problems, "; ") or None


def _read_within(disk: Disk, start: int, size: int, offset: int, length: int) -> bytes:
    return disk.read_at(start + offset, max(0, min(length, size - offset)))


def _logical_volume(disk: Disk, volume: LogicalVolume, arrays: Mapping[str, Member]) -> Volume:
    numbers = tuple(int(name.removeprefix("partition ")) for name in volume.physical if name != "disk")
    opener = partial(_open, disk, volume.segments)
    if volume.problem is not None:
        opener = partial(_refuse, volume.problem)
    array = next((arrays[name] for name in volume.physical if name in arrays), None)
    return Volume(f"{volume.group}/{volume.name}", volume.size_bytes, numbers, opener, array)


def _open(disk: Disk, segments: tuple[Segment, ...]) -> BinaryIO:
    return cast(BinaryIO, VolumeStream(disk, segments))


def _refuse(reason: str) -> BinaryIO:
    raise GuestReadError(reason)
