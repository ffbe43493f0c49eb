"""FAT12, FAT16 and FAT32, with long names.

Source: Microsoft's FAT file system specification, 2005. Read here and not by dissect.fat, which follows a
chain of clusters that leads in a circle for ever, and joins clusters that are not neighbours.
The table, which cluster follows which, is section 4 there.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.content import open_checked
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.filesystems.nodes import CachedNode
from imgtool.guest.filesystems.superblock import Identity, number

JUMPS = (b"\xeb", b"\xe9")
MEDIA = (0xF0, *range(0xF8, 0x100))
SECTOR_SIZES = (512, 1024, 2048, 4096)
CLUSTER_SECTORS = tuple(1 << shift for shift in range(8))
MAX_LABEL_CLUSTERS = 100
"""As far as libblkid looks for a label."""
ENTRY_BYTES = 32
MIN_FAT16_CLUSTERS = 4085
SHOWN_PERMISSIONS = 0o755
"""Of everything on it: mount(8), umask of the process that mounts it."""
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
    is_fat32: bool
    """Whether the boot sector is laid out as FAT32's: the 16-bit size of its table is 0."""

    @property
    def bits(self) -> int:
        """Width of a table entry, as Linux takes it: FAT32's by the boot sector, else by the clusters.

        The specification (section 3.5) goes by the number of clusters alone. Source: fs/fat/inode.c,
        fat_fill_super.
        """
        return 32 if self.is_fat32 else 12 if self.clusters < MIN_FAT16_CLUSTERS else 16


def probe(head: bytes, stream: BinaryIO) -> "FatFilesystem | None":
    """The file system of `stream`, whose first bytes are `head`, if it is FAT."""
    geometry = geometry_of(head)
    if geometry is None:
        return None
    volume = FatVolume(stream, geometry)
    return FatFilesystem(Identity("vfat", _label(volume), _serial(head, geometry)), volume)


def _serial(head: bytes, geometry: Geometry) -> str | None:
    """The UUID, as libblkid has it (vfat.c, probe_vfat): of FAT12 and FAT16 only behind a signature."""
    extended = 64 if geometry.is_fat32 else 36
    serial = number(head, extended + 3, "<I")
    is_there = geometry.is_fat32 or head[extended + 2] in {0x28, 0x29}
    return f"{serial >> 16:04X}-{serial & 0xFFFF:04X}" if is_there and serial else None


def _label(volume: "FatVolume") -> str | None:
    """The label in the root directory, which is the one that libblkid, and so udev, takes (search_fat_label).

    The boot sector's is another name there, LABEL_FATBOOT, and nothing is mounted by that. None also where
    the directory cannot be read: libblkid finds none then either.
    """
    try:
        content = volume.root_directory(MAX_LABEL_CLUSTERS)
    except GuestReadError:
        return None
    for offset in range(0, len(content) - ENTRY_BYTES + 1, ENTRY_BYTES):
        entry = content[offset : offset + ENTRY_BYTES]
        if entry[0] == 0:
            return None
        high, low = number(entry, 20, "<H"), number(entry, 26, "<H")
        if entry[0] == DELETED or high or low or entry[11] & LONG_NAME == LONG_NAME:
            continue
        if entry[11] & (VOLUME_LABEL | DIRECTORY) == VOLUME_LABEL:
            raw = (b"\xe5" if entry[0] == 0x05 else entry[:1]) + entry[1:11]
            return raw.rstrip(b" \0").decode("cp437") or None
    return None


def geometry_of(head: bytes) -> Geometry | None:
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
        is_fat32=small_table == 0,
    )


class FatFilesystem:
    """One FAT file system."""

    def __init__(self, identity: Identity, volume: "FatVolume") -> None:
        self.type, self.label, self.uuid = identity.type, identity.label, identity.uuid
        self._volume = volume
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

    def root_directory(self, most_clusters: int) -> bytes:
        """The entries of the root directory; of FAT32 those in its first `most_clusters` clusters."""
        geometry = self.geometry
        if not geometry.is_fat32:
            return self.read(geometry.root_start, geometry.root_size)
        clusters = self.chain(geometry.root_cluster, most_clusters)
        return self.read_chain(clusters, 0, len(clusters) * geometry.cluster_size)

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

    def _permissions(self) -> int:
        return SHOWN_PERMISSIONS

    def _xattr(self, name: str) -> bytes | None:
        """It has none; a label for all of a FAT is in the policy of SELinux."""
        return None

    def _list(self) -> Iterator[tuple[str, Node]]:
        for name, attributes, cluster, length in entries_of(self._read_directory()):
            kind = Kind.DIRECTORY if attributes & DIRECTORY else Kind.FILE
            yield name, FatNode(self._volume, self._below(name), kind, cluster, length)

    def _read_directory(self) -> bytes:
        geometry = self._volume.geometry
        limit = -(-MAX_DIRECTORY_BYTES // geometry.cluster_size)
        if self.where == "vfat:/":
            return self._volume.root_directory(limit)
        clusters = self._volume.chain(self._cluster, limit)
        return self._volume.read_chain(clusters, 0, len(clusters) * geometry.cluster_size)


def entries_of(content: bytes) -> Iterator[tuple[str, int, int, int]]:
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
    """Compute that of a short name, as section 7.2 gives it."""
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


FIRST_CLUSTER = 2
MAX_TABLE_BYTES = 64 << 20
"""A table of 16 million clusters; an EFI system partition has under 100,000."""


class FatTable:
    """The first table of a volume, kept in memory."""

    def __init__(self, content: bytes, bits: int, clusters: int) -> None:
        if len(content) > MAX_TABLE_BYTES:
            raise GuestReadError(f"a FAT of more than {MAX_TABLE_BYTES} bytes")
        self._content = content
        self._bits = bits
        self._end = clusters + FIRST_CLUSTER
        self._last_mark = (1 << min(bits, 28)) - 8
        """From this value on, an entry marks the last cluster of a chain."""

    def chain(self, first: int, limit: int) -> list[int]:
        """The clusters from `first` on, at most `limit`: a chain cannot lead in a circle unseen."""
        clusters: list[int] = []
        seen: set[int] = set()
        cluster = first
        while len(clusters) < limit:
            if not FIRST_CLUSTER <= cluster < self._end or cluster in seen:
                raise GuestReadError(f"a damaged chain of clusters at {cluster}")
            clusters.append(cluster)
            seen.add(cluster)
            cluster = self._next(cluster)
            if cluster >= self._last_mark:
                break
        return clusters

    def _next(self, cluster: int) -> int:
        if self._bits == 12:
            offset = cluster + cluster // 2
            pair = int.from_bytes(self._content[offset : offset + 2], "little")
            return pair >> 4 if cluster & 1 else pair & 0xFFF
        width = self._bits // 8
        offset = cluster * width
        value = int.from_bytes(self._content[offset : offset + width], "little")
        return value & 0x0FFFFFFF
