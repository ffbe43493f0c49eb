"""One batch after the other, on one devcloud."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench_delivery.cloud import Cloud, devcloud, environment
from support import sixty

from bench_batch.processor import of_children, of_tree

CHOSEN = "default"
"""As many jobs as imgtool chooses."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be measured."""

    imgtool: Path
    rounds: int
    jobs: list[str]
    directory: Path


@dataclass(frozen=True, slots=True)
class Measured:
    """One batch that has ended."""

    jobs: str
    wall_seconds: float
    floor_seconds: float
    wrong: tuple[str, ...]
    """Images that ended as they should not."""


def measure(plan: Plan, tell: Callable[[str], None]) -> Iterator[Measured]:
    """All rounds, interleaved. The first batch is not counted: its bytes were never read before."""
    with tempfile.TemporaryDirectory(prefix="imgtool-bench-", dir=plan.directory) as name:
        folder = Path(name)
        images = sixty.make(folder / "images")
        with devcloud(folder / "cloud") as cloud:
            _run(plan, cloud, images, "warm", CHOSEN)
            for number in range(plan.rounds):
                for jobs in plan.jobs:
                    done = _run(plan, cloud, images, f"round {number} jobs {jobs}", jobs)
                    tell(f"jobs {jobs}: {done.wall_seconds:.1f} s, floor {done.floor_seconds:.1f} s")
                    yield done


def _run(plan: Plan, cloud: Cloud, images: sixty.Sixty, name: str, jobs: str) -> Measured:
    work = cloud.folder.parent / name.replace(" ", "-")
    work.mkdir()
    manifest = images.manifest(work / "images.yaml", name)
    command = [plan.imgtool, "batch", manifest, "--output", "json", "--progress", "never"]
    chosen = [] if jobs == CHOSEN else ["--jobs", jobs]
    used, began = _used(cloud), time.monotonic()
    done = subprocess.run(
        [*command, *chosen],
        env=environment(cloud, work, work),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    wall = time.monotonic() - began
    floor = (_used(cloud) - used) / len(os.sched_getaffinity(0))
    return Measured(jobs, wall, floor, _wrong(done.stdout, images, name))


def _used(cloud: Cloud) -> float:
    return of_children() + of_tree(int((cloud.folder / "devcloud.pid").read_text()))


def _wrong(output: str, images: sixty.Sixty, name: str) -> tuple[str, ...]:
    found = {one["name"].removeprefix(f"{name} "): one["state"] for one in json.loads(output)["images"]}
    return tuple(
        f"{image} is {found.get(image)}, not {state}"
        for image, state in images.expected.items()
        if found.get(image) != state
    )
