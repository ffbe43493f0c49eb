"""Free clusters of an NTFS: $Bitmap, and as the second reading all records of the master file table.

Layout: include/ntfs-3g/layout.h of ntfs-3g, and the documentation of the Linux-NTFS project. Shadow copies
keep what was there before, and Windows copies a cluster away only where it writes over it: nothing may be
left out where there are any (libvshadow, Volume Shadow Snapshot format, "NTFS volume header").
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.ntfs import NtfsFilesystem, geometry_of, probe
from imgtool.guest.filesystems.ntfs_records import END, IN_USE, TABLE_RECORD, NtfsVolume
from imgtool.guest.filesystems.superblock import HEAD_BYTES, number
from imgtool.guest.free.bitmap import zero_runs
from imgtool.util.ranges import Ranges

BITMAP_RECORD = 6
SHADOW_AT, SHADOW_CATALOG_AT = 0x1E00, 0x1E30
SHADOW = bytes.fromhex("6b87083876c1484eb7ae04046e6cc752")
"""Identifies a volume that has, or had, shadow copies; behind it is where their catalog begins, or 0."""
HIBERNATION_FILE, HIBERNATED = "hiberfil.sys", (b"HIBR", b"HORM")
SECTOR = 512
"""Each of a record ends in two bytes that stand elsewhere, whatever sectors the disk has."""
SLICE_RECORDS = 256
MAX_BITMAP_BYTES = 256 << 20
"""8 TiB in clusters of 4 KiB."""


def free_of_ntfs(stream: BinaryIO, size_bytes: int) -> Ranges:
    """What of the volume `stream` is free. Raises GuestReadError with the reason where all is to be kept."""
    stream.seek(0)
    head = stream.read(min(HEAD_BYTES, size_bytes))
    filesystem = probe(head, stream)
    if filesystem is None:
        raise GuestReadError("its boot sector is damaged")
    _refuse(head, filesystem)
    geometry = geometry_of(head)
    size = geometry.cluster_size
    clusters = number(head, 0x28, "<Q") * number(head, 0x0B, "<H") // size
    volume = NtfsVolume(stream, geometry)
    free = Ranges(zero_runs(_bitmap(volume, clusters), clusters))
    for start, count in _used(volume, geometry.record_size):
        if start + count > clusters:
            raise GuestReadError(f"a file has cluster {start}, which the file system does not have")
        if free.touches(start, start + count):
            raise GuestReadError(f"$Bitmap says that cluster {start} is free, and a file has it")
    return Ranges((start * size, end * size) for start, end in free)


def _refuse(head: bytes, filesystem: NtfsFilesystem) -> None:
    """Raise GuestReadError where somebody still needs what $Bitmap calls free."""
    if head[SHADOW_AT : SHADOW_AT + len(SHADOW)] == SHADOW and number(head, SHADOW_CATALOG_AT, "<Q"):
        raise GuestReadError("it has shadow copies")
    file = filesystem.root().child(HIBERNATION_FILE)
    if file is not None and file.size_bytes:
        with file.open() as content:
            if content.read(4).upper() in HIBERNATED:
                raise GuestReadError("its system is hibernated")


def _bitmap(volume: NtfsVolume, clusters: int) -> bytes:
    needed = -(-clusters // 8)
    if not 0 < needed <= MAX_BITMAP_BYTES:
        raise GuestReadError(f"a bitmap of {clusters} clusters")
    with volume.record(BITMAP_RECORD).open("$Bitmap") as content:
        found = content.read(needed)
    if len(found) != needed:
        raise GuestReadError("$Bitmap is too small")
    return found


def _used(volume: NtfsVolume, record_bytes: int) -> Iterator[tuple[int, int]]:
    """First cluster and count of each run that a record in use has."""
    with volume.record(TABLE_RECORD).open("$MFT") as table:
        while content := table.read(SLICE_RECORDS * record_bytes):
            for at in range(0, len(content) - record_bytes + 1, record_bytes):
                record = content[at : at + record_bytes]
                if record[:4] == b"BAAD":
                    raise GuestReadError("a record of the master file table is damaged")
                if record[:4] == b"FILE" and number(record, 0x16, "<H") & IN_USE:
                    yield from _runs_of(_mended(record))


def _mended(record: bytes) -> bytes:
    """The record with the last two bytes of each sector, which stand in its list, where they belong."""
    offset, count = struct.unpack_from("<HH", record, 4)
    content = bytearray(record)
    if (count - 1) * SECTOR != len(record) or offset + 2 * count > len(record):
        raise GuestReadError("a record of the master file table is damaged")
    for index in range(1, count):
        end = index * SECTOR
        if content[end - 2 : end] != record[offset : offset + 2]:
            raise GuestReadError("a record of the master file table was not written to its end")
        content[end - 2 : end] = record[offset + 2 * index : offset + 2 * index + 2]
    return bytes(content)


def _runs_of(record: bytes) -> Iterator[tuple[int, int]]:
    """The runs of all attributes that are not in the record itself."""
    at = number(record, 0x14, "<H")
    while at + 8 <= len(record):
        kind, length = struct.unpack_from("<II", record, at)
        if kind == END:
            return
        if not 24 <= length <= len(record) - at or length % 8:
            break
        attribute = record[at : at + length]
        if attribute[8]:
            yield from _decoded(attribute[number(attribute, 0x20, "<H") :])
        at += length
    raise GuestReadError("the attributes of a record are damaged")


def _decoded(pairs: bytes) -> Iterator[tuple[int, int]]:
    """Runs: each is a length, and how far its start is from that of the one before; not sparse ones."""
    at = place = 0
    while at < len(pairs) and pairs[at]:
        length_bytes, distance_bytes = pairs[at] & 0xF, pairs[at] >> 4
        end = at + 1 + length_bytes + distance_bytes
        if end > len(pairs) or not length_bytes:
            raise GuestReadError("the runs of an attribute are damaged")
        length = int.from_bytes(pairs[at + 1 : at + 1 + length_bytes], "little")
        if distance_bytes:
            place += int.from_bytes(pairs[at + 1 + length_bytes : end], "little", signed=True)
            if place < 0 or not length:
                raise GuestReadError("the runs of an attribute are damaged")
            yield place, length
        at = end
