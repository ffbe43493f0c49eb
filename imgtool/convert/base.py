"""The copy engine's view of a disk: one small table of operations for sources, one for sinks.

A disk moves in pieces, in its own order. Each worker of the engine takes a piece the whole way:

    source.take     one thread at a time, in the disk's order: what comes next; cheap
    piece.load      any thread: read it, inflate it, find the zeros in it
    sink.prepare    any thread: compress it
    sink.place      one thread at a time, in the disk's order: where it goes; cheap
    sink.write      any thread: write it there

and `sink.finish`, once, writes what makes a valid image of it. What must be in order is cheap and decides
everything that the output depends on; so the output is the same for any number of threads.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from imgtool.convert.extents import Extent

PIECE_BYTES = 1 << 20
"""Of the disk in one piece: small enough to stay in a core's cache, large enough to make Python's part small.
Larger where a cluster is."""


class Content(NamedTuple):
    """A piece of the disk, read. Outside of the runs the disk is zero, and the buffer anything."""

    start_bytes: int
    """Where `buffer[0]` is on the disk; a multiple of the buffer's size."""
    length_bytes: int
    buffer: bytearray
    runs: list[Extent]
    """What is not zero, as offsets in `buffer`, in whole blocks of GRAIN_BYTES but for the disk's end."""
    read_bytes: int
    """Of the source's file, for this piece: what progress counts."""


class Piece(NamedTuple):
    """A piece of the disk, and how to read it."""

    load: Callable[[], Content]
    fragments: int = 1
    """How many reads that takes."""


class Write(NamedTuple):
    """Bytes, in parts that follow each other, and the place in the target where they go."""

    offset_bytes: int
    parts: Sequence[bytes | memoryview]


class Source(Protocol):
    """Where a disk comes from."""

    def take(self, buffer: bytearray) -> Piece | None:
        """The next piece that may hold data; None at the end. `buffer` is its own until it is written.

        What can only be read in order is read into `buffer` here. Raises ImageUnreadableError, as load does.
        """

    @property
    def size_bytes(self) -> int:
        """Size of the disk, in whole sectors; of a stream not known before its end."""


P = TypeVar("P")


class Sink(Protocol[P]):
    """Where a disk goes. All raise ConversionError where the target cannot take it."""

    def prepare(self, content: Content) -> P:
        """What to write of `content`."""

    def place(self, prepared: P) -> Sequence[Write]:
        """Where in the target to write it."""

    def write(self, writes: Sequence[Write]) -> None:
        """Write it."""

    def finish(self, size_bytes: int) -> None:
        """The disk is complete and this large: write what is left, metadata above all."""
