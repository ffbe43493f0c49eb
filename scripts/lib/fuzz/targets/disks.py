"""Whole guests: ext4, ext3, XFS, Btrfs, FAT and NTFS fixtures through the inspection, and for free blocks."""

import re
from collections.abc import Callable
from functools import cache, partial
from typing import BinaryIO

from fuzz import seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from fuzz.places import recorded
from fuzz.targets.settings import LOOK_FOR
from imgtool.guest.free.disk import find_free_blocks
from imgtool.guest.inspect import inspect_disk
from imgtool.model.guest import GuestFacts
from imgtool.util.ranges import from_text

_FIXTURES = {
    "ext4": ("ext4-gpt", "bare-ext4", "bare-ext3"),
    "xfs": ("xfs-gpt", "xfs-v4", "lvm-xfs"),
    "btrfs": ("btrfs-subvolumes", "fedora-42", "opensuse-leap-15.6"),
    "ntfs": ("windows-2022", "windows-2019"),
}
_OUTER_GUARD = re.compile(r"the (?:guest|system|disk) cannot be read \((\w+Error|KeyError|\w+Exception): ")
"""The last guard of all caught something: then one damaged file took all facts with it."""


def _disks(kind: str, read: Callable[[BinaryIO, int], object]) -> list[Seed]:
    paths = {name: seeds.fixture_path(name) for name in _FIXTURES[kind]}
    return [Seed(name, path, recorded(path, read)) for name, path in paths.items()]


def _inspect(disk: BinaryIO, size: int) -> GuestFacts:
    return inspect_disk(disk, size, LOOK_FOR)


def _run(mutant: Mutant) -> str:
    with mutant.stream() as stream:
        facts = _inspect(stream, mutant.size)
    found = _OUTER_GUARD.match(facts.reason)
    # The judgement.
    assert found is None, f"only the last guard stopped a {found[1] if found else ''}"  # noqa: S101
    return _shown(facts)


def _shown(facts: GuestFacts) -> str:
    """As much as tells one outcome from another."""
    known = facts.linux or facts.windows
    fields = [getattr(known, name) for name in known.__slots__] if known is not None else []
    reasons = sorted({getattr(field, "reason", "") for field in fields} - {""})
    types = ",".join(one.type for one in facts.filesystems)
    return f"{facts.status} {facts.reason} {types} {'; '.join(reasons)}"


def _run_free(mutant: Mutant) -> str:
    """What is free is on the disk, as many bytes as is said, and nothing of what is copied whole."""
    with mutant.stream() as stream:
        found = find_free_blocks(stream, mutant.size)
    free = from_text(found.runs, mutant.size + -mutant.size % 512)
    kept = [part for part in found.parts if part.reason is not None]
    assert free.total == found.free_bytes, "another sum than that of the parts"  # noqa: S101 - a bug of ours
    assert not any(part.free_bytes for part in kept), "free blocks of what is kept whole"  # noqa: S101 - a bug of ours
    return " ".join(f"{part.type} {part.reason}" for part in found.parts)


TARGETS = (
    *(Target(kind, cache(partial(_disks, kind, _inspect)), _run, share=10) for kind in _FIXTURES),
    *(
        Target(f"free-{kind}", cache(partial(_disks, kind, find_free_blocks)), _run_free, share=10)
        for kind in _FIXTURES
    ),
)
