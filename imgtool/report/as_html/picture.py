"""The disk to scale: its partitions, what is on them, and where the image file keeps data.

Places and widths are percentages of the disk. What is too narrow to be seen is drawn a little wider.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import DiskMap, Inspection
from imgtool.model.layout import FilesystemFacts, PartitionFacts
from imgtool.report.partition_types import type_name
from imgtool.util.text import enumerated

LEAST_PERCENT = 0.5
MOST_BLOCKS = 256
"""Of a bar: more, each LEAST_PERCENT wide, would only hide each other."""
MOST_LINES = 512
CHARACTERS = 44
"""That fit beside each other on a phone."""
COLOURS = 6


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a bar."""

    start: float
    width: float
    colour: int
    """Which of the colours; partition and file system share one."""
    title: str
    """All that can be said in a line."""
    label: str
    """What fits in it, perhaps nothing."""

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return self.start + self.width / 2


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of the bar of data; `filled` is 0 to 1."""

    start: float
    width: float
    filled: float


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table beneath: a partition, or a volume on it."""

    name: str
    colour: int | None
    type: str
    start_bytes: int | None
    size_bytes: int | None
    filesystem: str
    mount_point: str


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it."""

    size_bytes: int
    scheme: str
    partitions: tuple[Block, ...]
    """The widest MOST_BLOCKS of them, as of the file systems."""
    filesystems: tuple[Block, ...]
    cells: tuple[Cell, ...]
    """None where nobody could tell where data is kept."""
    kept_bytes: int
    lines: tuple[Line, ...]
    """The first MOST_LINES of `places`."""
    places: int
    """Partitions, and file systems elsewhere."""


def draw(inspection: Inspection) -> Picture | None:
    """The picture of an inspected disk; None where its size is not known."""
    size, guest = inspection.image.virtual_size_bytes, inspection.guest
    if not size:
        return None
    cells = tuple(_cells(inspection.disk_map)) if inspection.disk_map else ()
    found = _Found(guest)
    lines = tuple(_lines(found))
    return Picture(
        size_bytes=size,
        scheme=_SCHEMES[guest.partition_table],
        partitions=tuple(_widest_first(_partitions(guest, size))),
        filesystems=tuple(_widest_first(_filesystems(found, size))),
        cells=cells,
        kept_bytes=round(sum(cell.filled * cell.width for cell in cells) / 100 * size),
        lines=lines[:MOST_LINES],
        places=len(lines),
    )


_SCHEMES = {
    "gpt": "GUID partition table",
    "mbr": "MBR partition table",
    "none": "no partition table",
    None: "the partition table could not be read",
}


def _partitions(guest: GuestFacts, size: int) -> Iterator[Block]:
    for colour, one in enumerate(guest.partitions):
        name = f"{one.number}: {one.label or type_name(one.type)}"
        yield _block(one.start_bytes, one.size_bytes, size, colour, (name, str(one.number)))


class _Found:
    """A guest's file systems by their places: looked up for each partition, so that many take no time."""

    def __init__(self, guest: GuestFacts) -> None:
        self.guest = guest
        self.by_device: dict[str, list[FilesystemFacts]] = {}
        self._by_partition: dict[int, list[FilesystemFacts]] = {}
        for one in guest.filesystems:
            self.by_device.setdefault(one.device, []).append(one)
            for number in one.partitions:
                self._by_partition.setdefault(number, []).append(one)

    def on(self, partition: PartitionFacts) -> list[FilesystemFacts]:
        """Return the file systems on a partition's logical volumes, or the one that fills the partition."""
        device = _device(partition)
        logical = [one for one in self._by_partition.get(partition.number, ()) if one.device != device]
        return logical or self.by_device.get(device, [])


def _filesystems(found: _Found, size: int) -> Iterator[Block]:
    """Draw each in the place of the partition that it fills; several volumes on one partition in one."""
    for one in found.by_device.get("disk", ()):
        yield _block(0, size, size, 0, _labels([one]))
    for colour, partition in enumerate(found.guest.partitions):
        here = found.on(partition)
        if here:
            yield _block(partition.start_bytes, partition.size_bytes, size, colour, _labels(here))


def _device(partition: PartitionFacts) -> str:
    return f"partition {partition.number}"


def _labels(found: Sequence[FilesystemFacts]) -> tuple[str, ...]:
    """Return labels from all that can be said to the least."""
    full = [f"{one.type} {one.mount_point}" if one.mount_point else one.type for one in found]
    return enumerated(full), enumerated([one.type for one in found])


def _block(start: int, length: int, size: int, colour: int, labels: Sequence[str]) -> Block:
    width = max(LEAST_PERCENT, 100 * length / size)
    place = max(0.0, min(100 * start / size, 100 - width))
    label = next((one for one in labels if len(one) <= width * CHARACTERS / 100), "")
    return Block(round(place, 3), round(width, 3), colour % COLOURS, labels[0], label)


def _widest_first(blocks: Iterator[Block]) -> list[Block]:
    """What is drawn wider than it is stays visible on top of its neighbours."""
    return sorted(blocks, key=lambda block: (-block.width, block.start))[:MOST_BLOCKS]


def _cells(disk_map: DiskMap) -> Iterator[Cell]:
    """Neighbours that are equally filled become one."""
    start = index = 0
    while index < len(disk_map.filled):
        filled = disk_map.filled[index]
        while index < len(disk_map.filled) and disk_map.filled[index] == filled:
            index += 1
        end = min(index * disk_map.cell_bytes, disk_map.size_bytes)
        share = 100 / disk_map.size_bytes
        yield Cell(round(start * share, 3), round((end - start) * share, 3), filled)
        start = end


def _lines(found: _Found) -> Iterator[Line]:
    guest = found.guest
    for colour, one in enumerate(guest.partitions):
        own = next(iter(found.by_device.get(_device(one), ())), None)
        label = f' "{one.label}"' if one.label else ""
        yield Line(
            name=_device(one),
            colour=colour % COLOURS,
            type=type_name(one.type) + label,
            start_bytes=one.start_bytes,
            size_bytes=one.size_bytes,
            filesystem=_filesystem(own) if own else "",
            mount_point=(own.mount_point or "") if own else "",
        )
    named = {_device(one) for one in guest.partitions}
    for other in guest.filesystems:
        if other.device not in named:
            mount = other.mount_point or ""
            yield Line(other.device, None, _place(other), None, None, _filesystem(other), mount)


def _place(one: FilesystemFacts) -> str:
    if not one.partitions:
        return "the whole disk"
    return f"volume on partition {enumerated(list(map(str, one.partitions)))}"


def _filesystem(one: FilesystemFacts) -> str:
    return f'{one.type} "{one.label}"' if one.label else one.type
