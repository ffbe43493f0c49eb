"""What clouds have shown of themselves, kept for the next run: their stores' types, and whether they convert.

An ordinary member of a project can ask for neither. What an administrator's run was told, what the operator
said, and what became of an import is noted, one file for each Glance, in a folder beside the unfinished
uploads. It decides about a format only, so a file that is lost, torn or outdated costs nothing but time.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from imgtool.errors import ConversionError
from imgtool.util import codec
from imgtool.util.output import written_beside

FOLDER = "clouds"
"""Below the folder of unfinished uploads."""
DEFAULT_STORE = ""
"""The store of a Glance that has one without a name."""

_MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of one Glance; `endpoint` is its address."""

    endpoint: str
    store_types: Mapping[str, str] = field(default_factory=dict)
    """By the store's id, as glance_store calls the driver: rbd, file, swift, …"""
    converts: bool | None = None
    """Whether the last import of a qcow2 became a raw image; None where there was none."""


def recall(folder: Path, endpoint: str) -> Remembered:
    """Return what is noted of that Glance; nothing where there is no note, or none that can be read."""
    with suppress(OSError, codec.CodecError):
        path = _path(folder, endpoint)
        if path.stat().st_size <= _MAX_BYTES:
            found = codec.from_json(path.read_bytes(), Remembered)
            if found.endpoint == endpoint:
                return found
    return Remembered(endpoint)


def note(folder: Path, found: Remembered) -> None:
    """Keep it, as far as the disk takes it: what cannot be noted is asked for again."""
    path = _path(folder, found.endpoint)
    with suppress(OSError, ConversionError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with written_beside(path, overwrite=True, durable=False) as new:
            os.write(new.descriptor, codec.to_json(found))


def note_import(folder: Path, endpoint: str, *, converts: bool) -> None:
    """Keep what became of an import."""
    before = recall(folder, endpoint)
    if before.converts is not converts:
        note(folder, replace(before, converts=converts))


def note_types(folder: Path, endpoint: str, types: Mapping[str, str]) -> Remembered:
    """Keep the stores' types, over what was known of them; returns all that is known now."""
    before = recall(folder, endpoint)
    after = replace(before, store_types={**before.store_types, **types})
    if after != before:
        note(folder, after)
    return after


def _path(folder: Path, endpoint: str) -> Path:
    return folder / FOLDER / f"{hashlib.sha256(endpoint.encode()).hexdigest()[:32]}.json"
