"""Reflink: the target shares the source's blocks, where both are on one file system that can (XFS, Btrfs).

Nothing is read, so zeros that are allocated in the source stay so. ioctl_ficlonerange(2).
"""

import fcntl
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple, Protocol

from imgtool.convert.base import Write
from imgtool.convert.sinks.writing import write_all
from imgtool.formats.source import Source as OpenFile
from imgtool.util.progress import Meter

FICLONERANGE = 0x4020940D
"""linux/fs.h: _IOW(0x94, 13, struct file_clone_range)."""
_RANGE = struct.Struct("=qQQQ")

BLOCK_BYTES = 4096
"""Whole blocks of the file system can be shared; where its blocks are larger, everything is copied."""
MAX_STRETCHES = 1 << 17
"""More are copied: at 29 us each to share one, this is 4 seconds."""
MIN_STRETCH_BYTES = 64 << 10
"""On average: smaller ones are copied in less time than it takes to share them."""
_STEP_BYTES = 1 << 30
_COPY_BYTES = 1 << 20


class MappedExtent(NamedTuple):
    """Bytes of the disk that stand in the source's file as they are."""

    start_bytes: int
    end_bytes: int
    offset_bytes: int
    """Of the first byte in the source's file."""


class Reflinkable(Protocol):
    """A source that can say where its data stands."""

    def mapped_extents(self) -> Iterator[MappedExtent] | None:
        """All data, in the disk's order; None where some of it is compressed."""


class Adopter(Protocol):
    """A sink that can make room for data that it does not see."""

    def adopt(self, start_bytes: int, end_bytes: int) -> Iterable[MappedExtent]:
        """Where this part of the disk goes in the target's file; each call is for a later part."""


class Reflinked(NamedTuple):
    """How much data there was, and how much of it is shared now."""

    data_bytes: int
    cloned_bytes: int


def clone(source: Reflinkable, file: OpenFile, sink: Adopter, target: int, meter: Meter) -> Reflinked | None:
    """Share all data of `source` with the empty file `target`; None, and nothing done, where that cannot be.

    What is not in whole blocks is copied. The sink is not finished here.
    """
    if not _probe(file.descriptor, target):
        return None
    mapped_extents = _worthwhile(source.mapped_extents())
    if mapped_extents is None:
        return None
    data = cloned = 0
    for stretch in mapped_extents:
        for place in sink.adopt(stretch.start_bytes, stretch.end_bytes):
            offset = stretch.offset_bytes + place.start_bytes - stretch.start_bytes
            length = place.end_bytes - place.start_bytes
            begin = file.start_bytes + offset
            shared = _share(file.descriptor, begin, target, place.offset_bytes, length)
            _copy(file, offset + shared, target, place.offset_bytes + shared, length - shared)
            data, cloned = data + length, cloned + shared
            meter.advance(length)
    return Reflinked(data, cloned)


def _worthwhile(found: Iterator[MappedExtent] | None) -> list[MappedExtent] | None:
    mapped_extents: list[MappedExtent] = []
    for stretch in found or ():
        mapped_extents.append(stretch)
        if len(mapped_extents) > MAX_STRETCHES:
            return None
    total = sum(end - start for start, end, _ in mapped_extents)
    return mapped_extents if mapped_extents and total >= len(mapped_extents) * MIN_STRETCH_BYTES else None


def _probe(source: int, target: int) -> bool:
    """Whether it works between these two files: trying is the only sure way to know."""
    with suppress(OSError):  # a file system that is mounted read-only, say
        os.fsync(source)
    works = _share(source, 0, target, 0, BLOCK_BYTES) > 0
    if works:
        os.ftruncate(target, 0)
    return works


def _share(source: int, offset: int, target: int, target_offset: int, length: int) -> int:
    """Share whole blocks; how many bytes that was."""
    wanted = length - length % BLOCK_BYTES
    done = 0
    try:
        while done < wanted:
            step = min(_STEP_BYTES, wanted - done)
            request = _RANGE.pack(source, offset + done, step, target_offset + done)
            fcntl.ioctl(target, FICLONERANGE, request)
            done += step
    except OSError:
        pass  # the rest is copied, and says why where that fails too
    return done


def _copy(file: OpenFile, offset: int, target: int, target_offset: int, length: int) -> None:
    for done in range(0, length, _COPY_BYTES):
        content = file.read_at(offset + done, min(_COPY_BYTES, length - done))
        write_all(target, [Write(target_offset + done, (content,))])
