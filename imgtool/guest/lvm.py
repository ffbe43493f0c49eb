"""LVM2: physical volumes -> logical volumes, without device-mapper.

Layout on the disk: lvm2, lib/format_text/layout.h. Read here and not by dissect.volume, which puts stripes
one after the other, does not follow metadata round the end of its area, and reads lists without an end.
Linear and striped volumes are read; a mirrored one by its first leg; of all others the reason is told.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.lvm_metadata import Section, parse
from imgtool.guest.streams import ReadAt, Segment
from imgtool.util.text import printable

SECTOR = 512
LABEL_SECTORS = 4
AREA_MAGIC = b" LVM2 x[5A%r0N*>"
AREA_HEADER_BYTES = 512
MAX_AREAS = 8
MAX_METADATA_BYTES = 4 << 20
MAX_SEGMENTS = 10_000
MAX_STRIPES = 128
MAX_PHYSICAL = 64
"""Physical volumes that one logical volume may lie on."""
READABLE = {"striped", "linear"}
MIRRORED = {"raid1"}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PhysicalVolume:
    """A volume with an LVM label."""

    name: str
    """The volume that it is on: `partition 3`."""
    identifier: str
    start_bytes: int
    """Where on the disk it starts."""
    size_bytes: int
    metadata: Section | None
    """The newest sound description of the volume group that it carries; None where it has none."""


@dataclass(frozen=True, slots=True)
class LogicalVolume:
    """A logical volume that the guest would see as /dev/group/name."""

    group: str
    name: str
    size_bytes: int
    physical: tuple[str, ...]
    """Names of the volumes that it lies on."""
    segments: tuple[Segment, ...]
    problem: str | None
    """Why it cannot be read, or None."""


def read_physical_volume(
    name: str, start_bytes: int, size_bytes: int, read_at: ReadAt
) -> PhysicalVolume | None:
    """The physical volume whose bytes `read_at` gives; None where there is no label."""
    for sector in range(LABEL_SECTORS):
        label = read_at(sector * SECTOR, SECTOR)
        if label[:8] == b"LABELONE" and label[24:32] == b"LVM2 001":
            break
    else:
        return None
    offset = struct.unpack_from("<I", label, 20)[0]
    if not 32 <= offset <= SECTOR - 40:
        raise GuestReadError(f"{name}: the LVM label is damaged")
    identifier = label[offset : offset + 32].decode("ascii", "replace")
    areas = _metadata_areas(label[offset + 40 :])
    texts = [text for area in areas if (text := _metadata_text(read_at, area)) is not None]
    metadata = max((parse(text) for text in texts), key=_sequence_number, default=None)
    return PhysicalVolume(name, identifier, start_bytes, size_bytes, metadata)


def _metadata_areas(locations: bytes) -> list[tuple[int, int]]:
    """Offset and size of the metadata areas: the second of two lists, each ended by a zero entry."""
    lists: list[list[tuple[int, int]]] = [[], []]
    which = 0
    for offset, size in struct.iter_unpack("<QQ", locations[: len(locations) // 16 * 16]):
        if not offset:
            which += 1
            if which == len(lists):
                break
            continue
        lists[which].append((offset, size))
    return lists[1][:MAX_AREAS]


def _metadata_text(read_at: ReadAt, area: tuple[int, int]) -> str | None:
    """The text in the area, a ring that may run on from its end to its start; None where it is damaged."""
    area_offset, area_size = area
    header = read_at(area_offset, AREA_HEADER_BYTES)
    if len(header) < AREA_HEADER_BYTES or header[4:20] != AREA_MAGIC:
        return None
    offset, size, checksum = struct.unpack_from("<QQI", header, 40)
    if not AREA_HEADER_BYTES <= offset < area_size or not 0 < size <= min(MAX_METADATA_BYTES, area_size):
        return None
    first = min(size, area_size - offset)
    text = read_at(area_offset + offset, first) + read_at(area_offset + AREA_HEADER_BYTES, size - first)
    return text.rstrip(b"\0").decode("utf-8", "replace") if _checksum(text) == checksum else None


def _checksum(content: bytes) -> int:
    """calc_crc() of lvm2: CRC-32 that starts at its own constant and is not inverted at the end."""
    return zlib.crc32(content, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def logical_volumes(volumes: Sequence[PhysicalVolume]) -> Iterator[LogicalVolume]:
    """The visible logical volumes of every volume group, by the newest description of each."""
    for name, group in newest_groups(volumes):
        reader = _Group(name, group, volumes)
        for volume in sections(value_of(group, "logical_volumes", dict, {})):
            if "VISIBLE" in value_of(volume[1], "status", list, []):
                yield reader.volume(*volume)


def newest_groups(volumes: Sequence[PhysicalVolume]) -> list[tuple[str, Section]]:
    """Name and newest description of every volume group."""
    newest: dict[str, tuple[str, Section]] = {}
    for name, group in _groups(volumes):
        identifier, sequence = value_of(group, "id", str), value_of(group, "seqno", int)
        if identifier not in newest or value_of(newest[identifier][1], "seqno", int) < sequence:
            newest[identifier] = (name, group)
    return list(newest.values())


def _groups(volumes: Iterable[PhysicalVolume]) -> Iterator[tuple[str, Section]]:
    for volume in volumes:
        yield from sections(volume.metadata or {})


class _Group:
    """One volume group: where its extents are on the disk."""

    def __init__(self, name: str, group: Section, volumes: Sequence[PhysicalVolume]) -> None:
        self._name = name
        self._extent = value_of(group, "extent_size", int) * SECTOR
        self._logical = dict(sections(value_of(group, "logical_volumes", dict, {})))
        self._physical: dict[str, tuple[PhysicalVolume, int] | None] = {}
        here = {volume.identifier: volume for volume in volumes}
        for key, section in sections(value_of(group, "physical_volumes", dict)):
            found = here.get(value_of(section, "id", str).replace("-", ""))
            self._physical[key] = (found, value_of(section, "pe_start", int) * SECTOR) if found else None

    def volume(self, name: str, section: Section) -> LogicalVolume:
        """One logical volume; what cannot be read of it is its problem, not its neighbours'."""
        used: dict[str, None] = {}
        size = 0
        problem = None
        segments: tuple[Segment, ...] = ()
        try:
            size = sum(value_of(part, "extent_count", int) for part in segments_of(section)) * self._extent
            segments = tuple(self._segments(section, used, depth=0))
        except GuestReadError as error:
            problem = f"{printable(self._name)}/{printable(name)}: {error}"
        return LogicalVolume(self._name, name, size, tuple(used), segments, problem)

    def _segments(self, section: Section, used: dict[str, None], *, depth: int) -> Iterator[Segment]:
        for part in segments_of(section):
            kind = value_of(part, "type", str).split("+")[0]
            if kind in MIRRORED and depth == 0:
                yield from self._first_leg(part, used)
            elif kind in READABLE:
                yield self._segment(part, used)
            else:
                raise GuestReadError(f"logical volumes of type {printable(kind)} are not read")

    def _first_leg(self, part: Section, used: dict[str, None]) -> Iterator[Segment]:
        """The first image of a mirror; `raids` lists metadata and image volumes in turn."""
        images = value_of(part, "raids", list)[1::2]
        image = self._logical.get(str(images[0])) if images else None
        if image is None:
            raise GuestReadError("a mirror without its images")
        yield from self._segments(image, used, depth=1)

    def _segment(self, part: Section, used: dict[str, None]) -> Segment:
        stripes = value_of(part, "stripes", list)
        length = value_of(part, "extent_count", int) * self._extent
        if not 2 <= len(stripes) <= 2 * MAX_STRIPES or length <= 0:
            raise GuestReadError("a segment without stripes")
        share = -(-2 * length // len(stripes))
        places = tuple(map(partial(self._place, used, share), stripes[::2], stripes[1::2]))
        stripe_size = value_of(part, "stripe_size", int) * SECTOR if len(places) > 1 else length
        if stripe_size <= 0:
            raise GuestReadError("a segment with impossible stripes")
        return Segment(length, places, stripe_size)

    def _place(self, used: dict[str, None], share: int, name: object, extent: object) -> int:
        """The disk offset of an extent of a physical volume, where `share` bytes of the segment begin."""
        found = self._physical.get(str(name))
        if found is None:
            raise GuestReadError(f"its physical volume {printable(str(name))} is not on this disk")
        volume, data_start = found
        if not isinstance(extent, int) or extent < 0 or data_start < 0:
            raise GuestReadError("a segment with impossible stripes")
        offset = data_start + extent * self._extent
        if offset + share > volume.size_bytes:
            raise GuestReadError(f"it goes on beyond the end of {volume.name}")
        used[volume.name] = None
        if len(used) > MAX_PHYSICAL:
            raise GuestReadError(f"it lies on more than {MAX_PHYSICAL} physical volumes")
        return volume.start_bytes + offset


def segments_of(volume: Section) -> Iterator[Section]:
    """The segments of a logical volume in their order."""
    count = value_of(volume, "segment_count", int)
    if not 0 < count <= MAX_SEGMENTS:
        raise GuestReadError(f"{count} segments")
    return (value_of(volume, f"segment{index}", dict) for index in range(1, count + 1))


def sections(section: Section) -> Iterator[tuple[str, Section]]:
    """Names and contents of the sections in a section."""
    return ((name, value) for name, value in section.items() if isinstance(value, dict))


def _sequence_number(metadata: Section) -> int:
    return max((value_of(group, "seqno", int, 0) for _, group in sections(metadata)), default=0)


def value_of(section: Section, key: str, kind: type[T], default: T | None = None) -> T:
    """The value of that type; GuestReadError where it is missing or of another."""
    value = section.get(key, default)
    if not isinstance(value, kind):
        raise GuestReadError(f"LVM metadata has no {key}")
    return value
