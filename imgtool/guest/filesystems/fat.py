"""FAT12, FAT16 and FAT32, with long names.

Source: Microsoft's FAT file system specification, 2005. Read here and not by dissect.fat, which follows a
chain of clusters that leads in a circle for ever, and joins clusters that are not neighbours.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.content import open_checked
from imgtool.guest.filesystems.fat_table import FatTable
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.filesystems.nodes import CachedNode
from imgtool.guest.filesystems.superblock import Identity, number

JUMPS = (b"\xeb", b"\xe9")
MEDIA = (0xF0, *range(0xF8, 0x100))
SECTOR_SIZES = (512, 1024, 2048, 4096)
CLUSTER_SECTORS = tuple(1 << shift for shift in range(8))
NO_LABEL = b"NO NAME"
ENTRY_BYTES = 32
MAX_DIRECTORY_BYTES = 65536 * ENTRY_BYTES
"""A directory holds at most 65,536 entries (specification, section 6.3)."""
VOLUME_LABEL, DIRECTORY, LONG_NAME = 0x08, 0x10, 0x0F
DELETED = 0xE5
MAX_LONG_NAME_ENTRIES = 20
"""255 characters, 13 in each."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the boot sector says about where things are, in bytes of the volume."""

    cluster_size: int
    table_start: int
    table_size: int
    root_start: int
    root_size: int
    """0 on FAT32, whose root directory is a chain of clusters."""
    data_start: int
    clusters: int
    root_cluster: int

    @property
    def bits(self) -> int:
        """Width of a table entry: by the number of clusters, and by nothing else (section 3.5)."""
        return 12 if self.clusters < 4085 else 16 if self.clusters < 65525 else 32


def probe(head: bytes, stream: BinaryIO) -> "FatFilesystem | None":
    """The file system of `stream`, whose first bytes are `head`, if it is FAT."""
    geometry = _geometry(head)
    if geometry is None:
        return None
    extended = 64 if geometry.bits == 32 else 36
    serial = number(head, extended + 3, "<I")
    raw_label = head[extended + 7 : extended + 18].rstrip(b" \0")
    label = raw_label.decode("cp437") if raw_label and raw_label != NO_LABEL else None
    uuid = f"{serial >> 16:04X}-{serial & 0xFFFF:04X}" if head[extended + 2] in {0x28, 0x29} else None
    return FatFilesystem(Identity("vfat", label, uuid), geometry, stream)


def _geometry(head: bytes) -> Geometry | None:
    """None where the sector is no FAT boot sector."""
    if len(head) < 512 or head[510:512] != b"\x55\xaa" or head[:1] not in JUMPS:
        return None
    sector, per_cluster, reserved, tables, roots, small, media, small_table = struct.unpack_from(
        "<HBHBHHBH", head, 11
    )
    plausible = sector in SECTOR_SIZES and per_cluster in CLUSTER_SECTORS and media in MEDIA
    if not plausible or not reserved or tables not in {1, 2}:
        return None
    table = small_table or number(head, 36, "<I")
    root_sectors = -(-roots * ENTRY_BYTES // sector)
    data = reserved + tables * table + root_sectors
    clusters = ((small or number(head, 32, "<I")) - data) // per_cluster
    if clusters <= 0 or not table:
        return None
    return Geometry(
        cluster_size=sector * per_cluster,
        table_start=reserved * sector,
        table_size=table * sector,
        root_start=(reserved + tables * table) * sector,
        root_size=roots * ENTRY_BYTES,
        data_start=data * sector,
        clusters=clusters,
        root_cluster=number(head, 44, "<I"),
    )


class FatFilesystem:
    """One FAT file system."""

    def __init__(self, identity: Identity, geometry: Geometry, stream: BinaryIO) -> None:
        self.type, self.label, self.uuid = identity.type, identity.label, identity.uuid
        self._volume = FatVolume(stream, geometry)
        self._root: Node | None = None

    def root(self, subvolume: str | None = None) -> Node:
        """The top directory."""
        if subvolume is not None:
            raise GuestReadError("vfat has no subvolumes")
        if self._root is None:
            self._root = FatNode(self._volume, "vfat:/", Kind.DIRECTORY, 0, 0)
        return self._root


class FatVolume:
    """Reads chains of clusters."""

    def __init__(self, stream: BinaryIO, geometry: Geometry) -> None:
        self.geometry = geometry
        self._stream = stream
        self._table: FatTable | None = None

    def chain(self, first: int, limit: int) -> list[int]:
        """The clusters of a file from its first one on, at most `limit` of them."""
        if self._table is None:
            geometry = self.geometry
            size = min(geometry.table_size, (geometry.clusters + 2) * geometry.bits // 8 + 1)
            self._table = FatTable(self.read(geometry.table_start, size), geometry.bits, geometry.clusters)
        return self._table.chain(first, limit)

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes of the volume."""
        self._stream.seek(offset)
        return bytes(self._stream.read(length))

    def read_chain(self, clusters: list[int], offset: int, length: int) -> bytes:
        """`length` bytes at `offset` of the file that lies in `clusters`."""
        size = self.geometry.cluster_size
        pieces = []
        while length > 0 and offset // size < len(clusters):
            index, within = divmod(offset, size)
            run = 1
            while (
                run * size - within < length
                and clusters[index : index + run + 1][-1] == clusters[index] + run
            ):
                run += 1
            wanted = min(length, run * size - within)
            start = self.geometry.data_start + (clusters[index] - 2) * size
            pieces.append(self.read(start + within, wanted))
            offset += wanted
            length -= wanted
        return b"".join(pieces)


class FatNode(CachedNode):
    """One directory entry. Names are found whatever their case, as the guest finds them."""

    __slots__ = ("_cluster", "_kind", "_length", "_volume")

    def __init__(self, volume: FatVolume, where: str, kind: Kind, cluster: int, length: int) -> None:
        super().__init__(where)
        self._volume = volume
        self._kind = kind
        self._cluster = cluster
        self._length = length

    @property
    def kind(self) -> Kind:
        """What it is: a file or a directory."""
        return self._kind

    def child(self, name: str) -> Node | None:
        """The entry of that name, in whatever case."""
        entries = self._directory()
        if name in entries:
            return entries[name]
        folded = name.casefold()
        return next((node for entry, node in entries.items() if entry.casefold() == folded), None)

    def _size(self) -> int:
        return self._length

    def _link(self) -> str:
        raise GuestReadError("vfat has no links")

    def _open(self) -> BinaryIO:
        needed = -(-self._length // self._volume.geometry.cluster_size)
        clusters = self._volume.chain(self._cluster, needed) if needed else []

        def read_at(offset: int, length: int) -> bytes:
            with guarded(self.where):
                return self._volume.read_chain(clusters, offset, length)

        return open_checked(self.where, self._length, read_at)

    def _list(self) -> Iterator[tuple[str, Node]]:
        for name, attributes, cluster, length in _entries(self._read_directory()):
            kind = Kind.DIRECTORY if attributes & DIRECTORY else Kind.FILE
            yield name, FatNode(self._volume, self._below(name), kind, cluster, length)

    def _read_directory(self) -> bytes:
        geometry = self._volume.geometry
        is_root = self.where == "vfat:/"
        if is_root and geometry.bits != 32:
            return self._volume.read(geometry.root_start, geometry.root_size)
        limit = -(-MAX_DIRECTORY_BYTES // geometry.cluster_size)
        clusters = self._volume.chain(geometry.root_cluster if is_root else self._cluster, limit)
        return self._volume.read_chain(clusters, 0, len(clusters) * geometry.cluster_size)


def _entries(content: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Name, attributes, first cluster and size of each entry in use."""
    long_name: list[bytes] = []
    for offset in range(0, len(content) - ENTRY_BYTES + 1, ENTRY_BYTES):
        entry = content[offset : offset + ENTRY_BYTES]
        first, attributes = entry[0], entry[11]
        if first == 0:
            return
        if first == DELETED:
            long_name = []
        elif attributes & 0x3F == LONG_NAME:
            long_name = [*long_name[-MAX_LONG_NAME_ENTRIES:], entry]
        else:
            if not attributes & VOLUME_LABEL:
                high, low, length = struct.unpack_from("<H4xHI", entry, 20)
                yield (
                    _long_name(long_name, entry[:11]) or _short_name(entry),
                    attributes,
                    high << 16 | low,
                    length,
                )
            long_name = []


def _long_name(entries: list[bytes], short: bytes) -> str | None:
    """The name spread over `entries`, last part first; None where they do not belong to `short`."""
    count = len(entries)
    if not count or entries[0][0] != 0x40 | count:
        return None
    if any(entry[13] != _checksum(short) for entry in entries):
        return None
    raw = b"".join(entry[1:11] + entry[14:26] + entry[28:32] for entry in reversed(entries))
    return raw.decode("utf-16-le", "replace").split("\0")[0].rstrip("\uffff")


def _checksum(short: bytes) -> int:
    """Of a short name, as section 7.2 gives it."""
    total = 0
    for byte in short:
        total = ((total >> 1) + ((total & 1) << 7) + byte) & 0xFF
    return total


def _short_name(entry: bytes) -> str:
    """NAME.EXT in capitals, or small where byte 12 says so (as Windows NT and Linux write it)."""
    raw = bytes([0xE5]) + entry[1:8] if entry[0] == 0x05 else entry[:8]
    base = raw.rstrip(b" ").decode("cp437")
    extension = entry[8:11].rstrip(b" ").decode("cp437")
    base = base.lower() if entry[12] & 0x08 else base
    extension = extension.lower() if entry[12] & 0x10 else extension
    return f"{base}.{extension}" if extension else base
