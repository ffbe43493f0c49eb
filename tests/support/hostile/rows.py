"""What the modules of this package register their builders with."""

from collections.abc import Callable
from pathlib import Path

from support.images import create, patch_u32, patch_u64

Builder = Callable[[Path, Path], Path]
Hostile = Callable[[str, Path], Path]
"""Gives the image of a row, in a folder: the fixture `hostile`."""

ROWS: dict[str, tuple[Builder, str]] = {}
"""Name to builder and what the refusal has to say (a regular expression)."""

INCOMPATIBLE = 72
"""Where a qcow2 header has its incompatible features."""


def row(says: str) -> Callable[[Builder], Builder]:
    def register(builder: Builder) -> Builder:
        ROWS[builder.__name__] = (builder, says)
        return builder

    return register


def patched(folder: Path, offset: int, value: int, width: int = 4, name: str = "x.qcow2") -> Path:
    path = create(folder / name)
    return (patch_u32 if width == 4 else patch_u64)(path, offset, value)
