"""The records of an NTFS's master file table, and the content of their attributes."""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from dissect.ntfs.attr import AttributeHeader
from dissect.ntfs.mft import MftRecord
from dissect.util.stream import RunlistStream

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.content import open_checked
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.filesystems.nodes import MAX_EXTENTS

ATTRIBUTE_LIST, VOLUME_NAME, VOLUME_INFORMATION, DATA = 0x20, 0x60, 0x70, 0x80
INDEX_ROOT, INDEX_ALLOCATION, REPARSE_POINT, END = 0x90, 0xA0, 0xC0, 0xFFFFFFFF
TABLE_RECORD, LOG_RECORD, VOLUME_RECORD = 0, 2, 3
IN_USE, IS_DIRECTORY = 1, 2
"""Flags of a record."""
COMPRESSED, ENCRYPTED = 0x00FF, 0x4000
"""Flags of an attribute."""
SEGMENT_BITS = 48
"""A reference is a record's number, and above that how often the record has been used."""
MAX_LIST_BYTES = 256 << 10
"""Of an attribute list: NTFS makes none that is larger."""
MAX_EXTENSION_RECORDS = 1024
"""Of one file. A badly fragmented one of 100 GiB has some hundreds."""
MAX_TABLE_RECORDS = 256
"""The same of the master file table itself, which is opened anew with each of them."""
MAX_ATTRIBUTES = 512
"""In one record, of 24 bytes at least each."""
MAX_SMALL_BYTES = 64 << 10
"""Of an attribute that is read at once: names, reparse points (16 KiB), the root of an index."""

Run = tuple[int | None, int]
"""First cluster, or None for zeros, and how many."""


class Sizes(Protocol):
    """Sizes of clusters and records, and where the table starts: ntfs.Geometry."""

    @property
    def cluster_size(self) -> int: ...  # noqa: D102 - its name says it

    @property
    def record_size(self) -> int: ...  # noqa: D102 - its name says it

    @property
    def table_start(self) -> int: ...  # noqa: D102 - its name says it


class NtfsVolume:
    """Gives records by their numbers."""

    def __init__(self, stream: BinaryIO, sizes: Sizes) -> None:
        self.stream = stream
        self.cluster_size = sizes.cluster_size
        self._record_size = sizes.record_size
        stream.seek(sizes.table_start)
        table = Record(self, TABLE_RECORD, stream.read(self._record_size))
        self._runs = table.own_runs()
        self._table = self._open_table()
        for count, extension in enumerate(table.extensions()):
            if count >= MAX_TABLE_RECORDS or len(self._runs) > MAX_EXTENTS:
                raise GuestReadError("the master file table is in too many pieces")
            # each may be found by the runs of those before it
            self._runs += extension.own_runs()
            self._table = self._open_table()

    @property
    def name(self) -> str | None:
        """The label."""
        name = self.record(VOLUME_RECORD).small(VOLUME_NAME) or b""
        return name.decode("utf-16-le", "replace").rstrip("\0") or None

    def record(self, reference: int) -> "Record":
        """The record that a directory entry refers to, or of that number; one that is in use."""
        segment, used = reference & ((1 << SEGMENT_BITS) - 1), reference >> SEGMENT_BITS
        self._table.seek(segment * self._record_size)
        record = Record(self, segment, self._table.read(self._record_size))
        if not record.flags & IN_USE or (used and used != record.used):
            raise GuestReadError(f"record {segment} of the master file table belongs to something else")
        return record

    def content(self, runs: list[Run], size: int) -> RunlistStream:
        """The clusters of `runs` as a stream of `size` bytes."""
        return RunlistStream(self.stream, runs, size, self.cluster_size)

    def _open_table(self) -> RunlistStream:
        return self.content(self._runs, sum(count for _, count in self._runs) * self.cluster_size)


class Record:
    """One record, with the attributes that stand in other records because they do not fit."""

    def __init__(self, volume: NtfsVolume, segment: int, content: bytes) -> None:
        if len(content) != volume._record_size:
            raise GuestReadError(f"record {segment} lies outside of the master file table")
        self._volume = volume
        self._segment = segment
        record = MftRecord.from_bytes(content)
        self.flags = int(record.header.Flags)
        self.used = int(record.header.SequenceNumber)
        self._own = list(_attributes(record))
        self._all: list[AttributeHeader] | None = None

    def size(self) -> int:
        """Return the size of the file's content in bytes."""
        parts = self._parts(DATA, "")
        return int(parts[0].size) if parts else 0

    def open(self, where: str) -> BinaryIO:
        """The file's content; `where` is for messages."""
        parts = self._parts(DATA, "")
        if not parts:
            raise GuestReadError(f"{where} has no content")
        return self._open(parts, where)

    def small(self, kind: int, name: str = "") -> bytes | None:
        """The whole of an attribute, None where the record has none of that kind and name."""
        parts = self._parts(kind, name)
        return self._read(parts, MAX_SMALL_BYTES) if parts else None

    def stream(self, kind: int, name: str) -> BinaryIO | None:
        """Return the content as a stream, for large files."""
        parts = self._parts(kind, name)
        return self._open(parts, f"record {self._segment}") if parts else None

    def reparse_data(self) -> bytes:
        """What makes it a link."""
        data = self.small(REPARSE_POINT)
        if data is None:
            raise GuestReadError(f"record {self._segment} has no reparse point")
        return data

    def own_runs(self) -> list[Run]:
        """Where the parts of the content lie that this very record describes."""
        return [run for one in self._own if _is(one, DATA, "") for run in _runs(one)]

    def extensions(self) -> Iterator["Record"]:
        """The other records that hold attributes of this one."""
        parts = [one for one in self._own if one.type.value == ATTRIBUTE_LIST]
        if not parts:
            return
        seen = {self._segment}
        for segment in _listed(self._read(parts, MAX_LIST_BYTES)):
            if segment not in seen:
                seen.add(segment)
                if len(seen) > MAX_EXTENSION_RECORDS:
                    raise GuestReadError(f"record {self._segment} goes on in too many others")
                yield self._volume.record(segment)

    def _attributes(self) -> list[AttributeHeader]:
        if self._all is None:
            self._all = [*self._own, *(one for record in self.extensions() for one in record._own)]
        return self._all

    def _parts(self, kind: int, name: str) -> list[AttributeHeader]:
        """The pieces of one attribute, in their order; only the first has the sizes."""
        parts = [one for one in self._attributes() if _is(one, kind, name)]
        return sorted(parts, key=lambda one: 0 if one.resident else int(one.lowest_vcn))

    def _read(self, parts: list[AttributeHeader], limit: int) -> bytes:
        if int(parts[0].size) > limit:
            raise GuestReadError(f"record {self._segment}: an attribute of {parts[0].size} bytes")
        with self._open(parts, f"record {self._segment}") as stream:
            return stream.read()

    def _open(self, parts: list[AttributeHeader], where: str) -> BinaryIO:
        first = parts[0]
        if first.resident:
            content = bytes(first.data())
            if len(content) != first.size:
                raise GuestReadError(f"{where}: its content ends at byte {len(content)}")
            return io.BytesIO(content)
        if first.flags & COMPRESSED or first.flags & ENCRYPTED:
            how = "compressed" if first.flags & COMPRESSED else "encrypted"
            raise GuestReadError(f"{where} is {how} by NTFS: that is not read here")
        return self._open_runs(parts, where)

    def _open_runs(self, parts: list[AttributeHeader], where: str) -> BinaryIO:
        """What was not written yet reads as zeros, whatever stands in its clusters."""
        size = int(parts[0].size)
        written = min(size, int(parts[0].header.Form.Nonresident.ValidDataLength))
        content = self._volume.content(_joined(parts), size)

        def read_at(offset: int, length: int) -> bytes:
            there = max(0, min(length, written - offset))
            with guarded(where):
                content.seek(offset)
                data = bytes(content.read(there))
            return data + bytes(length - there) if len(data) == there else data

        return open_checked(where, size, read_at)


def _attributes(record: MftRecord) -> Iterator[AttributeHeader]:
    fh = io.BytesIO(record.data)
    offset = int(record.header.FirstAttributeOffset)
    for _ in range(MAX_ATTRIBUTES):
        if record.data[offset : offset + 4] == END.to_bytes(4, "little"):
            return
        header = AttributeHeader(fh, offset, record)
        if header.record_length < 24 or offset + header.record_length > len(record.data):
            raise GuestReadError("an attribute that is larger than its record")
        yield header
        offset += int(header.record_length)
    raise GuestReadError(f"more than {MAX_ATTRIBUTES} attributes in one record")


def _is(header: AttributeHeader, kind: int, name: str) -> bool:
    return bool(header.type.value == kind and header.name == name)


def _listed(content: bytes) -> Iterator[int]:
    """The records that an attribute list names."""
    offset = 0
    while offset + 26 <= len(content):
        length, reference = struct.unpack_from("<4xH10xQ", content, offset)
        if length < 26:
            raise GuestReadError("a damaged list of attributes")
        yield reference & ((1 << SEGMENT_BITS) - 1)
        offset += length


def _joined(parts: list[AttributeHeader]) -> list[Run]:
    """The runs of all pieces; each has to begin where the one before it ends."""
    runs: list[Run] = []
    position = 0
    for part in parts:
        if part.resident or part.lowest_vcn != position:
            raise GuestReadError("a piece of an attribute is missing")
        for run in _runs(part):
            runs.append(run)
            position += run[1]
            if len(runs) > MAX_EXTENTS:
                raise GuestReadError(f"more than {MAX_EXTENTS} extents")
    return runs


def _runs(part: AttributeHeader) -> list[Run]:
    runs: list[Run] = part.dataruns()
    if any(count <= 0 or (first is not None and first < 0) for first, count in runs):
        raise GuestReadError("an extent of impossible size or place")
    return runs
