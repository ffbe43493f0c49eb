"""Boots images that are good or spoiled at one stage, and compares what happens with what imgtool foretold.

  scripts/boot-table                          all rows: about half an hour on two idle cores
  scripts/boot-table --list
  scripts/boot-table --only extlinux --jobs 1

Each row is a copy of a Debian image, changed in one point. `imgtool inspect` says at which step its boot
stops; `imgtool boot` starts it under QEMU. A row agrees where both say what the row says, all stages before
that were reached and none after it, and the check boot-agrees has nothing to say. A row that does not agree
while a time-out on a busy machine is in doubt is run once more, alone, at the end.

Exit status: 0 all rows agree, 1 a row does not agree or could not be run, 2 usage, 4 something is missing.
"""

import argparse
import fnmatch
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from arguments import positive

from boot_table import table
from boot_table.bases import BaseError, Bases, missing
from boot_table.model import Outcome, Row
from boot_table.rows import ROWS
from boot_table.run import run_row, stop


def main() -> int:
    """The story: choose, run, show."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parser().parse_args()
    rows = chosen(options.only)
    if not rows:
        print(f"boot-table: no row matches {', '.join(options.only)}; --list shows them", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(f"{row}: {row.end}" for row in rows))
        return 0
    if lacking := missing():
        missing_here = ", ".join(lacking)
        print(f"boot-table: missing: {missing_here}. Run scripts/setup --test as root.", file=sys.stderr)
        return 4
    return run(rows, options)


def parser() -> argparse.ArgumentParser:
    """The options."""
    summary, details = (__doc__ or "").split("\n", 1)
    form = argparse.RawDescriptionHelpFormatter
    usage = argparse.ArgumentParser("boot-table", description=summary, epilog=details, formatter_class=form)
    add = usage.add_argument
    add("--only", action="append", default=[], metavar="PATTERN", help="part of a row's name, or a pattern")
    add("--jobs", type=positive, default=1, help="boots at a time; each has two CPUs (default: 1)")
    add("--markdown", action="store_true", help="print the table in Markdown at the end")
    add("--list", action="store_true", help="print the rows, and boot none")
    add("--dir", type=Path, help="where images are made: 2 GiB for each job (default: TMPDIR)")
    return usage


def chosen(patterns: list[str]) -> list[Row]:
    """The rows that match one of the patterns; all where there is none."""
    return [
        row
        for row in ROWS
        if not patterns or any(fnmatch.fnmatchcase(str(row), f"*{one}*") for one in patterns)
    ]


def run(rows: list[Row], options: argparse.Namespace) -> int:
    """Runs the rows and prints them as they end; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="boot-table-", dir=options.dir) as name:
        bases = Bases(Path(name))
        try:
            found = _in_parallel(rows, bases, options.jobs)
            again = [row for row, one in found.items() if one and not one.agrees and one.seen.doubt]
            found |= _in_parallel(again, bases, 1)
        except BaseError as error:
            print(f"boot-table: {error}", file=sys.stderr)
            return 4
    outcomes = [one for row in rows if (one := found[row]) is not None]
    if options.markdown:
        print(table.markdown(outcomes))
    print(table.summary(outcomes, len(rows) - len(outcomes)))
    return 0 if len(outcomes) == len(rows) and all(one.agrees for one in outcomes) else 1


def _in_parallel(rows: list[Row], bases: Bases, jobs: int) -> dict[Row, Outcome | None]:
    """Each row with its outcome; None where there is none."""
    found: dict[Row, Outcome | None] = {}
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(run_row, row, bases): row for row in rows}
        try:
            for future in as_completed(running):
                row = running[future]
                try:
                    found[row] = future.result()
                    print(table.text(future.result()), flush=True)
                except BaseError:
                    raise
                except Exception as error:
                    found[row] = None
                    print(f"{row}: could not be run: {type(error).__name__}: {error}", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            raise
    return found
