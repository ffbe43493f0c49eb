"""Opens dissect.regf so that a hive made to lead in circles ends in an error, and no cell is overlarge."""

import struct
from functools import lru_cache
from typing import BinaryIO

from dissect.regf.regf import KeyNode, KeyValue, RegistryHive

from imgtool.guest.filesystems.base import GuestReadError

BASE_BLOCK_BYTES = 4096
MAX_CELLS = 200_000
"""Cells of one hive that are read. The facts of a server take about 10,000."""
MAX_CELL_BYTES = 1 << 20
"""A list of 65,535 keys has half of this."""
PAGE_BYTES = 64 << 10
MAX_PAGES = 512
"""Kept in memory: cells that belong together lie anywhere in a hive."""


class GuardedHive(RegistryHive):  # type: ignore[misc]  # the library has no types
    """A hive whose cells are all in use, within the file, of bounded size, and bounded in number."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        """`size`: of the file in bytes."""
        self._cells_size = size - BASE_BLOCK_BYTES
        self._cells_left = MAX_CELLS
        self._page = lru_cache(MAX_PAGES)(self._read_page)
        super().__init__(stream)

    def key_node(self, offset: int) -> KeyNode:
        """The key in the cell at `offset`."""
        return KeyNode(self, self.cell_data(offset))

    def key_value(self, offset: int) -> KeyValue:
        """The value in the cell at `offset`."""
        return KeyValue(self, self.cell_data(offset))

    def spend(self, cells: int) -> None:
        """Count cells that were read or named. Raises GuestReadError where they are too many."""
        self._cells_left -= cells
        if self._cells_left < 0:
            raise GuestReadError(f"more than {MAX_CELLS} cells were read: damaged, or made to mislead")

    def _cell_data(self, offset: int) -> tuple[bool, bytes]:
        self.spend(1)
        if offset % 8 or not 0 <= offset < self._cells_size:
            raise GuestReadError(f"a cell at {offset:#x}, outside of the hive")
        (size,) = struct.unpack("<i", self._read_at(offset, 4))
        if not 8 <= -size <= min(MAX_CELL_BYTES, self._cells_size - offset):
            raise GuestReadError(f"the cell at {offset:#x} is not in use, or of impossible size")
        return True, self._read_at(offset + 4, -size - 4)

    def _read_at(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`, counted from the end of the base block."""
        number, within = divmod(offset, PAGE_BYTES)
        content: bytes = self._page(number)[within : within + length]
        while len(content) < length:
            number += 1
            content += self._page(number)[: length - len(content)]
        return content

    def _read_page(self, number: int) -> bytes:
        self.fh.seek(BASE_BLOCK_BYTES + number * PAGE_BYTES)
        page: bytes = self.fh.read(PAGE_BYTES)
        if not page:
            raise GuestReadError("the hive is cut off")
        return page
