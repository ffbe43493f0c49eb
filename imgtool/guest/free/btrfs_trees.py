"""Superblock, chunks and trees of a Btrfs on one device.

Layout: the On-disk Format page of the Btrfs documentation; include/uapi/linux/btrfs_tree.h of Linux 6.12.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.blocks import Blocks
from imgtool.guest.filesystems.superblock import number

SUPERBLOCK, SUPERBLOCK_BYTES = 64 << 10, 4096
COPIES = (64 << 10, 64 << 20, 256 << 30)
"""Where the superblock and its copies are; no extent is laid over them."""
COPY_BYTES = 64 << 10
RESERVED_BYTES = 1 << 20
"""At the start of the device, for boot loaders: BTRFS_DEVICE_RANGE_RESERVED."""
KNOWN_INCOMPATIBLE = 0x10FFF
"""All of Linux 6.12 but zones, the extent tree of version 2, and the tree of stripes."""
KNOWN_READ_ONLY = 0xF
WRITTEN = 0x1
"""The only flag of a superblock that is at rest."""
HEADER_BYTES = 101
CHUNK_ITEM, CHUNK_TREE_OBJECT = 228, 256
CHUNK = struct.Struct("<Q8x8xQ4x4x4xH2x")
STRIPE = struct.Struct("<QQ16x")
KEY = struct.Struct("<QBQ")
ITEM = struct.Struct("<QBQII")
POINTER = struct.Struct("<17xQ8x")
PROFILES, RAID0, DUP = 0x7F8, 0x8, 0x20
MAX_LEVEL = 7
MAX_CHUNKS = 1 << 18
MAX_NODES = 1 << 20


class Chunk(NamedTuple):
    """A run of logical addresses, and where it stands on the device: in two places with DUP."""

    start: int
    length: int
    places: tuple[int, ...]


class Item(NamedTuple):
    """An entry of a leaf."""

    object: int
    type: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Superblock:
    """What the superblock says."""

    head: bytes
    node_bytes: int
    device_bytes: int
    used_on_device_bytes: int
    """By all chunks."""
    used_bytes: int
    """By all extents."""
    root: tuple[int, int]
    """Logical address and level of the tree of trees."""
    chunk_root: tuple[int, int]


def read_superblock(stream: BinaryIO, size_bytes: int) -> Superblock:
    """The first superblock. Raises GuestReadError for what is not known here."""
    stream.seek(SUPERBLOCK)
    head = stream.read(SUPERBLOCK_BYTES)
    flags, read_only, incompatible = (number(head, at, "<Q") for at in (0x38, 0xB4, 0xBC))
    unknown = read_only & ~KNOWN_READ_ONLY, incompatible & ~KNOWN_INCOMPATIBLE
    if any(unknown) or flags & ~WRITTEN:
        raise GuestReadError(f"it has features that are not known here ({unknown[0]:#x}, {unknown[1]:#x})")
    devices = number(head, 0x88, "<Q")
    if devices != 1:
        raise GuestReadError(f"it is on {devices} devices, and only one is here")
    node = number(head, 0x94, "<I")
    found = Superblock(
        head=head,
        node_bytes=node,
        device_bytes=number(head, 0xD1, "<Q"),
        used_on_device_bytes=number(head, 0xD9, "<Q"),
        used_bytes=number(head, 0x78, "<Q"),
        root=(number(head, 0x50, "<Q"), head[0xC6]),
        chunk_root=(number(head, 0x58, "<Q"), head[0xC7]),
    )
    if not 4096 <= node <= 1 << 16 or node & (node - 1) or found.device_bytes > size_bytes:
        raise GuestReadError("its superblock has impossible sizes")
    return found


class Trees:
    """Goes through trees by logical addresses; what several of them share is gone through once."""

    def __init__(self, stream: BinaryIO, superblock: Superblock) -> None:
        self._blocks = Blocks(stream, 1, superblock.device_bytes)
        self._node_bytes = superblock.node_bytes
        self.seen: set[int] = set()
        """Logical addresses of all nodes so far."""
        self.chunks: list[Chunk] = []
        self._starts: list[int] = []
        self._take(_system_chunks(superblock.head))
        everything = self.items(*superblock.chunk_root)
        self._take(_chunk(item.offset, item.data) for item in everything if item.type == CHUNK_ITEM)

    def _take(self, chunks: Iterator[Chunk]) -> None:
        found = sorted({chunk.start: chunk for chunk in (*self.chunks, *chunks)}.values())
        if len(found) > MAX_CHUNKS:
            raise GuestReadError("it has too many chunks")
        for before, after in pairwise(found):
            if before.start + before.length > after.start:
                raise GuestReadError("its chunks overlap")
        self.chunks, self._starts = found, [chunk.start for chunk in found]

    def items(self, address: int, level: int) -> Iterator[Item]:
        """The items below a node, but for what was gone through before."""
        if address in self.seen:
            return
        self.seen.add(address)
        if not 0 <= level <= MAX_LEVEL or len(self.seen) > MAX_NODES:
            raise GuestReadError("a tree is too deep, or there are too many of them")
        node = self._blocks.read_bytes(self._place(address), self._node_bytes)
        own_address, count = number(node, 0x30, "<Q"), number(node, 0x60, "<I")
        size = (POINTER if level else ITEM).size
        if own_address != address or node[0x64] != level or HEADER_BYTES + count * size > len(node):
            raise GuestReadError("a node of a tree is damaged")
        entries = node[HEADER_BYTES : HEADER_BYTES + count * size]
        if level:
            for (below,) in POINTER.iter_unpack(entries):
                yield from self.items(below, level - 1)
            return
        for found, kind, offset, start, length in ITEM.iter_unpack(entries):
            first = HEADER_BYTES + start
            if first + length > len(node):
                raise GuestReadError("an item of a tree is damaged")
            yield Item(found, kind, offset, node[first : first + length])

    def _place(self, address: int) -> int:
        """Where a node stands on the device."""
        index = bisect_right(self._starts, address) - 1
        chunk = self.chunks[index] if index >= 0 else None
        if chunk is None or address + self._node_bytes > chunk.start + chunk.length:
            raise GuestReadError("a node of a tree is in no chunk")
        return chunk.places[0] + address - chunk.start


def _system_chunks(head: bytes) -> Iterator[Chunk]:
    """The chunks in the superblock, by which the tree of chunks is found."""
    size = number(head, 0xA0, "<I")
    content = head[0x32B : 0x32B + min(size, 2048)]
    at = 0
    while at + KEY.size + CHUNK.size <= len(content):
        _, kind, start = KEY.unpack_from(content, at)
        if kind != CHUNK_ITEM:
            raise GuestReadError("the chunks of its superblock are damaged")
        stripes = CHUNK.unpack_from(content, at + KEY.size)[2]
        end = at + KEY.size + CHUNK.size + stripes * STRIPE.size
        yield _chunk(start, content[at + KEY.size : end])
        at = end


def _chunk(start: int, data: bytes) -> Chunk:
    if len(data) < CHUNK.size:
        raise GuestReadError("a chunk is damaged")
    length, kind, count = CHUNK.unpack_from(data)
    stripes = data[CHUNK.size : CHUNK.size + count * STRIPE.size]
    places = tuple(place for _, place in STRIPE.iter_unpack(stripes))
    profile = kind & PROFILES
    wanted = {0: 1, RAID0: 1, DUP: 2}.get(profile)
    if len(places) != count or count != wanted or not length:
        raise GuestReadError(f"it has chunks of a profile that is not read on one device ({profile:#x})")
    return Chunk(start, length, places)
