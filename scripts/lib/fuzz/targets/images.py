"""Image files through the gate: what all formats have in common."""

import os
import tempfile
from pathlib import Path

from fuzz.mutant import Mutant

_CHUNK = 64 << 10
_ZEROS = bytes(_CHUNK)


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
