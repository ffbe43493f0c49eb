"""All workloads, one after the other; a disk is there only while it is needed."""

import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import machine, places, startup, tables
from bench.bars import BARS
from bench.disks import DiskError
from bench.job import Configuration
from bench.kept import virtual_bytes
from bench.model import CaseResult, Confinement, Report, StartUp, Task
from bench.peers import PACKAGES, ours, peers, takes_ova
from bench.rounds import Case, Settings, run_case
from bench.workloads import WORKLOADS, Workload, make_source


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be measured, and how."""

    imgtool: Path
    only: tuple[str, ...]
    """Names of workloads, and `start-up`."""
    size_bytes: int
    rounds: int
    limit_seconds: float
    cold: bool
    directory: Path | None
    make_xfs: bool
    start_up_times: int = 10
    barred_only: bool = False
    """Leave out the tasks that no bar is about."""

    @property
    def needed_bytes(self) -> int:
        """Source and target at the same time, the file system with reflink, and some room."""
        return self.size_bytes * 5 // 2


Show = Callable[[str], None]


def run_all(plan: Plan, show: Show) -> Report:
    """Measure; `show` receives each table as soon as it is complete.

    Raises OSError, RuntimeError where nothing can be measured at all.
    """
    with places.work_folder(plan.directory, plan.needed_bytes) as folder:
        tell(f"in {folder} ({places.file_system(folder)})")
        described, load_before = machine.describe(plan.imgtool, folder), machine.load()
        bench = _Bench(plan, folder, ours(plan.imgtool), show)
        for name, workload in WORKLOADS.items():
            if name in plan.only:
                bench.measure(workload)
        if "start-up" in plan.only:
            bench.measure_start_up()
    described["load"] = f"{load_before} before, {machine.load()} after"
    settings = {"size_bytes": plan.size_bytes, "rounds": plan.rounds, "cold": plan.cold}
    return Report(
        described,
        settings,
        tuple(bench.cases),
        tuple(bench.start_up),
        tuple(bench.left_out),
        bench.confinement,
    )


def tell(message: str) -> None:
    """What goes on, on stderr."""
    print(f"{time.strftime('%H:%M:%S')} bench: {message}", file=sys.stderr, flush=True)


class _Bench:
    """Collects what comes out."""

    def __init__(self, plan: Plan, folder: Path, imgtool: list[Configuration], show: Show) -> None:
        self.cases: list[CaseResult] = []
        self.start_up: list[StartUp] = []
        self.confinement: Confinement | None = None
        self.left_out: list[str] = []
        self._plan, self._folder, self._imgtool, self._show = plan, folder, imgtool, show
        self._settings = Settings(plan.rounds, plan.limit_seconds, plan.cold)

    def measure(self, workload: Workload) -> None:
        """All tasks of one workload; where its disk cannot be had it is left out, and said so."""
        barred = {(bar.workload, bar.task) for bar in BARS}
        tasks = [t for t in workload.tasks if not self._plan.barred_only or (workload.name, t) in barred]
        if not tasks:
            return
        with ExitStack() as stack:
            try:
                place = self._place(workload, stack)
                tell(f"{workload.name}: making the disk")
                source = make_source(workload, place, self._plan.size_bytes)
            except (places.PlaceError, DiskError) as error:
                self._leave_out(f"{workload.name}: {error}")
                return
            if workload.source_format == "ova" and not takes_ova(self._plan.imgtool, source):
                self._leave_out(f"{workload.name}: this imgtool reads no OVA")
                return
            for task in tasks:
                self._measure_case(workload, task, source)

    def _place(self, workload: Workload, stack: ExitStack) -> Path:
        """A folder that goes with `stack`. Raises PlaceError."""
        base = self._folder
        if workload.on_reflink and self._plan.make_xfs:
            base = stack.enter_context(places.xfs_with_reflink(base, self._plan.needed_bytes))
        elif workload.on_reflink and not places.can_clone(base):
            raise places.PlaceError("the files here cannot share blocks: use --xfs-reflink, or --dir")
        place = base / workload.name
        place.mkdir()
        stack.callback(shutil.rmtree, place)
        return place

    def _measure_case(self, workload: Workload, task: Task, source: Path) -> None:
        wanted = peers(task, workload.source_format, cloning=workload.on_reflink)
        others = self._able(self._installed(wanted), source, workload)
        case = Case(workload, task, source, (*self._imgtool, *others))
        done = run_case(case, self._settings, lambda words: tell(f"{workload.name} -> {task}: {words}"))
        self.cases.append(done)
        self._show(tables.case_table(done))

    def _installed(self, wanted: list[Configuration]) -> list[Configuration]:
        for entry in wanted:
            for program in entry.missing:
                self._leave_out(f"{entry.name}: {program} is not installed (package {PACKAGES[program]})")
        return [entry for entry in wanted if not entry.missing]

    def _able(self, wanted: list[Configuration], source: Path, workload: Workload) -> list[Configuration]:
        size_bytes = virtual_bytes(source, workload.source_format)
        unable = [entry for entry in wanted if size_bytes > (entry.largest_bytes or size_bytes)]
        for entry in unable:
            self._leave_out(f"{entry.name} from {workload.name}: {entry.why_not_larger}")
        return [entry for entry in wanted if entry not in unable]

    def measure_start_up(self) -> None:
        """The commands that look, and convert nothing; what the sandbox takes of each."""
        tell("start-up")
        try:
            self.start_up = startup.measure(self._plan.imgtool, self._folder, self._plan.start_up_times)
        except (DiskError, RuntimeError) as error:
            self._leave_out(f"start-up: {error}")
            return
        self._show(tables.start_up_table(self.start_up))
        tell("confinement")
        try:
            self.confinement = startup.confinement(self._plan.imgtool)
        except RuntimeError as error:
            self._leave_out(f"confinement: {error}")
            return
        self._show(tables.confinement_table(self.confinement))

    def _leave_out(self, line: str) -> None:
        if line not in self.left_out:
            self.left_out.append(line)
            tell(f"left out: {line}")
