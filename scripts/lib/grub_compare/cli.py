"""compare-grub: many variants, and what GRUB and imgtool print differently."""

import argparse
import tempfile
from pathlib import Path

from grub_compare import judges
from grub_compare.variants import Variant, variant

BATCH = 50


def main() -> int:
    """Exit status 1 where anything differs."""
    parser = argparse.ArgumentParser(
        prog="compare-grub",
        description="Runs GRUB scripts made at random by grub-emu and by imgtool's interpreter,"
        " and shows where they print different lines.",
    )
    parser.add_argument("--count", type=int, default=1000, help="scripts (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same scripts (default: 1)")
    parser.add_argument("--first", type=int, default=0, help="number of the first one (default: 0)")
    parser.add_argument("--show", type=int, default=5, help="differences that are shown whole (default: 5)")
    options = parser.parse_args()
    differing, hung = compare(range(options.first, options.first + options.count), options.seed, options.show)
    print(f"{options.count} scripts: {differing} differ, {hung} where GRUB did not come back")
    return 1 if differing else 0


def compare(numbers: range, seed: int, show: int) -> tuple[int, int]:
    """How many differ, and how many GRUB hung in."""
    differing = hung = 0
    with tempfile.TemporaryDirectory(prefix="compare-grub-") as name:
        folder = Path(name)
        judges.lay(folder)
        for first in range(0, len(numbers), BATCH):
            batch = [variant(seed, number) for number in numbers[first : first + BATCH]]
            menus = [one for one in batch if one.is_menu]
            alone = [(one, judges.by_grub([one], folder).get(one.number)) for one in menus]
            together = results([one for one in batch if not one.is_menu], folder)
            for one, theirs in (*together, *alone):
                ours = judges.by_imgtool(one, folder)
                syntax = judges.syntax_differs(one, folder / "syntax.cfg")
                hung += theirs is None
                if (theirs is not None and not judges.same(theirs, ours)) or syntax:
                    differing += 1
                    if differing <= show:
                        _show(one, theirs, ours, syntax)
    return differing, hung


def results(batch: list[Variant], folder: Path) -> list[tuple[Variant, list[str] | None]]:
    """Each variant with what GRUB prints; after one that it hangs in, the rest is run anew."""
    found: list[tuple[Variant, list[str] | None]] = []
    while batch:
        printed = judges.by_grub(batch, folder)
        known = [one for one in batch if one.number in printed]
        found += [(one, printed[one.number]) for one in known]
        batch = batch[len(known) :]
        if batch:
            found.append((batch[0], None))
            batch = batch[1:]
    return found


def _show(one: Variant, theirs: list[str] | None, ours: list[str], syntax: str | None) -> None:
    print(f"--- variant {one.number}: {syntax or ''}\n{one.text}")
    lines = len(theirs or ours)
    for index in range(max(len(ours), lines)):
        left = theirs[index] if theirs is not None and index < len(theirs) else None
        right = ours[index] if index < len(ours) else None
        print(
            f"{'  ' if left == right else '! '}GRUB: {left!r}\n  imgtool: {right!r}"
            if left != right
            else f"   {left}"
        )
