"""File systems alone: everything in the small volumes of the fixtures is listed and read."""

from functools import cache, partial
from pathlib import Path
from typing import BinaryIO, cast

from fuzz import seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from fuzz.places import recorded
from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.clean import read_clean
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.streams import Disk, VolumeStream, linear
from imgtool.guest.volumes import read_layout

_VOLUMES = {
    "ext4-files": (("data-disk", 0), ("bare-ext3", 0), ("bare-ext4", 0)),
    "xfs-files": (("xfs-gpt", 1), ("xfs-v4", 0)),
    "btrfs-files": (("btrfs-subvolumes", 1),),
    "fat-files": (("ext4-gpt", 2), ("xfs-gpt", 0), ("windows-2022", 0)),
    "ntfs-files": (("windows-2019", 1), ("windows-2022", 2)),
}
_MAX_NODES = 400
_READ_BYTES = 256 << 10


def _where(name: str, index: int) -> tuple[Path, int, int]:
    """The disk, and where on it the volume is."""
    disk = seeds.fixture_path(name)
    with disk.open("rb") as file:
        layout = read_layout(file, disk.stat().st_size)
    if not layout.partitions:
        return disk, 0, disk.stat().st_size
    partition = layout.partitions[index]
    return disk, partition.start_bytes, partition.size_bytes


@cache
def _places(name: str, index: int) -> Seed:
    disk, start, size = _where(name, index)
    return Seed(
        f"{name}:{index}", disk, recorded(disk, lambda stream, whole: _read(stream, whole, start, size))
    )


def _seeds(kind: str) -> list[Seed]:
    return [_places(*volume) for volume in _VOLUMES[kind]]


@cache
def _extent(seed: str) -> tuple[int, int]:
    name, _, index = seed.partition(":")
    return _where(name, int(index))[1:]


def _run(mutant: Mutant) -> str:
    with mutant.stream() as stream:
        return _read(stream, mutant.size, *_extent(mutant.seed.name))


def _read(stream: BinaryIO, whole: int, start: int, size: int) -> str:
    volume = cast("BinaryIO", VolumeStream(Disk(stream, whole), [linear(start, size)]))
    with guarded("the volume"):
        found = open_filesystem(volume, size)
    if found is None:
        return "nothing known"
    try:
        with guarded("clean"):
            clean = read_clean(found.type, volume, size).value
    except GuestReadError:
        clean = False
    seen: list[str] = []
    _visit(found.root(), seen)
    problems = sorted({text for text in seen if text})
    return f"{found.type} {clean} {len(seen).bit_length()} {'; '.join(problems[:3])}"


def _visit(node: Node, seen: list[str]) -> None:
    """Everything below, one way down, until enough was seen. Only GuestReadError may come of it."""
    if len(seen) >= _MAX_NODES:
        return
    try:
        problem = ""
        if node.kind is Kind.SYMLINK:
            node.link_target()
        elif node.kind is Kind.FILE:
            with node.open() as stream:
                stream.read(_READ_BYTES)
        elif node.kind is Kind.DIRECTORY and len(seen) < _MAX_NODES:
            seen.append("")
            for _, below in node.children():
                _visit(below, seen)
    except GuestReadError as error:
        problem = str(error).rpartition(": ")[2]
    seen.append(problem)


TARGETS = tuple(
    Target(kind, cache(partial(_seeds, kind)), _run, (GuestReadError,), share=15) for kind in _VOLUMES
)
