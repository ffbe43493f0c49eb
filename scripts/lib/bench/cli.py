"""Measures imgtool against its peers: qemu-img, nbdcopy, cp, each in its best configurations.

  scripts/bench --quick                        small disks, under two minutes
  scripts/bench                                for docs/performance.md: 2 GiB, on /dev/shm where there is room
  scripts/bench --xfs-reflink                  with the workload that needs reflink (root)
  scripts/bench --dir /srv --cold              on a real disk, from a cold page cache (root)
  scripts/bench --only dense --only speckled   some workloads
  scripts/bench --formats                      what is kept as VMDK, OVA, VHD, VDI and VHDX
  scripts/bench --from bench.json --markdown   the table of docs/performance.md, from an earlier run

Rounds are interleaved, and every output is judged by `qemu-img check` and `qemu-img compare`. The folder that
all this happens in goes at the end. Result files: bench.json, with every sample, and bench.svg.

Exit status: 0 measured, 1 an output was wrong or a program failed, 2 usage, 4 something is missing.
A bar that is not met changes the exit status only with --enforce: then it is 1 as well.
"""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

from arguments import positive

from bench import bars, chart, model, tables
from bench.disks import DiskError
from bench.job import Configuration
from bench.peers import PACKAGES, peers
from bench.places import PlaceError
from bench.run import Plan, run_all
from bench.workloads import FOREIGN, WORKLOADS

REPOSITORY = Path(__file__).resolve().parents[3]
FULL_MIB, QUICK_MIB = bars.FULL_SIZE_BYTES >> 20, 64
QUICK_HELP = f"{QUICK_MIB} MiB instead of {FULL_MIB}, 3 rounds instead of 5, only what the bars are about"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imgtool/bench"


def main() -> int:
    """The story: measure or load, write, show."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parser().parse_args()
    try:
        return list_all() if options.list else _report(options)
    except (PlaceError, DiskError, RuntimeError, OSError, ValueError) as error:
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
        write(report, options.results)
        show(report, markdown=options.markdown, cases=False)
    return status(report, enforce=options.enforce)


def _quiet(_text: str) -> None:
    """In place of the tables, where only Markdown is wanted."""


def parser() -> argparse.ArgumentParser:
    """The options."""
    usage = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = usage.add_argument
    add("--quick", action="store_true", help=QUICK_HELP)
    add(
        "--only",
        action="append",
        choices=[*WORKLOADS, "start-up"],
        metavar="WORKLOAD",
        help="repeatable; see --list",
    )
    add("--formats", action="store_true", help=f"as --only {' --only '.join(FOREIGN)}")
    add("--list", action="store_true", help="workloads and peers, and which peers are not installed")
    add("--rounds", type=positive, help="interleaved rounds (default: 5)")
    add("--size", type=positive, metavar="MIB", help="bytes of the dense workload; others follow")
    add("--limit", type=positive, metavar="SECONDS", help="stop a run that takes longer (default: 120)")
    add("--dir", type=Path, help="where to make the disks, e.g. on ext4 or XFS (default: see above)")
    add("--xfs-reflink", action="store_true", help="make and mount an XFS for the workload `reflink` (root)")
    add("--cold", action="store_true", help="drop the page cache before each run (root)")
    add("--imgtool", type=Path, help="the imgtool to measure (default: .venv/bin, then PATH)")
    add("--results", type=Path, default=CACHE, metavar="DIR", help=f"for bench.json and bench.svg ({CACHE})")
    add("--markdown", action="store_true", help="print the table of docs/performance.md instead")
    add("--from", dest="from_file", type=Path, metavar="JSON", help="measure nothing, show an earlier run")
    add("--enforce", action="store_true", help="exit with 1 if a bar was measured and is not met")
    return usage


def plan(options: argparse.Namespace) -> Plan:
    """What will be measured, and how. Raises PlaceError for what this user may not do."""
    if options.cold and os.geteuid() != 0:
        raise PlaceError("dropping the page cache needs root: leave --cold out, or run this as root")
    quick = options.quick
    named = [*(options.only or []), *(FOREIGN if options.formats else [])]
    return Plan(
        imgtool=find_imgtool(options.imgtool),
        only=tuple(named or [*WORKLOADS, "start-up"]),
        size_bytes=(options.size or (QUICK_MIB if quick else FULL_MIB)) << 20,
        rounds=options.rounds or (3 if quick else 5),
        limit_seconds=options.limit or (20 if quick else 120),
        cold=options.cold,
        directory=options.dir,
        start_up_times=5 if quick else 10,
        barred_only=quick and not named,
        make_xfs=options.xfs_reflink,
    )


def find_imgtool(named: Path | None) -> Path:
    """Raises FileNotFoundError."""
    found = named or next(
        (
            path
            for path in (REPOSITORY / ".venv/bin/imgtool", shutil.which("imgtool"))
            if path and Path(path).exists()
        ),
        None,
    )
    if found is None or not Path(found).exists():
        raise FileNotFoundError("no imgtool was found: run scripts/setup, or name one with --imgtool")
    return Path(found).absolute()


def write(report: model.Report, results: Path) -> None:
    """The result files."""
    results.mkdir(parents=True, exist_ok=True)
    model.dump(report, results / "bench.json")
    (results / "bench.svg").write_text(chart.svg(report), encoding="utf-8")
    print(f"bench: wrote {results}/bench.json and {results}/bench.svg", file=sys.stderr)


def show(report: model.Report, *, markdown: bool, cases: bool = True) -> None:
    """On stdout; the tables of the cases were shown already where they were just measured."""
    if markdown:
        print(tables.markdown(report))
        return
    if cases:
        for case in report.cases:
            print(tables.case_table(case))
        if report.start_up:
            print(tables.start_up_table(report.start_up))
        if report.confinement:
            print(tables.confinement_table(report.confinement))
    verdicts = bars.judge(report.cases, confinement=report.confinement)
    print(tables.bar_table(verdicts, report))
    print(tables.machine_table(report))
    for line in report.left_out:
        print(f"left out: {line}")


def status(report: model.Report, *, enforce: bool) -> int:
    """1 for a wrong output, with the reasons on stderr."""
    failures = [failure for case in report.cases for failure in case.failures]
    for failure in failures:
        print(f"bench: FAILED: {failure}", file=sys.stderr)
    verdicts = bars.judge(report.cases, confinement=report.confinement)
    unmet = [v for v in verdicts if v.value is not None and not v.met]
    return 1 if failures or (enforce and unmet) else 0


def list_all() -> int:
    """Workloads with their tasks, and the peers of each."""
    for workload in WORKLOADS.values():
        print(f"{workload.name:12} {workload.describe} -> {', '.join(workload.tasks)}")
    print("start-up     imgtool --help, inspect and check of the Debian image; a program in the sandbox")
    known: dict[str, Configuration] = {}
    for workload in WORKLOADS.values():
        for task in workload.tasks:
            known.update({entry.name: entry for entry in peers(task, workload.source_format)})
    print("\npeers:")
    for name, entry in known.items():
        print(f"  {name:24} {_state(entry)}".rstrip())
    return 0


def _state(entry: Configuration) -> str:
    missing = ", ".join(sorted({PACKAGES[program] for program in entry.missing}))
    return f"not installed: apt-get install {missing}" if missing else "installed"
