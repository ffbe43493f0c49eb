"""compare-systemd: many variants, and what systemd and imgtool make of them differently."""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from support.fstab_variations import fstab_of
from support.loader_variations import variation

from systemd_compare import entries, fstab, units
from systemd_compare.variants import units_of

Compare = Callable[[int, Path], str]
"""Seed and an empty directory to what differs; empty where nothing does."""


def main() -> int:
    """Exit status 1 where anything differs."""
    parser = argparse.ArgumentParser(
        prog="compare-systemd",
        description="Shows where imgtool and systemd's own programs differ on units, fstabs and boot entries"
        " made at random: systemd --test, systemd-fstab-generator, bootctl list.",
    )
    parser.add_argument("--count", type=int, default=300, help="variants of each kind (default: 300)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first one (default: 0)")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="repeatable (default: all)")
    options = parser.parse_args()
    differing = 0
    for kind in options.kind or KINDS:
        found = compare(kind, range(options.seed, options.seed + options.count))
        for seed, what in found.items():
            print(f"--- {kind} {seed}: {what}")
        print(f"{options.count} {kind}: {len(found)} differ", flush=True)
        differing += len(found)
    return 1 if differing else 0


def compare(kind: str, seeds: Sequence[int]) -> Mapping[int, str]:
    """Seed to what differs, of those where something does."""
    found = {}
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="compare-systemd-") as name:
            what = KINDS[kind](seed, Path(name))
        if what:
            found[seed] = what
    return found


def _units(seed: int, folder: Path) -> str:
    files = units_of(seed)
    return units.difference(units.by_systemd(files, folder), units.by_imgtool(files))


def _fstab(seed: int, folder: Path) -> str:
    text = fstab_of(seed)
    theirs, ours = fstab.by_systemd(text, folder), fstab.by_imgtool(text)
    return "" if theirs == ours else f"{text}\nsystemd: {theirs}\nimgtool: {ours}"


def _entries(seed: int, folder: Path) -> str:
    menu = variation(seed)
    theirs, ours = entries.by_systemd(menu, folder), entries.by_imgtool(menu)
    is_same = entries.in_names(theirs, menu) == entries.in_names(ours, menu)
    return "" if is_same else f"systemd: {theirs}, imgtool: {ours}"


KINDS: Mapping[str, Compare] = {"units": _units, "fstab": _fstab, "entries": _entries}
