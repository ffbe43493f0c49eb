"""Extents of physical volumes that no logical volume has.

A group in which anything but linear and striped volumes is (mirrors, thin pools, caches, snapshots) is kept
whole, and all that is on it: what is free on the origin of a snapshot may be in use in the snapshot, and what
is free on one leg of a mirror must not differ from the other one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.lvm import (
    MAX_STRIPES,
    READABLE,
    SECTOR,
    PhysicalVolume,
    newest_groups,
    sections,
    segments_of,
    value_of,
)
from imgtool.guest.lvm_metadata import Section
from imgtool.util.ranges import Ranges
from imgtool.util.text import printable

MAX_EXTENTS = 1 << 32
"""Of one volume: more than LVM can count."""
Run: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Unused:
    """What is free on the physical volumes of a disk, and which groups nothing may be left out of."""

    free: dict[str, Ranges]
    """By the name of the volume that the physical one is on; offsets in that."""
    reasons: dict[str, str]
    """Why all of a physical volume is kept, by the same name."""
    kept_groups: dict[str, str]
    """Why all of a group's logical volumes are kept, by the group's name."""


def unused_extents(volumes: Sequence[PhysicalVolume]) -> Unused:
    """What no logical volume has; never raises for what the metadata say."""
    found = Unused({}, {}, {})
    here = {volume.identifier: volume for volume in volumes}
    for name, group in newest_groups(volumes):
        try:
            with guarded("LVM"):
                free = dict(_of_group(group, here))
        except GuestReadError as error:
            found.kept_groups[name] = str(error)
            found.reasons.update({one.name: str(error) for one in _members(group, here)})
        else:
            found.free.update(free)
    for volume in volumes:
        if volume.name not in found.free:
            found.reasons.setdefault(volume.name, "it belongs to no volume group that can be read")
    return found


def _members(group: Section, here: dict[str, PhysicalVolume]) -> Iterator[PhysicalVolume]:
    for _, section in sections(value_of(group, "physical_volumes", dict, {})):
        found = here.get(str(section.get("id")).replace("-", ""))
        if found is not None:
            yield found


def _of_group(group: Section, here: dict[str, PhysicalVolume]) -> Iterator[tuple[str, Ranges]]:
    extent = value_of(group, "extent_size", int) * SECTOR
    used = _used_extents(group)
    for key, section in sections(value_of(group, "physical_volumes", dict)):
        volume = here.get(value_of(section, "id", str).replace("-", ""))
        if volume is None:
            raise GuestReadError("a physical volume of its group is not on this disk")
        start, count = value_of(section, "pe_start", int) * SECTOR, value_of(section, "pe_count", int)
        end = start + count * extent
        if extent <= 0 or start <= 0 or count < 0 or end > volume.size_bytes:
            raise GuestReadError("the metadata of its group have impossible sizes")
        taken = used.pop(key, [])
        if any(last > count for _, last in taken):
            raise GuestReadError("a logical volume goes on beyond the end of its physical volume")
        held = Ranges(sorted((start + first * extent, start + last * extent) for first, last in taken))
        yield volume.name, Ranges(held.outside(start, end))
    if used:
        raise GuestReadError("a logical volume is on a physical volume that its group does not have")


def _used_extents(group: Section) -> dict[str, list[Run]]:
    """Runs of extents that any logical volume has, hidden ones too, by the key of the physical volume."""
    used: dict[str, list[Run]] = {}
    for _, volume in sections(value_of(group, "logical_volumes", dict, {})):
        for part in segments_of(volume):
            kind = value_of(part, "type", str)
            if kind not in READABLE:
                raise GuestReadError(f"its volume group has logical volumes of the type {printable(kind)}")
            for key, first, count in _stripes(part):
                used.setdefault(key, []).append((first, first + count))
    return used


def _stripes(part: Section) -> Iterator[tuple[str, int, int]]:
    """Physical volume, first extent, and how many, of each stripe."""
    stripes = value_of(part, "stripes", list)
    count = value_of(part, "extent_count", int)
    if not 2 <= len(stripes) <= 2 * MAX_STRIPES or not 0 < count <= MAX_EXTENTS:
        raise GuestReadError("a segment without stripes")
    share = -(-2 * count // len(stripes))
    for key, first in zip(stripes[::2], stripes[1::2], strict=True):
        if not isinstance(first, int) or not 0 <= first <= MAX_EXTENTS:
            raise GuestReadError("a segment with impossible stripes")
        yield str(key), first, share
