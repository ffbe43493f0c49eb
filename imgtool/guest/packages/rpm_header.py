"""The header of an installed package, as every backend of RPM's database keeps it.

Two big-endian numbers, how many index entries and how many bytes of data; then the entries of 16 bytes (tag,
type, offset, count); then the data (RPM, docs/manual/format_header.md; without the magic, lib/header.c).
`FindBlobs` is what such a backend offers: the headers of the packages that are asked for.
"""

import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages.base import MAX_LICENCE_BYTES, MAX_WORD_BYTES, optional_word, word
from imgtool.model.packages import InstalledPackage

NAME, VERSION, RELEASE, EPOCH, BUILDTIME = 1000, 1001, 1002, 1003, 1006
VENDOR, LICENCE, ARCHITECTURE, SOURCE_RPM = 1011, 1014, 1022, 1044
INT32, STRING = 4, 6
ENTRY = struct.Struct(">IIII")
MAX_ENTRIES = 1 << 16
"""RPM's own bound (lib/header_internal.hh, hdrchkTags). A package has about 100."""

WHERE = "a header of the RPM database"


@dataclass(frozen=True, slots=True)
class Header:
    """What a package is called."""

    name: str
    version: str
    """epoch:version-release, without the epoch where there is none."""
    built_seconds: int | None = None
    """Since 1970; None where the header does not say, or not in the bytes that were read."""


def parse_header(blob: bytes) -> Header | None:
    """The package whose header begins with `blob`; None where more bytes of it are needed.

    Its words stand at the beginning of the data, so that 4 KiB are enough of nearly every header.
    """
    if len(blob) < 8:
        return None
    start, data_bytes = _extent(blob)
    if len(blob) < start:
        return None
    entries = _entries(blob[8:start], _TAGS)
    data = memoryview(blob)[start : start + data_bytes]
    words = [_word(data, entries.get((tag, STRING)), data_bytes) for tag in (NAME, VERSION, RELEASE)]
    epoch = _epoch(data, entries.get((EPOCH, INT32)), data_bytes)
    if None in words or epoch is None:
        return None
    name, version, release = words
    built = _number(data, entries.get((BUILDTIME, INT32)))
    return Header(str(name), f"{epoch}{version}-{release}", built)


_TAGS = frozenset({NAME, VERSION, RELEASE, EPOCH, BUILDTIME})
_DETAILS = frozenset({VENDOR, LICENCE, ARCHITECTURE, SOURCE_RPM})
_FIRST_BYTES = 4096
"""Enough of nearly every index."""


def read_details(blob: "Blob") -> tuple[InstalledPackage, int]:
    """The package of a header, and how many bytes of it were read for that.

    The source RPM's name stands behind the lists of files, which may take megabytes.
    """
    head = blob(_FIRST_BYTES)
    start, data_bytes = _extent(head)
    index = (head if len(head) >= start else blob(start))[8:start]
    entries = _entries(index, _TAGS | _DETAILS)
    farthest = max(entries.values(), default=0)
    wanted = start + min(data_bytes, farthest + MAX_LICENCE_BYTES + 1)
    content = head if len(head) >= wanted else blob(wanted)
    header = parse_header(content)
    if header is None:
        raise GuestReadError(f"{WHERE} ends too early")
    data = content[start:]
    told = {tag: _optional(data, entries.get((tag, STRING))) for tag in _DETAILS}
    package = InstalledPackage(
        manager="rpm",
        name=header.name,
        version=header.version,
        architecture=told[ARCHITECTURE],
        source=told[SOURCE_RPM],
        licence=told[LICENCE],
        vendor=told[VENDOR],
    )
    return package, wanted


def _extent(blob: bytes) -> tuple[int, int]:
    """Where the data begin, and how many bytes of them there are."""
    if len(blob) < 8:
        raise GuestReadError(f"{WHERE} ends too early")
    count, data_bytes = struct.unpack_from(">II", blob)
    if not 0 < count <= MAX_ENTRIES:
        raise GuestReadError(f"{WHERE} has {count} entries")
    return 8 + count * ENTRY.size, data_bytes


def _entries(index: bytes, tags: Collection[int]) -> dict[tuple[int, int], int]:
    """Tag and type of the entries that are wanted, and where in the data each begins."""
    whole = index[: len(index) // ENTRY.size * ENTRY.size]
    return {(tag, kind): offset for tag, kind, offset, _ in ENTRY.iter_unpack(whole) if tag in tags}


def _optional(data: bytes, offset: int | None) -> str:
    """The string at `offset`, empty where there is none."""
    if offset is None:
        return ""
    raw, end, _ = data[offset : offset + MAX_LICENCE_BYTES + 1].partition(b"\0")
    return optional_word(raw) if end else ""


def _word(data: memoryview, offset: int | None, data_bytes: int) -> str | None:
    """The string at `offset`, None where it lies beyond what was read."""
    if offset is None or offset >= data_bytes:
        raise GuestReadError(f"{WHERE} lacks a name, version or release")
    raw, end, _ = bytes(data[offset : offset + MAX_WORD_BYTES + 1]).partition(b"\0")
    if not end and len(data) < min(data_bytes, offset + MAX_WORD_BYTES + 1):
        return None
    return word(raw, WHERE)


def _number(data: memoryview, offset: int | None) -> int | None:
    if offset is None or offset + 4 > len(data):
        return None
    return int.from_bytes(data[offset : offset + 4], "big")


def _epoch(data: memoryview, offset: int | None, data_bytes: int) -> str | None:
    """`7:`, empty where there is no epoch, None where it lies beyond what was read."""
    if offset is None:
        return ""
    if offset + 4 > data_bytes:
        raise GuestReadError(f"{WHERE} has an epoch outside of its data")
    if offset + 4 > len(data):
        return None
    return f"{int.from_bytes(data[offset : offset + 4], 'big')}:"


Blob = Callable[[int], bytes]
"""The first bytes of a header, at most that many."""

FindBlobs = Callable[[BinaryIO, Collection[bytes]], Iterator[Blob]]
"""Of the database `stream`: the headers of the packages with one of these names, others may be among them.

Raises GuestReadError where the database is damaged.
"""


class _EveryName(Collection[bytes]):
    """What is among all names."""

    def __contains__(self, _name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def __len__(self) -> int:
        return 0


EVERY_NAME: Collection[bytes] = _EveryName()
"""For who asks for all packages."""
