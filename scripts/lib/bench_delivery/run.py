"""All cases, one after the other: those of a folder, then those of Ceph, each on a devcloud of its own."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import machine, places
from bench.model import CaseResult, Report
from virtual_environment import pinned

from bench_delivery import tables
from bench_delivery.bars import IMAGE
from bench_delivery.cases import DELIVERIES, Delivery, grow, make_golden
from bench_delivery.client import ready_client, version
from bench_delivery.cloud import DEVCLOUD, Cloud, ceph_devcloud, devcloud
from bench_delivery.rounds import Settings, run_case
from bench_delivery.ways import ways_of

SPARE_BYTES = 4 << 30
"""Left free on the disk beside what a case writes."""
NOTES_BYTES = 1 << 20
SERVER = DEVCLOUD.parent / "lib/devcloud/requirements.txt"


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be measured, and how."""

    imgtool: Path
    cache: Path
    only: tuple[str, ...]
    image: Path | None
    """None: the one of scripts/build-image."""
    rounds: int
    limit_seconds: float
    large_gib: int
    directory: Path
    wire_megabits: int | None = None
    """A second, in each direction, between clients and Glance; None: loopback's."""


Show = Callable[[str], None]


def run_all(plan: Plan, show: Show) -> Report:
    """Measure; `show` receives each table as soon as it is complete.

    Raises OSError, RuntimeError, DiskError, InstallError, CloudFailedError where nothing can be measured.
    """
    client = ready_client(plan.cache)
    with (
        tempfile.TemporaryDirectory(prefix="imgtool-bench-", dir=plan.directory) as name,
        places.work_folder(None, NOTES_BYTES) as memory,
    ):
        folder = Path(name)
        tell(f"in {folder} ({places.file_system(folder)})")
        described, before = _machine(plan, folder), machine.load()
        golden = folder / "golden.raw"
        make_golden(golden, plan.image)
        bench = _Bench(plan, client, memory, show)
        for ceph, start in ((False, devcloud), (True, ceph_devcloud)):
            wanted = [delivery for delivery in _wanted(plan) if delivery.ceph is ceph]
            if wanted:
                with start(folder / "cloud", plan.wire_megabits) as cloud:
                    bench.measure_all(wanted, cloud, golden)
    described["load"] = f"{before} before, {machine.load()} after"
    image = str(plan.image.name) if plan.image else IMAGE
    run = {"image": image, "rounds": plan.rounds, "large_gib": plan.large_gib, "wire": plan.wire_megabits}
    return Report(described, run, tuple(bench.cases), left_out=tuple(bench.left_out))


def tell(message: str) -> None:
    """What goes on, on stderr."""
    print(f"{time.strftime('%H:%M:%S')} bench: {message}", file=sys.stderr, flush=True)


def _wanted(plan: Plan) -> list[Delivery]:
    return [delivery for name, delivery in DELIVERIES.items() if name in plan.only]


def _machine(plan: Plan, folder: Path) -> dict[str, str]:
    described = machine.describe(plan.imgtool, folder)
    versions = {"openstackclient": version(), "glance": pinned(SERVER, "glance")}
    return {key: value for key, value in described.items() if key not in {"nbdcopy", "cp"}} | versions


class _Bench:
    """Collects what comes out."""

    def __init__(self, plan: Plan, client: Path, memory: Path, show: Show) -> None:
        self.cases: list[CaseResult] = []
        self.left_out: list[str] = []
        self._plan, self._client, self._memory, self._show = plan, client, memory, show

    def measure_all(self, deliveries: Sequence[Delivery], cloud: Cloud, golden: Path) -> None:
        """All of a cloud's cases, the large ones last: the disk is made larger for them, then smaller."""
        settings = Settings(cloud, self._plan.rounds, self._plan.limit_seconds, self._memory)
        size_bytes = golden.stat().st_size
        for delivery in sorted(deliveries, key=lambda delivery: delivery.large):
            if delivery.large:
                grow(golden, self._plan.large_gib << 30)
            self._measure(delivery, settings, golden)
        os.truncate(golden, size_bytes)

    def _measure(self, delivery: Delivery, settings: Settings, golden: Path) -> None:
        """All rounds of one case; where the disk is too small for it, it is left out, and said so."""
        needed = golden.stat().st_size + SPARE_BYTES
        if shutil.disk_usage(golden.parent).free < needed:
            self.left_out.append(f"{delivery.name}: {golden.parent} has less than {needed >> 30} GiB free")
            tell(f"left out: {self.left_out[-1]}")
            return
        ways = ways_of(delivery, self._plan.imgtool, self._client)
        done = run_case(delivery, golden, ways, settings, lambda words: tell(f"{delivery.name}: {words}"))
        self.cases.append(done)
        self._show(tables.case_table(delivery, done))
