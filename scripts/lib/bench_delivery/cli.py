"""Measures `imgtool prepare` against qemu-img followed by the usual client, on a real Keystone and Glance.

  scripts/bench-delivery --quick                one round, large disks of 4 GiB: about five minutes
  scripts/bench-delivery                        what docs/performance.md shows; writes 20 GiB for a while
  scripts/bench-delivery --only compressed --rounds 9
  scripts/bench-delivery --only ceph --wire 100  over a wire of 100 Mbit/s
  scripts/bench-delivery --image golden.raw     another raw image, which has to pass imgtool's checks
  scripts/bench-delivery --from delivery.json --markdown

Rounds are interleaved. After every run Glance has to have one image of the name: active, with as many bytes
as it says, their sha512, and the same disk by `qemu-img compare`; then it is deleted. Peak memory is that of
the largest process. Bytes written are those of files on a disk, by the program and its children, without
imgtool's note of an unfinished upload; some KiB of the file system's own are among them, and a tmpfs does
not count, so --dir has to be on a disk. The cases of Ceph have a devcloud of their own, which converts
imports to raw; bytes on the wire are counted by a proxy before its Glance, in both directions. With --wire
that proxy stands before Glance in all cases, and is as slow as the network to a real cloud.
Result file: delivery.json.

Exit status: 0 measured, 1 an image was wrong or a program failed, 2 usage, 4 something is missing.
A bar that is not met changes the exit status only with --enforce: then it is 1 as well.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from arguments import positive
from bench import model
from bench.cli import CACHE, find_imgtool
from bench.disks import DiskError
from virtual_environment import InstallError

from bench_delivery import bars, tables
from bench_delivery.cases import DELIVERIES
from bench_delivery.cloud import CloudFailedError
from bench_delivery.run import Plan, run_all

QUICK_LARGE_GIB = 4
RESULT = "delivery.json"


def main() -> int:
    """The story: measure or load, write, show."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parser().parse_args()
    try:
        return _report(options)
    except (InstallError, CloudFailedError, DiskError, RuntimeError, OSError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130


def _report(options: argparse.Namespace) -> int:
    if options.from_file:
        report = model.load(options.from_file)
        show(report, markdown=options.markdown)
    else:
        report = run_all(plan(options), print if not options.markdown else _quiet)
        options.results.mkdir(parents=True, exist_ok=True)
        model.dump(report, options.results / RESULT)
        show(report, markdown=options.markdown, cases=False)
        print(f"bench: wrote {options.results / RESULT}", file=sys.stderr)
    return status(report, enforce=options.enforce)


def _quiet(_text: str) -> None:
    """In place of the tables, where only Markdown is wanted."""


def parser() -> argparse.ArgumentParser:
    """The options."""
    usage = argparse.ArgumentParser(
        prog="bench-delivery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = usage.add_argument
    add("--quick", action="store_true", help=f"1 round, large disks of {QUICK_LARGE_GIB} GiB")
    add(
        "--only",
        action="append",
        choices=[*DELIVERIES],
        metavar="CASE",
        help=f"repeatable: {', '.join(DELIVERIES)}",
    )
    add("--rounds", type=positive, help="interleaved rounds (default: 5)")
    add("--large-gib", type=positive, metavar="GIB", help=f"of the large disks (default: {bars.LARGE_GIB})")
    add("--limit", type=positive, metavar="SECONDS", default=900, help="stop a command that takes longer")
    add("--dir", type=Path, help="where images and Glance's store are (default: the temporary directory)")
    add(
        "--wire",
        type=positive,
        metavar="MBIT/S",
        help="let no more pass between clients and Glance, in each direction (default: loopback's speed)",
    )
    add("--image", type=Path, help="a raw image (default: the one of scripts/build-image)")
    add("--imgtool", type=Path, help="the imgtool to measure (default: .venv/bin, then PATH)")
    add("--results", type=Path, default=CACHE, metavar="DIR", help=f"for {RESULT} ({CACHE})")
    add("--markdown", action="store_true", help="print the table of docs/performance.md instead")
    add("--from", dest="from_file", type=Path, metavar="JSON", help="measure nothing, show an earlier run")
    add("--enforce", action="store_true", help="exit with 1 if a bar was measured and is not met")
    return usage


def plan(options: argparse.Namespace) -> Plan:
    """What will be measured, and how. Raises FileNotFoundError."""
    return Plan(
        imgtool=find_imgtool(options.imgtool),
        cache=CACHE.parent,
        only=tuple(options.only or DELIVERIES),
        image=options.image,
        rounds=options.rounds or (1 if options.quick else 5),
        limit_seconds=options.limit,
        large_gib=options.large_gib or (QUICK_LARGE_GIB if options.quick else bars.LARGE_GIB),
        directory=(options.dir or Path(tempfile.gettempdir())).absolute(),
        wire_megabits=options.wire,
    )


def show(report: model.Report, *, markdown: bool, cases: bool = True) -> None:
    """On stdout; the tables of the cases were shown already where they were just measured."""
    if markdown:
        print(tables.markdown(report))
        return
    if cases:
        _show_cases(report, print)
    print(tables.bar_table(bars.judge(report.cases), report))
    print(tables.machine_table(report))
    for line in report.left_out:
        print(f"left out: {line}")


def _show_cases(report: model.Report, write: Callable[[str], None]) -> None:
    for delivery in DELIVERIES.values():
        if (case := bars.find(report.cases, delivery)) is not None:
            write(tables.case_table(delivery, case))


def status(report: model.Report, *, enforce: bool) -> int:
    """1 for a wrong image, with the reasons on stderr."""
    failures = [failure for case in report.cases for failure in case.failures]
    for failure in failures:
        print(f"bench: FAILED: {failure}", file=sys.stderr)
    unmet = [v for v in bars.judge(report.cases) if v.value is not None and not v.met]
    return 1 if failures or (enforce and unmet) else 0
