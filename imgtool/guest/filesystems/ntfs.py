"""NTFS 3.0 and 3.1, by dissect.ntfs.

Layout: the headers of ntfs-3g (include/ntfs-3g/layout.h) and the NTFS documentation of the Linux-NTFS
project. The library reads records and attributes. What it does with them is done in ntfs_records.py and
ntfs_index.py, because it follows lists of attributes in circles, passes over damaged directory blocks in
silence, and lists what stands in blocks that are no longer in use.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.filesystems.nodes import CachedNode
from imgtool.guest.filesystems.superblock import number

if TYPE_CHECKING:
    from imgtool.guest.filesystems.ntfs_records import NtfsVolume, Record

OEM_ID = b"NTFS    "
SECTOR_SIZES = (512, 1024, 2048, 4096)
MAX_CLUSTER_BYTES = 2 << 20
MAX_RECORD_BYTES = 64 << 10
ROOT_RECORD = 5
SHOWN_PERMISSIONS = 0o777
"""Of everything on it: mount.ntfs(8), and the kernel's ntfs3."""
SYMLINK_TAG, MOUNT_POINT_TAG = 0xA000000C, 0xA0000003
RELATIVE = 1
"""Flag of a symbolic link's reparse data: [MS-FSCC] 2.1.2.4."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the boot sector says about sizes, and where the master file table starts, in bytes."""

    cluster_size: int
    record_size: int
    table_start: int


def probe(head: bytes, stream: BinaryIO) -> "NtfsFilesystem | None":
    """The file system of `stream`, whose first bytes are `head`, if it is NTFS."""
    if len(head) < 512 or head[3:11] != OEM_ID:
        return None
    return NtfsFilesystem(f"{number(head, 0x48, '<Q'):016X}", head, stream)


class NtfsFilesystem:
    """One NTFS."""

    type = "ntfs"

    def __init__(self, uuid: str, head: bytes, stream: BinaryIO) -> None:
        self.uuid = uuid
        """The volume's serial number."""
        self._head = head
        self._stream = stream
        self._volume: NtfsVolume | None = None
        self._root: Node | None = None

    @property
    def label(self) -> str | None:
        """The volume's name; None where it has none, or where the file system is damaged."""
        try:
            with guarded("ntfs"):
                return self._open().name
        except GuestReadError:
            return None

    def root(self, subvolume: str | None = None) -> Node:
        """The top directory."""
        if subvolume is not None:
            raise GuestReadError("ntfs has no subvolumes")
        if self._root is None:
            with guarded("ntfs"):
                volume = self._open()
                volume.record(ROOT_RECORD)
                self._root = NtfsNode(volume, "ntfs:/", Kind.DIRECTORY, ROOT_RECORD)
        return self._root

    def what_is_unclean(self) -> str | None:
        """Why Windows would check or replay it when it mounts it; None where it was unmounted."""
        with guarded("ntfs"):
            from imgtool.guest.filesystems.ntfs_log import what_is_unclean  # noqa: PLC0415 - as below

            return what_is_unclean(self._open())

    def _open(self) -> "NtfsVolume":
        if self._volume is None:
            geometry = geometry_of(self._head)
            from imgtool.guest.filesystems.ntfs_records import NtfsVolume  # noqa: PLC0415 - 0.1 s only here

            self._volume = NtfsVolume(self._stream, geometry)
        return self._volume


def geometry_of(head: bytes) -> Geometry:
    """The sizes in a boot sector. Raises GuestReadError where they are impossible."""
    sector, per_cluster = struct.unpack_from("<HB", head, 0x0B)
    cluster = sector * (per_cluster if per_cluster <= 0x80 else 1 << (256 - per_cluster))
    if sector not in SECTOR_SIZES or not sector <= cluster <= MAX_CLUSTER_BYTES or cluster & (cluster - 1):
        raise GuestReadError("ntfs is damaged: impossible sector or cluster size")
    per_record = number(head, 0x40, "<b")
    record = 1 << min(-per_record, 31) if per_record < 0 else per_record * cluster
    if not 512 <= record <= MAX_RECORD_BYTES or record & (record - 1):
        raise GuestReadError("ntfs is damaged: impossible size of a file record")
    return Geometry(cluster, record, number(head, 0x30, "<Q") * cluster)


class NtfsNode(CachedNode):
    """One directory entry. Names are found whatever their case, as the guest finds them."""

    __slots__ = ("_by_upper", "_kind", "_record", "_reference", "_tag", "_volume")

    def __init__(self, volume: "NtfsVolume", where: str, kind: Kind, reference: int, tag: int = 0) -> None:
        super().__init__(where)
        self._volume = volume
        self._kind = kind
        self._reference = reference
        self._tag = tag
        """Of its reparse point, 0 where it has none."""
        self._record: Record | None = None
        self._by_upper: dict[str, Node] = {}

    @property
    def kind(self) -> Kind:
        """What it is. A junction is a symbolic link here."""
        return self._kind

    def child(self, name: str) -> Node | None:
        """The entry of that name, in whatever case."""
        entries = self._directory()
        if not self._by_upper:
            self._by_upper = {_upper(entry): node for entry, node in entries.items()}
        return entries.get(name) or self._by_upper.get(_upper(name))

    def _opened(self) -> "Record":
        if self._record is None:
            self._record = self._volume.record(self._reference)
        return self._record

    def _size(self) -> int:
        return self._opened().size() if self._kind is Kind.FILE else 0

    def _open(self) -> BinaryIO:
        if self._tag:
            raise GuestReadError(f"{self.where}: its content is kept elsewhere (reparse tag {self._tag:#x})")
        return self._opened().open(self.where)

    def _link(self) -> str:
        """[MS-FSCC] 2.1.2.4 and 2.1.2.5: offsets and lengths of two names, flags, then the names."""
        data = self._opened().reparse_data()
        names, flags = (20, number(data, 16, "<I")) if self._tag == SYMLINK_TAG else (16, 0)
        offset, length = struct.unpack_from("<HH", data, 8)
        target = data[names + offset : names + offset + length].decode("utf-16-le", "surrogatepass")
        if not flags & RELATIVE:
            raise GuestReadError(f"{self.where} leads to {target}: which volume that is, is not known here")
        return target.replace("\\", "/")

    def _permissions(self) -> int:
        return SHOWN_PERMISSIONS

    def _xattr(self, name: str) -> bytes | None:
        raise GuestReadError(f"{self.where}: its extended attributes are not read")

    def _list(self) -> Iterator[tuple[str, Node]]:
        from imgtool.guest.filesystems.ntfs_index import entries  # noqa: PLC0415 - as above

        for entry in entries(self._opened(), self._volume):
            kind = Kind.DIRECTORY if entry.is_directory else Kind.FILE
            if entry.tag in {SYMLINK_TAG, MOUNT_POINT_TAG}:
                kind = Kind.SYMLINK
            yield (
                entry.name,
                NtfsNode(self._volume, self._below(entry.name), kind, entry.reference, entry.tag),
            )


def _upper(name: str) -> str:
    """Return a name as NTFS compares names: letter by letter, so that none becomes two."""
    return "".join(upper if len(upper := letter.upper()) == 1 else letter for letter in name)
