"""The segments of an initramfs, read as the kernel reads them (init/initramfs.c, unpack_to_rootfs).

Until the end of the file: plain cpio archives at multiples of 4 bytes, compressed data that hold such
archives, and zero bytes between. Anything else ends the kernel's reading, and ours: JunkError, where what was
unpacked before is all that there is.
"""

from collections.abc import Callable, Iterator

from imgtool.guest.initramfs.compression import method_at, refused_by_kernel
from imgtool.guest.initramfs.cpio import CpioParser, Member
from imgtool.guest.initramfs.reader import ArchiveError, JunkError, Reader

MAX_INFLATED_BYTES = 2 << 30
"""Inflated from one initramfs in all. One with every GPU's firmware has about 700 MiB."""

UNCOMPRESSED = "none"


def read_segments(reader: Reader, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Member]]:
    """Every member, with the compression of its segment; content for the `wanted` names only.

    Raises ArchiveError, after all members before it, where an archive is damaged, cut off or of an unknown
    kind; the kernel stops there too.
    """
    parser = CpioParser(wanted)
    budget = _Budget(MAX_INFLATED_BYTES)
    while first := reader.peek(1):
        if first == b"\0":
            reader.skip_zeros()
        elif first == b"0" and reader.offset % 4 == 0:
            yield from ((UNCOMPRESSED, member) for member in parser.archive(reader))
        else:
            yield from _compressed(reader, parser, budget)


def _compressed(reader: Reader, parser: CpioParser, budget: "_Budget") -> Iterator[tuple[str, Member]]:
    start = reader.offset
    method = method_at(reader)
    if method is None:
        what = "unknown compression" if start == 0 else "trailing garbage"
        raise JunkError(f"{what}: no known magic at byte {start}")
    refused = refused_by_kernel(reader)
    if refused is not None:
        raise ArchiveError(refused)
    inner = Reader(budget.spend(method.inflate(reader)))
    while first := inner.peek(1):
        if first == b"\0":
            inner.skip_zeros()
        elif first == b"0" and inner.offset % 4 == 0:
            yield from ((method.name, member) for member in parser.archive(inner))
        else:
            raise JunkError(f"no cpio archive in the {method.name} data at byte {start}")


class _Budget:
    """Counts what is inflated, over all segments."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._left = limit_bytes

    def spend(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Passes `chunks` on, and stops with ArchiveError where the budget is used up."""
        for chunk in chunks:
            self._left -= len(chunk)
            if self._left < 0:
                raise ArchiveError(f"it inflates to more than {self._limit} bytes")
            yield chunk
