"""RPM's database of RHEL 8 and older: a hash of Berkeley DB, package number to header.

Layout: Berkeley DB, dbinc/db_page.h and hash.h. Page 0 describes the hash; each bucket is a chain of pages of
items, a key and its value in turn; a value that is large is a chain of overflow pages. Numbers are in the
byte order of the machine that wrote it.
"""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages.base import MAX_PACKAGES
from imgtool.guest.packages.rpm_header import Blob

HASH_MAGIC = 0x061561
VERSIONS = (8, 9, 10)
"""Of the hash: of Berkeley DB 4 and 5."""

PAGE_HEAD_BYTES = 26
UNSORTED, OVERFLOW, SORTED = 2, 7, 13
"""Types of pages: P_HASH_UNSORTED, P_OVERFLOW, P_HASH."""

KEY_DATA, OFF_PAGE = 1, 3
"""Types of items: the bytes themselves, and where they are."""

CHECKSUMMED = 0x01
MAX_PAGES = 400_000
"""Read in one search, of buckets and overflow together. A full desktop takes 15,000, or 100,000 where all
is read of each package."""


@dataclass
class Hash:
    """An open database. Pages that are read are counted, so that no chain can go on for ever."""

    stream: BinaryIO
    order: str
    """`<` or `>`, for `struct`."""
    page_bytes: int
    last_bucket: int
    spares: tuple[int, ...]
    pages_left: int = MAX_PAGES

    def page(self, number: int) -> bytes:
        """Page `number`, whole."""
        self.pages_left -= 1
        if self.pages_left < 0:
            raise GuestReadError(f"more than {MAX_PAGES} pages: damaged, or made to mislead")
        self.stream.seek(number * self.page_bytes)
        content = self.stream.read(self.page_bytes)
        if len(content) != self.page_bytes:
            raise GuestReadError(f"the Berkeley DB ends before page {number}")
        return content

    def numbers(self, layout: str, content: bytes, offset: int) -> tuple[int, ...]:
        """The numbers at `offset`, in the byte order of the database."""
        return struct.unpack_from(self.order + layout, content, offset)


def blobs(stream: BinaryIO, _names: Collection[bytes]) -> Iterator[Blob]:
    """The headers of all packages: the index by names is a database of its own, in another file."""
    database = _open(stream)
    for bucket in range(database.last_bucket + 1):
        page = bucket + database.spares[bucket.bit_length()]
        yield from _bucket(database, page)


def _open(stream: BinaryIO) -> Hash:
    stream.seek(0)
    head = stream.read(512)
    if len(head) < 512:
        raise GuestReadError("it is no Berkeley DB")
    order = next((o for o in "<>" if struct.unpack_from(o + "I", head, 12)[0] == HASH_MAGIC), None)
    if order is None:
        raise GuestReadError("it is no hash of Berkeley DB")
    version, page_bytes = struct.unpack_from(order + "II", head, 16)
    encryption, _, flags = head[24], head[25], head[26]
    if version not in VERSIONS or encryption or flags & CHECKSUMMED:
        raise GuestReadError(f"a Berkeley DB of version {version} that is encrypted, checksummed or unknown")
    if page_bytes not in {512 << n for n in range(8)}:
        raise GuestReadError(f"a Berkeley DB with pages of {page_bytes} bytes")
    (last_bucket,) = struct.unpack_from(order + "I", head, 72)
    if last_bucket > MAX_PACKAGES:
        raise GuestReadError(f"a Berkeley DB with {last_bucket} buckets")
    return Hash(stream, order, page_bytes, last_bucket, struct.unpack_from(order + "32I", head, 96))


def _bucket(database: Hash, number: int) -> Iterator[Blob]:
    """The values of one bucket: of a page of items the even ones are keys."""
    while number:
        content = database.page(number)
        (following,), (items,) = database.numbers("I", content, 16), database.numbers("H", content, 20)
        if content[25] not in {UNSORTED, SORTED} or PAGE_HEAD_BYTES + 2 * items > len(content):
            raise GuestReadError(f"page {number} of the Berkeley DB is damaged")
        places = database.numbers(f"{items}H", content, PAGE_HEAD_BYTES)
        for index in range(1, items, 2):
            blob = _value(database, content, places[index], places[index - 1])
            if blob is not None:
                yield blob
        number = following


def _value(database: Hash, content: bytes, start: int, end: int) -> Blob | None:
    """The header at `start`; items stand from the page's end downwards. None for RPM's counter."""
    if not start < end <= len(content):
        raise GuestReadError("an item of the Berkeley DB is damaged")
    if content[start] == OFF_PAGE and end - start >= 12:
        first, size = database.numbers("II", content, start + 4)
        return lambda length: _overflow(database, first, min(size, length))
    if content[start] != KEY_DATA:
        raise GuestReadError("an item of the Berkeley DB is of an unknown type")
    value = content[start + 1 : end]
    return (lambda length: value[:length]) if len(value) > 8 else None


def _overflow(database: Hash, number: int, length: int) -> bytes:
    """`length` bytes of a value that has pages of its own; `hf_offset` is how many a page holds."""
    pieces: list[bytes] = []
    while length > 0:
        content = database.page(number)
        (number,) = database.numbers("I", content, 16)
        (held,) = database.numbers("H", content, 22)
        if content[25] != OVERFLOW or not held:
            raise GuestReadError("an overflow page of the Berkeley DB is damaged")
        pieces.append(content[PAGE_HEAD_BYTES : PAGE_HEAD_BYTES + min(held, length)])
        length -= held
    return b"".join(pieces)
