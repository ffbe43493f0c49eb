"""Measures `imgtool batch` with 60 images, on a real Keystone and Glance of this machine.

  scripts/bench-batch                 3 rounds: about three minutes
  scripts/bench-batch --jobs 1,2,4    these numbers of jobs; the default is 1, and what imgtool chooses itself

The images are those of tests/support/sixty.py: copies and variants of the fixtures, broken, hostile, huge and
sparse ones. Each has to end as it should, or the run does not count. The floor is the time of the processor
that imgtool, its children and the cloud took, divided by the cores: no schedule can be faster.

Exit status: 0 measured, 1 an image ended as it should not, 2 usage, 4 something is missing.
A bar that is not met changes the exit status only with --enforce: then it is 1 as well.
"""

import argparse
import signal
import sys
from pathlib import Path
from statistics import median
from tempfile import gettempdir

from arguments import positive
from bench import machine
from bench.cli import find_imgtool
from bench_delivery.cloud import CloudFailedError

from bench_batch.run import CHOSEN, Measured, Plan, measure

FLOOR_BAR = 1.25
"""Wall time, divided by the floor."""


def main() -> int:
    """Measure, show."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parser().parse_args()
    try:
        imgtool = find_imgtool(options.imgtool)
        rounds = list(measure(Plan(imgtool, options.rounds, options.jobs, options.dir.absolute()), print))
    except (CloudFailedError, OSError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130
    for wrong in (wrong for one in rounds for wrong in one.wrong):
        print(f"bench: FAILED: {wrong}", file=sys.stderr)
    met = show(rounds, options.jobs)
    print(", ".join(f"{key}: {value}" for key, value in _machine(imgtool, options.dir).items()))
    return 1 if any(one.wrong for one in rounds) or (options.enforce and not met) else 0


def _machine(imgtool: Path, folder: Path) -> dict[str, str]:
    described = machine.describe(imgtool, folder)
    return {key: described[key] for key in ("cpu", "cores", "system", "file system", "imgtool")}


def show(rounds: list[Measured], jobs: list[str]) -> bool:
    """Medians, and whether the bars are met where they were measured."""
    walls = {}
    for one in jobs:
        mine = [done for done in rounds if done.jobs == one]
        walls[one] = median(done.wall_seconds for done in mine)
        ratio = median(done.wall_seconds / done.floor_seconds for done in mine)
        floor = median(done.floor_seconds for done in mine)
        print(f"jobs {one:>7}: {walls[one]:6.1f} s, floor {floor:6.1f} s, ratio {ratio:.2f}")
    if CHOSEN not in walls:
        return True
    chosen = [done for done in rounds if done.jobs == CHOSEN]
    ratio = median(done.wall_seconds / done.floor_seconds for done in chosen)
    bars = {f"wall / floor <= {FLOOR_BAR}": ratio <= FLOOR_BAR}
    if "1" in walls:
        bars["faster than one job"] = walls[CHOSEN] < walls["1"]
    for name, met in bars.items():
        print(f"{name}: {'met' if met else 'NOT MET'}")
    return all(bars.values())


def parser() -> argparse.ArgumentParser:
    """The options."""
    usage = argparse.ArgumentParser(
        prog="bench-batch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = usage.add_argument
    add("--rounds", type=positive, default=3, help="interleaved rounds (default: 3)")
    add("--jobs", type=_jobs, default=["1", CHOSEN], help=f"comma-separated (default: 1,{CHOSEN})")
    add("--dir", type=Path, default=Path(gettempdir()), help="where images and Glance's store are")
    add("--imgtool", type=Path, help="the imgtool to measure (default: .venv/bin, then PATH)")
    add("--enforce", action="store_true", help="exit with 1 if a bar was measured and is not met")
    return usage


def _jobs(text: str) -> list[str]:
    return [one if one == CHOSEN else str(positive(one)) for one in text.split(",")]


sys.exit(main())
