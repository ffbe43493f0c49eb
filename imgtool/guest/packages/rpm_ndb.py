"""RPM's own database, of SUSE: slots of 16 bytes that say where each header is.

Layout: RPM, lib/backend/ndb/rpmpkg.c. A header of 32 bytes and the slots fill the first pages; each blob
begins with its own head of 16 bytes. All numbers are little-endian.
"""

import struct
from collections.abc import Collection, Iterator
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages.base import MAX_PACKAGES
from imgtool.guest.packages.rpm_header import Blob

HEADER = struct.Struct("<4sIIII")
"""Magic, version, generation, pages of slots, next package number."""

SLOT = struct.Struct("<4sIII")
"""Magic, package number, first block (0: the slot is free), blocks."""

BLOB_HEAD = struct.Struct("<4sIII")
"""Magic, package number, generation, bytes."""

HEADER_BYTES, PAGE_BYTES, BLOCK_BYTES = 32, 4096, 16
MAX_SLOT_PAGES = 4 * MAX_PACKAGES * SLOT.size // PAGE_BYTES
"""Slots of packages that were removed are free, and stay."""


def blobs(stream: BinaryIO, _names: Collection[bytes]) -> Iterator[Blob]:
    """The headers of all packages: its index by names is left alone, as this takes no longer."""
    for number, offset in _slots(stream):
        yield _blob(stream, number, offset)


def _slots(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Package number and offset of each blob."""
    stream.seek(0)
    head = stream.read(HEADER_BYTES)
    if len(head) < HEADER_BYTES or head[:4] != b"RpmP":
        raise GuestReadError("it is no NDB database")
    _, version, _, pages, _ = HEADER.unpack_from(head)
    if version or not 0 < pages <= MAX_SLOT_PAGES:
        raise GuestReadError(f"an NDB database of version {version} with {pages} pages of slots")
    slots = stream.read(pages * PAGE_BYTES - HEADER_BYTES)
    for magic, number, block, _ in SLOT.iter_unpack(slots[: len(slots) // SLOT.size * SLOT.size]):
        if magic != b"Slot":
            raise GuestReadError("a slot of the NDB database is damaged")
        if block:
            yield number, block * BLOCK_BYTES


def _blob(stream: BinaryIO, number: int, offset: int) -> Blob:
    def read(length: int) -> bytes:
        stream.seek(offset)
        content = stream.read(BLOB_HEAD.size + length)
        if len(content) < BLOB_HEAD.size:
            raise GuestReadError("the NDB database ends before one of its headers")
        magic, owner, _, size = BLOB_HEAD.unpack_from(content)
        if magic != b"BlbS" or owner != number:
            raise GuestReadError(f"the header of package {number} in the NDB database is damaged")
        return content[BLOB_HEAD.size :][:size]

    return read
