"""Tables that say where each block of a disk is in its file, all of one size: VHD, VDI and VHDX have one.

A table is read a page at a time, so that one of hundreds of MiB takes little memory. Pages whose entries are
all the same hole are skipped whole: a table of an empty disk costs no more than reading it.
"""

import sys
from array import array
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from imgtool.errors import ImageUnreadableError
from imgtool.formats.block_room import Room, TakenRoom
from imgtool.formats.layout import Packed, Span, Unpacked
from imgtool.formats.source import ReadAt

PAGE_BLOCKS = 8192
"""How many entries are read at once."""
_MAX_RUN_BLOCKS = 64
"""How many blocks of data that follow each other in the file are one span: looking further costs time at
each of many small reads."""


class Entries(Protocol):
    """How a format writes the entries of its table."""

    def offset_of(self, entry: int) -> int | None:
        """Where in the file the block's first byte is; None where the block reads as zeros."""

    def starts(self, entries: "array[int]") -> list[int]:
        """Where each block that is in the file starts, in units of its `Room`.

        Raises ImageUnreadableError for an entry that means nothing.
        """


class Table(NamedTuple):
    """A table in the file."""

    offset_bytes: int
    blocks: int
    """How many entries it has; blocks beyond the disk's end are checked too."""
    code: str
    """Of an entry, as in the module `array`: I or Q."""
    big_endian: bool = False
    page_blocks: int = PAGE_BLOCKS
    page_gap: int = 0
    """How many entries, which are none of blocks, stand after each page."""


class Disk(NamedTuple):
    """The disk that the blocks make."""

    size_bytes: int
    block_bytes: int

    @property
    def blocks(self) -> int:
        """How many blocks it has, with the last one, which may be cut short."""
        return -(-self.size_bytes // self.block_bytes)


class _Page(NamedTuple):
    first_block: int
    entries: "array[int]"
    is_uniform: bool
    """Whether all entries are the same."""


class UncompressedLayout:
    """The part of a `Layout` that is the same for formats that cannot compress."""

    packed_block_bytes = 0
    table_bytes = 0
    """The largest table has 512 MiB, and its holes are read, and skipped, in a fraction of a second."""

    def unpack(self, content: Packed, span: Span) -> Unpacked:
        """Nothing is compressed. Raises ImageUnreadableError."""
        raise ImageUnreadableError("its format has no compressed blocks")


class BlockLayout(UncompressedLayout):
    """A disk in blocks, by a table."""

    def __init__(self, read_at: ReadAt, disk: Disk, table: Table, entries: Entries, room: Room) -> None:
        self.size_bytes, self._block_bytes = disk
        self._blocks = disk.blocks
        self._read_at = read_at
        self._table = table
        self._entries = entries
        self._room = room
        self._page = _Page(0, array(table.code), is_uniform=False)
        self._span = Span(0, 0, None)

    def span_at(self, position: int) -> Span:
        """The span of blocks that holds `position`."""
        span = self._span
        if not span.start_bytes <= position < span.end_bytes:
            self._span = span = self._find(position // self._block_bytes)
        return span

    def check(self) -> None:
        """Read the whole table. Raises ImageUnreadableError unless each block has room of its own."""
        taken = TakenRoom(self._room)
        for page in self._pages():
            if page.is_uniform and self._entries.offset_of(page.entries[0]) is None:
                continue
            last = self._blocks - 1 - page.first_block
            whole, cut = page.entries[:], array(self._table.code)
            if 0 <= last < len(whole):
                cut.append(whole.pop(last))
            taken.take(self._entries.starts(whole))
            taken.take(self._entries.starts(cut), self._least_of_last())

    def _least_of_last(self) -> int:
        """How much of the disk's last block has to be in the file: as much as the disk has of it.

        QEMU wrote VHDX files without the rest (block/vhdx.c, vhdx_check_bat_entries).
        """
        in_front = self._room.block_bytes - self._block_bytes  # what stands before the data: VHD's bitmap
        return in_front + self.size_bytes - (self._blocks - 1) * self._block_bytes

    def _find(self, block: int) -> Span:
        offset = self._offset_of(block)
        end = self._end_of_hole(block) if offset is None else self._end_of_run(block, offset)
        size = self._block_bytes
        return Span(block * size, min(end * size, self.size_bytes), offset)

    def _end_of_hole(self, block: int) -> int:
        """The next block that is in the file."""
        while block < self._blocks:
            page = self._page_of(block)
            if not page.is_uniform:
                for entry in page.entries[block - page.first_block :]:
                    if self._entries.offset_of(entry) is not None:
                        return block
                    block += 1
            elif self._entries.offset_of(page.entries[0]) is not None:
                return block
            block = page.first_block + len(page.entries)
        return self._blocks

    def _end_of_run(self, block: int, offset: int) -> int:
        """The next block that does not follow in the file the one before it."""
        last = min(block + _MAX_RUN_BLOCKS, self._blocks)
        for following in range(block + 1, last):
            offset += self._block_bytes
            if self._offset_of(following) != offset:
                return following
        return last

    def _offset_of(self, block: int) -> int | None:
        page = self._page_of(block)
        return self._entries.offset_of(page.entries[block - page.first_block])

    def _page_of(self, block: int) -> _Page:
        page = self._page
        if not 0 <= block - page.first_block < len(page.entries):
            self._page = page = self._load(block // self._table.page_blocks)
        return page

    def _pages(self) -> Iterator[_Page]:
        for number in range(-(-self._table.blocks // self._table.page_blocks)):
            yield self._load(number)

    def _load(self, number: int) -> _Page:
        table = self._table
        entries = array(table.code)
        first = number * table.page_blocks
        position = first + number * table.page_gap
        wanted = min(table.page_blocks, table.blocks - first) * entries.itemsize
        content = self._read_at(table.offset_bytes + position * entries.itemsize, wanted)
        if len(content) != wanted:
            raise ImageUnreadableError("its block table is cut off", hint="fetch or copy it again")
        entries.frombytes(content)
        if table.big_endian != (sys.byteorder == "big"):
            entries.byteswap()
        is_uniform = content == content[: entries.itemsize] * len(entries)
        return _Page(first, entries, is_uniform)
