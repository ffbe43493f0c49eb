"""Image files through the gate: what all formats have in common."""

import os
import tempfile
from pathlib import Path

from fuzz.mutant import Mutant
from imgtool.convert.base import Source

_CHUNK = 64 << 10
_ZEROS = bytes(_CHUNK)
MAX_WHOLE_BYTES = 16 << 20
"""Larger disks are read where they have data, and are not compared."""
_MAX_PIECES = 64
_PIECE_BYTES = 2 << 20


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def folder() -> Path:
    """Of the run, in memory where there is room: every input is a file, once. Made before workers are."""
    if not _KEPT:
        top = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a folder of its own in it
        _KEPT.append(tempfile.TemporaryDirectory(prefix="imgtool-fuzz-", dir=top))
    return Path(_KEPT[0].name)


def clean() -> None:
    """Remove it."""
    while _KEPT:
        _KEPT.pop().cleanup()


def written(mutant: Mutant, name: str) -> Path:
    """The mutant as a sparse file."""
    path = folder() / f"{os.getpid()}-{name}"
    content = mutant.content
    with path.open("wb") as file:
        for start in range(0, len(content), _CHUNK):
            chunk = content[start : start + _CHUNK]
            if chunk != _ZEROS[: len(chunk)]:
                file.seek(start)
                file.write(chunk)
        file.truncate(len(content))
    return path


def whole(source: Source) -> bytes:
    """What conversion reads: all of the disk."""
    disk = bytearray(source.size_bytes)
    buffer = bytearray(_PIECE_BYTES)
    while (piece := source.take(buffer)) is not None:
        loaded = piece.load()
        for begin, end in loaded.runs:
            disk[loaded.start_bytes + begin : loaded.start_bytes + end] = loaded.buffer[begin:end]
    return bytes(disk)


def some(source: Source) -> int:
    """Read the first pieces of a large disk; how many that were."""
    buffer = bytearray(_PIECE_BYTES)
    for count in range(_MAX_PIECES):
        piece = source.take(buffer)
        if piece is None:
            return count
        piece.load()
    return _MAX_PIECES
