"""The story: a disk -> its volumes -> what is free on each, and between them -> one list for the disk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import BinaryIO, NamedTuple, cast

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.clean import read_clean
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.filesystems.rootless import PAGE_SIZES, Rootless
from imgtool.guest.free.btrfs import free_of_btrfs
from imgtool.guest.free.ext import free_of_ext
from imgtool.guest.free.fat import free_of_fat
from imgtool.guest.free.gaps import free_between, what_else
from imgtool.guest.free.lvm import unused_extents
from imgtool.guest.free.ntfs import free_of_ntfs
from imgtool.guest.free.swap import free_of_swap, is_suspended
from imgtool.guest.free.xfs import free_of_xfs
from imgtool.guest.lvm import PhysicalVolume, read_physical_volume
from imgtool.guest.streams import Disk, VolumeStream
from imgtool.guest.volumes import DiskLayout, Volume, read_layout
from imgtool.model.free_blocks import FreeBlocks, FreePart
from imgtool.util.ranges import UNIT_BYTES, Ranges, Run, to_text

MAX_RUNS = 1_000_000
"""Of a whole disk; each takes 11 bytes of the answer."""
UNKNOWN, UNPARTITIONED, PHYSICAL_VOLUME = "unknown", "unpartitioned", "LVM2_member"

Reader = Callable[[BinaryIO, int], Ranges]
"""From the bytes of a volume, and how many there are, to those that are free."""
READERS: Mapping[str, Reader] = {
    "ext2": free_of_ext,
    "ext3": free_of_ext,
    "ext4": free_of_ext,
    "xfs": free_of_xfs,
    "btrfs": free_of_btrfs,
    "vfat": free_of_fat,
    "ntfs": free_of_ntfs,
    "swap": free_of_swap,
}
"""By the type of the file system."""


class _Found(NamedTuple):
    part: FreePart
    free: Ranges
    """On the disk."""


def find_free_blocks(disk: BinaryIO, size_bytes: int) -> FreeBlocks:
    """What is free on the disk, in whole sectors; never raises for what is on it."""
    try:
        with guarded("the disk"):
            layout = read_layout(disk, size_bytes)
            found = _bounded(_FreeFinder(layout, Disk(disk, size_bytes)).find())
    except GuestReadError as error:
        return FreeBlocks((FreePart("disk", UNKNOWN, size_bytes, 0, str(error)),))
    runs = Ranges(sorted(run for one in found for run in one.free))
    return FreeBlocks(tuple(one.part for one in found), to_text(runs))


class _FreeFinder:
    """Looks at the volumes of one disk, one after the other."""

    def __init__(self, layout: DiskLayout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk
        self._shared = frozenset(_overlapping(layout))
        self._unused = unused_extents(list(_physical_volumes(layout.volumes)))
        self._besides = what_else(layout, disk) or _suspended(layout.volumes)

    def find(self) -> Iterator[_Found]:
        """Each volume, and what no partition holds where there is a partition table."""
        for volume in self._layout.volumes:
            kind, reason = _identified(volume)
            reason = self._why_kept(volume) or reason
            if reason is None:
                yield _found(volume.name, kind, volume.size_bytes, partial(self._of_volume, volume, kind))
            else:
                yield _kept(volume.name, kind, volume.size_bytes, reason)
        if self._layout.scheme != "none":
            size = self._disk.size_bytes - sum(one.size_bytes for one in self._layout.partitions)
            yield _found("disk", UNPARTITIONED, max(0, size), self._between)

    def _why_kept(self, volume: Volume) -> str | None:
        """Why nothing may be left out of a volume, whatever is on it."""
        if self._besides is not None:
            return self._besides
        if volume.array is not None:
            return "it is on a mirror of software RAID, whose other half would differ"
        if volume.name in self._shared:
            return "another volume overlaps it"
        return self._unused.kept_groups.get(volume.name.rpartition("/")[0])

    def _of_volume(self, volume: Volume, kind: str) -> Ranges:
        """The free bytes of the volume, as offsets on the disk."""
        stream = _stream(volume)
        if kind == PHYSICAL_VOLUME:
            free = self._of_physical_volume(volume)
        else:
            clean = read_clean(kind, cast("BinaryIO", stream), volume.size_bytes)
            if not clean.value:
                raise GuestReadError(f"it was not unmounted ({clean.evidence})")
            free = READERS[kind](cast("BinaryIO", stream), volume.size_bytes)
        if free.end > volume.size_bytes:
            raise GuestReadError("it goes on beyond the end of its volume")
        found = _on_disk(stream, free)
        if kind == PHYSICAL_VOLUME and any(found.touches(*run) for run in self._of_logical_volumes()):
            raise GuestReadError("a logical volume lies where its metadata have nothing")
        return found

    def _between(self) -> Ranges:
        if self._besides is not None:
            raise GuestReadError(self._besides)
        return free_between(self._layout, self._disk)

    def _of_physical_volume(self, volume: Volume) -> Ranges:
        if volume.name in self._unused.reasons:
            raise GuestReadError(self._unused.reasons[volume.name])
        return self._unused.free[volume.name]

    def _of_logical_volumes(self) -> Iterator[Run]:
        for volume in self._layout.volumes:
            if volume.is_logical:
                yield from _stream(volume).places(0, volume.size_bytes)


def _found(device: str, kind: str, size_bytes: int, read: Callable[[], Ranges]) -> _Found:
    """What `read` finds on the disk; all is kept, with the reason, where it raises."""
    try:
        with guarded(device):
            free = _whole_sectors(read())
    except GuestReadError as error:
        return _kept(device, kind, size_bytes, str(error))
    return _Found(FreePart(device, kind, size_bytes, free.total), free)


def _kept(device: str, kind: str, size_bytes: int, reason: str) -> _Found:
    return _Found(FreePart(device, kind, size_bytes, 0, reason), Ranges())


def _stream(volume: Volume) -> VolumeStream:
    return cast("VolumeStream", volume.open())


def _identified(volume: Volume) -> tuple[str, str | None]:
    """What is on it, and why that cannot be left out, if so."""
    try:
        with guarded(volume.name):
            found = open_filesystem(volume.open(), volume.size_bytes)
    except GuestReadError as error:
        return UNKNOWN, str(error)
    if found is None:
        return UNKNOWN, "nothing known is on it"
    if found.type in READERS or found.type == PHYSICAL_VOLUME:
        return found.type, None
    return found.type, found.reason if isinstance(found, Rootless) else f"{found.type} is not looked at"


def _suspended(volumes: Sequence[Volume]) -> str | None:
    """Why all has to be kept where a system is to go on with what it knew of this disk; or None."""
    for volume in volumes:
        with suppress(GuestReadError), guarded(volume.name):
            if is_suspended(volume.open().read(max(PAGE_SIZES))):
                return f"a system is hibernated in {volume.name}"
    return None


def _overlapping(layout: DiskLayout) -> Iterator[str]:
    """The names of partitions, and of logical volumes, that share bytes with another one of their kind."""
    partitions = [(one.start_bytes, one.start_bytes + one.size_bytes, one.name) for one in layout.partitions]
    logical = []
    for volume in layout.volumes:
        if volume.is_logical:
            try:
                runs = islice(_stream(volume).places(0, volume.size_bytes), MAX_RUNS)
                logical += [(start, end, volume.name) for start, end in runs]
            except GuestReadError:
                continue  # it is kept for that reason
    yield from _in_each_other(sorted(partitions))
    yield from _in_each_other(sorted(logical))


def _in_each_other(places: Sequence[tuple[int, int, str]]) -> Iterator[str]:
    reach, reaching = -1, ""
    for start, end, name in places:
        if start < reach:
            yield from (name, reaching)
        if end > reach:
            reach, reaching = end, name


def _physical_volumes(volumes: Sequence[Volume]) -> Iterator[PhysicalVolume]:
    for volume in volumes:
        if volume.is_logical:
            continue
        try:
            with guarded(volume.name):
                stream = _stream(volume)
                found = read_physical_volume(volume.name, 0, volume.size_bytes, partial(_read, stream))
        except GuestReadError:
            continue  # it is kept: no group has it
        if found is not None:
            yield found


def _read(stream: VolumeStream, offset: int, length: int) -> bytes:
    stream.seek(offset)
    return stream.read(max(0, length))


def _on_disk(stream: VolumeStream, free: Ranges) -> Ranges:
    places = (place for start, end in free for place in stream.places(start, end))
    found = sorted(islice(places, MAX_RUNS + 1))
    if len(found) > MAX_RUNS:
        raise GuestReadError(_too_many())
    return Ranges(found)


def _whole_sectors(free: Ranges) -> Ranges:
    unit = UNIT_BYTES
    return Ranges((start + -start % unit, end - end % unit) for start, end in free)


def _bounded(found: Iterator[_Found]) -> list[_Found]:
    """Keep a volume whose free blocks are in more pieces than the answer has room for."""
    room = MAX_RUNS
    bounded = []
    for one in found:
        if len(one.free) > room:
            bounded.append(_kept(one.part.device, one.part.type, one.part.size_bytes, _too_many()))
        else:
            room -= len(one.free)
            bounded.append(one)
    return bounded


def _too_many() -> str:
    return f"its free blocks are in more than {MAX_RUNS} pieces"
