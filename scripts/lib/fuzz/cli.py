"""Feeds mutated inputs to every parser of imgtool, and keeps those that do what none may do.

  scripts/fuzz                                    100,000 inputs over all targets
  scripts/fuzz --seconds 3600 --seed 7 --jobs 4   an hour of others, on four cores
  scripts/fuzz --target qcow2 --inputs 20000      one format (repeatable)
  scripts/fuzz --corpus                           what was found before, once more

A find is made as small as it can be and written to tests/fuzz/corpus/TARGET, which scripts/test runs.

Exit status: 0 nothing found, 1 something was, 2 usage, 4 a program is missing.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from fuzz import corpus
from fuzz.minimise import minimised
from fuzz.model import Find, Tally
from fuzz.plan import Part, Plan
from fuzz.run import run_case, run_target
from fuzz.targets import TARGETS, images


def main() -> int:
    """The story: run each target, show and keep what it found."""
    options = _parser().parse_args()
    try:
        images.folder()  # of this process, which removes it
        if options.list:
            print("\n".join(TARGETS))
            return 0
        if options.corpus:
            return _replay(options.corpus_dir)
        return _sum(_run(_plan(options), options))
    except FileNotFoundError as error:  # a program that makes seeds
        print(f"fuzz: {error.filename} is missing: run scripts/setup --test", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130
    finally:
        images.clean()


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("fuzz", description=__doc__, formatter_class=form)
    add = parser.add_argument
    add("--inputs", type=int, help="in all (default: 100,000, where no --seconds are given)")
    add("--seconds", type=float, help="in all")
    add("--seed", type=int, default=1, help="of chance: the same gives the same inputs (default: 1)")
    add("--jobs", type=int, default=1, help="how many inputs at once (default: 1)")
    add("--target", action="append", choices=list(TARGETS), metavar="TARGET", help="repeatable; see --list")
    add("--list", action="store_true", help="the targets")
    add("--corpus", action="store_true", help="run the corpus and nothing else")
    add("--corpus-dir", type=Path, default=corpus.CORPUS, metavar="DIR", help="where finds are kept")
    add("--minimise", action=argparse.BooleanOptionalAction, default=True, help="make finds smaller")
    return parser


def _plan(options: argparse.Namespace) -> Plan:
    targets = tuple(TARGETS[name] for name in options.target or TARGETS)
    return Plan(targets, options.inputs, options.seconds, options.seed, max(1, options.jobs))


def _run(plan: Plan, options: argparse.Namespace) -> list[Tally]:
    """Target after target, each in as many parts as there are jobs."""
    tallies = []
    for target in plan.targets:
        target.seeds()  # here, so that each part has them, and not once more
    with ProcessPoolExecutor(plan.jobs, get_context("fork")) as pool:
        for target in plan.targets:
            tally = Tally()
            for part in pool.map(_run_part, plan.parts(target)):
                tally.add(part)
            _show(target.name, tally)
            for find in tally.finds.values():
                _keep(find, options.corpus_dir, smaller=options.minimise)
            tallies.append(tally)
    return tallies


def _run_part(part: Part) -> Tally:
    return run_target(TARGETS[part.target], part.amount, part.seed)


def _show(name: str, tally: Tally) -> None:
    took = tally.spent
    print(
        f"{name:13} {tally.inputs:7} inputs {took.cpu_seconds:7.1f} s CPU, {took.slowest_seconds:4.1f} s and"
        f" {took.grown_bytes >> 20:3} MiB at most, {tally.outcomes:4} outcomes,"
        f" {len(tally.finds)} finds ({tally.repeated} repeated)",
        flush=True,
    )


def _keep(find: Find, folder: Path, *, smaller: bool) -> None:
    target = TARGETS[find.target]
    small = minimised(target, find) if smaller else find
    path = corpus.save(target, small, folder)
    print(f"FOUND {find.kind}: {find.where}\n  {path}\n{small.detail}", flush=True)


def _sum(tallies: list[Tally]) -> int:
    inputs = sum(tally.inputs for tally in tallies)
    finds = sum(len(tally.finds) for tally in tallies)
    minutes = sum(tally.spent.cpu_seconds for tally in tallies) / 60
    print(f"{inputs} inputs, {minutes:.1f} minutes of CPU time, {finds} finds")
    return 1 if finds else 0


def _replay(folder: Path) -> int:
    count = failed = 0
    for name, path in corpus.entries(folder):
        count += 1
        found = run_case(TARGETS[name], corpus.as_case(TARGETS[name], path))
        if isinstance(found, Find):
            failed += 1
            print(f"FAILED {path}: {found.kind}: {found.where}\n{found.detail}", file=sys.stderr)
    print(f"{count} inputs of the corpus, {failed} failed")
    return 1 if failed else 0
