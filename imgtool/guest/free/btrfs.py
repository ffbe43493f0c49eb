"""Free space of a Btrfs: what no chunk has, and in the chunks what no item of the extent tree has.

The sums in the superblock have to be those of the chunks and of the extents. The second reading is that of
all trees: of their nodes, and of the extents that the files of all subvolumes and snapshots name.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.superblock import number
from imgtool.guest.free.btrfs_trees import (
    COPIES,
    COPY_BYTES,
    RESERVED_BYTES,
    Chunk,
    Item,
    Superblock,
    Trees,
    read_superblock,
)
from imgtool.util.ranges import Ranges

ROOT_ITEM, EXTENT_ITEM, METADATA_ITEM, EXTENT_DATA = 132, 168, 169, 108
EXTENT_TREE = 2
RELOCATION = (1 << 64) - 8
"""Of trees that a balance works on."""
ROOT_BYTES = 239
REGULAR, PREALLOCATED = 1, 2
PLACE = struct.Struct("<20xBQQ")
"""Of a file's extent: its kind, where it is, and how many bytes it takes there."""


def free_of_btrfs(stream: BinaryIO, size_bytes: int) -> Ranges:
    """What of the volume `stream` is free. Raises GuestReadError with the reason where all is to be kept."""
    superblock = read_superblock(stream, size_bytes)
    trees = Trees(stream, superblock)
    roots, named = _root_items(trees, superblock)
    free = _free_addresses(trees, superblock, _extents(trees, roots, superblock))
    for start, length in _used(trees, roots, named):
        if free.touches(start, start + length):
            raise GuestReadError(f"its extent tree says that address {start} is free, and a file has it")
    for address in trees.seen:
        if free.touches(address, address + superblock.node_bytes):
            raise GuestReadError(f"its extent tree says that address {address} is free, and a tree has it")
    kept = [(0, RESERVED_BYTES), *((copy, copy + COPY_BYTES) for copy in COPIES)]
    on_device = Ranges(sorted(_on_device(trees.chunks, free, superblock)))
    return on_device.without(Ranges(sorted(kept)))


def _root_items(trees: Trees, superblock: Superblock) -> tuple[dict[tuple[int, int], bytes], list[Item]]:
    """All trees by their numbers and offsets, and where the tree of trees itself names extents."""
    roots, named = {}, []
    for item in trees.items(*superblock.root):
        if item.object == RELOCATION:
            raise GuestReadError("a balance of it is under way")
        if item.type == ROOT_ITEM:
            if len(item.data) < ROOT_BYTES:
                raise GuestReadError("one of its trees is damaged")
            roots[item.object, item.offset] = item.data
        elif item.type == EXTENT_DATA:
            named.append(item)
    return roots, named


def _extents(trees: Trees, roots: dict[tuple[int, int], bytes], superblock: Superblock) -> Ranges:
    """All that the extent tree has."""
    root = roots.get((EXTENT_TREE, 0))
    if root is None:
        raise GuestReadError("it has no extent tree")
    found = []
    for item in trees.items(*_place(root)):
        if item.type == EXTENT_ITEM:
            found.append((item.object, item.object + item.offset))
        elif item.type == METADATA_ITEM:
            found.append((item.object, item.object + superblock.node_bytes))
    for before, after in pairwise(found):
        if before[1] > after[0]:
            raise GuestReadError("the extents of its extent tree overlap")
    if sum(end - start for start, end in found) != superblock.used_bytes:
        raise GuestReadError("its extent tree and the sum in its superblock contradict")
    return Ranges(found)


def _place(root: bytes) -> tuple[int, int]:
    """Address and level of a tree: struct btrfs_root_item."""
    return number(root, 176, "<Q"), root[238]


def _free_addresses(trees: Trees, superblock: Superblock, extents: Ranges) -> Ranges:
    """Logical addresses of the chunks that no extent has."""
    chunks = Ranges((chunk.start, chunk.start + chunk.length) for chunk in trees.chunks)
    if extents.without(chunks).total:
        raise GuestReadError("an extent is in no chunk")
    taken = sum(chunk.length * len(chunk.places) for chunk in trees.chunks)
    if taken != superblock.used_on_device_bytes:
        raise GuestReadError("its chunks and the sum of its device contradict")
    return chunks.without(extents)


def _used(trees: Trees, roots: dict[tuple[int, int], bytes], named: list[Item]) -> Iterator[tuple[int, int]]:
    """Address and length of every extent that a file names.

    A tree without a name is being deleted: parts of it are gone, and nobody reads the rest.
    """
    yield from _named_extents(iter(named))
    for root in roots.values():
        is_deleted = not number(root, 216, "<I") or any(root[220:237])
        if not is_deleted:
            yield from _named_extents(trees.items(*_place(root)))


def _named_extents(items: Iterator[Item]) -> Iterator[tuple[int, int]]:
    for item in items:
        if item.type == EXTENT_DATA and len(item.data) >= PLACE.size:
            kind, address, length = PLACE.unpack_from(item.data)
            if kind in {REGULAR, PREALLOCATED} and address:
                yield address, length


def _on_device(chunks: list[Chunk], free: Ranges, superblock: Superblock) -> Iterator[tuple[int, int]]:
    """Where the free addresses are, in each copy; and what no chunk is on."""
    places = sorted((place, place + chunk.length) for chunk in chunks for place in chunk.places)
    for before, after in pairwise(places):
        if before[1] > after[0]:
            raise GuestReadError("its chunks overlap on the device")
    if places and places[-1][1] > superblock.device_bytes:
        raise GuestReadError("a chunk goes on beyond the end of the device")
    yield from Ranges(places).outside(0, superblock.device_bytes)
    for chunk in chunks:
        for start, end in free.within(chunk.start, chunk.start + chunk.length):
            for place in chunk.places:
                yield place + start - chunk.start, place + end - chunk.start
