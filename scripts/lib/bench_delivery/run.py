"""All cases, one after the other, on one devcloud."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import machine, places
from bench.model import CaseResult, Report

from bench_delivery import tables
from bench_delivery.bars import IMAGE
from bench_delivery.cases import DELIVERIES, Delivery, grow, make_golden
from bench_delivery.client import pinned, ready_client, version
from bench_delivery.cloud import DEVCLOUD, devcloud
from bench_delivery.rounds import Settings, run_case
from bench_delivery.ways import ours, peers

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


Show = Callable[[str], None]


def run_all(plan: Plan, show: Show) -> Report:
    """Measure; `show` receives each table as soon as it is complete.

    Raises OSError, RuntimeError, DiskError, ClientError, CloudFailedError where nothing can be measured.
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
        with devcloud(folder / "cloud") as cloud:
            settings = Settings(cloud, plan.rounds, plan.limit_seconds, memory)
            bench = _Bench(plan, client, settings, show)
            for delivery in sorted(_wanted(plan), key=lambda delivery: delivery.large):
                bench.measure(delivery, golden)
    described["load"] = f"{before} before, {machine.load()} after"
    image = str(plan.image.name) if plan.image else IMAGE
    run = {"image": image, "rounds": plan.rounds, "large_gib": plan.large_gib}
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

    def __init__(self, plan: Plan, client: Path, settings: Settings, show: Show) -> None:
        self.cases: list[CaseResult] = []
        self.left_out: list[str] = []
        self._plan, self._client, self._settings, self._show = plan, client, settings, show

    def measure(self, delivery: Delivery, golden: Path) -> None:
        """All rounds of one case; where the disk is too small for it, it is left out, and said so."""
        if delivery.large:
            grow(golden, self._plan.large_gib << 30)
        needed = golden.stat().st_size + SPARE_BYTES
        if shutil.disk_usage(golden.parent).free < needed:
            self.left_out.append(f"{delivery.name}: {golden.parent} has less than {needed >> 30} GiB free")
            tell(f"left out: {self.left_out[-1]}")
            return
        ways = [ours(self._plan.imgtool), *([] if delivery.large else peers(delivery.task, self._client))]
        done = run_case(
            delivery, golden, ways, self._settings, lambda words: tell(f"{delivery.name}: {words}")
        )
        self.cases.append(done)
        self._show(tables.case_table(delivery, done))
