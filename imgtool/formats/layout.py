"""Where an image file keeps its disk: formats that are neither raw nor qcow2, each in a module of its own.

A layout is read from the file's own headers and tables, and names places in that file only. The gate reads
and checks it first (`Layout.check`); the reader of the disk (disk/stream.py) and the source of a copy
(convert/sources/mapped.py) follow it. A new format is a module with `read_layout`, and its line in
`_MODULES`.
"""

import importlib
from collections.abc import Mapping
from typing import NamedTuple, Protocol, cast

from imgtool.formats.source import ReadAt

_MODULES: Mapping[str, str] = {
    "vdi": "imgtool.formats.vdi_layout",
    "vhdx": "imgtool.formats.vhdx.layout",
    "vmdk": "imgtool.formats.vmdk.layout",
    "vpc": "imgtool.formats.vpc_layout",
}
"""By qemu-img's name of the format; loaded only for such a file, as most are raw or qcow2."""

MAPPED_FORMATS = frozenset(_MODULES)
LAYOUT_MODULES = tuple(_MODULES.values())

MAX_PACKED_BYTES = 2 << 20
"""The largest piece of a disk that may be compressed as one: the largest cluster of a qcow2."""


Packed = bytes | memoryview
Unpacked = bytes | bytearray


class Span(NamedTuple):
    """A part of the disk that is kept in one way. Offsets count from the beginning of the image file."""

    start_bytes: int
    """On the disk."""
    end_bytes: int
    offset_bytes: int | None
    """Where the file has its first byte; None where it reads as zeros and the file keeps nothing."""
    packed_bytes: int = 0
    """How many bytes of the file hold it, at most, where it is compressed; it then starts and ends at a
    multiple of its own length, a power of two of at most MAX_PACKED_BYTES, but for the disk's end. 0: it is
    not."""


class Layout(Protocol):
    """Where a disk is kept in its file."""

    @property
    def size_bytes(self) -> int:
        """The size of the disk, as QEMU presents it."""

    @property
    def packed_block_bytes(self) -> int:
        """The length of each compressed span; 0 where nothing can be compressed."""

    @property
    def table_bytes(self) -> int:
        """The size of all tables that `check` reads. The gate bounds what of them are holes of the file,
        which take time and no room."""

    def span_at(self, position: int) -> Span:
        """The span that holds `position`, 0 <= position < size_bytes: as long as can be told cheaply.

        Any thread may call it, one at a time. Raises ImageUnreadableError for an entry that cannot be.
        """

    def unpack(self, content: Packed, span: Span) -> Unpacked:
        """The bytes of the disk in `span`, of which the file holds `content`. Called by several threads.

        Raises ImageUnreadableError unless exactly these come out.
        """

    def check(self) -> None:
        """Read all tables. Raises ImageUnreadableError unless each entry can be.

        What it names stands wholly in the file, not where a header or a table does, and in no other entry:
        blocks that are shared are how a file of some KiB becomes a disk of terabytes.
        """


class _Module(Protocol):
    def read_layout(self, read_at: ReadAt, size_bytes: int) -> Layout: ...


def read_layout(image_format: str, read_at: ReadAt, size_bytes: int) -> Layout:
    """The layout of a file of `size_bytes`, whose format is one of MAPPED_FORMATS.

    Reads headers, and of tables no more than it needs. Raises UnsafeImageError where the file stands on
    another one, ImageUnreadableError where what it says cannot be.
    """
    return cast("_Module", importlib.import_module(_MODULES[image_format])).read_layout(read_at, size_bytes)
