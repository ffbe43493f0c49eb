"""Interleaved rounds: what slows the machine, or Glance, down for a while then hits all alike."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import places
from bench.job import Argv, Job
from bench.measure import Run, run
from bench.model import CaseResult, Result, Sample
from bench.rounds import rotated

from bench_delivery import gate
from bench_delivery.cases import Delivery
from bench_delivery.cloud import Cloud, environment
from bench_delivery.ways import Way, shown


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure."""

    cloud: Cloud
    rounds: int
    limit_seconds: float
    """For each command. Who takes longer is stopped, and takes no further part in the case."""
    memory: Path
    """A folder on a tmpfs. In turns that are not timed imgtool's note of an unfinished upload goes there, so
    that the bytes written to disk are those of other files. Else it is on disk, in the measured time."""


@dataclass(slots=True)
class Entrant:
    """A way on its way through the rounds."""

    way: Way
    samples: list[Sample] = field(default_factory=list)
    failure: str = ""
    too_slow: bool = False
    written_bytes: int | None = None

    @property
    def out(self) -> bool:
        """Takes no further part."""
        return bool(self.failure) or self.too_slow


def run_case(
    case: Delivery,
    source: Path,
    ways: Sequence[Way],
    settings: Settings,
    tell: Callable[[str], None],
) -> CaseResult:
    """All rounds of one case. Before them each has a turn that is not timed, which tells what it writes.

    imgtool has two such turns: its Python may still have to compile modules in the first. For a large disk
    there is one turn only, and its time counts.
    """
    work = source.parent / "trial"
    job = Job(source, "raw", work / "target.qcow2", source.stat().st_size, case.task)
    entrants = [Entrant(way) for way in ways]
    places.warm(source)
    for entrant in [*(entrant for entrant in entrants if entrant.way.ours and not case.large), *entrants]:
        if not entrant.out:
            tell(f"{'the only turn' if case.large else 'not timed'}: {entrant.way.name}")
            sample = _take_turn(entrant, job, settings, timed=False)
            entrant.samples += [sample] if case.large and sample else []
    for number in range(0 if case.large else settings.rounds):
        for entrant in rotated(entrants, number):
            if not entrant.out:
                tell(f"round {number + 1}/{settings.rounds}: {entrant.way.name}")
                sample = _take_turn(entrant, job, settings, timed=True)
                entrant.samples += [sample] if sample else []
    return _result(case, job, entrants)


def _take_turn(entrant: Entrant, job: Job, settings: Settings, *, timed: bool) -> Sample | None:
    """Deliver and judge; None where it does not count."""
    cloud, work = settings.cloud, job.target.parent
    temporary, state = work / "tmp", work / "state" if timed else settings.memory
    temporary.mkdir(parents=True)
    try:
        _count(cloud)
        runs = _deliver(entrant.way.steps(job), environment(cloud, temporary, state), settings.limit_seconds)
        entrant.too_slow = runs[-1].too_slow
        entrant.failure = runs[-1].failure
        if entrant.out:
            return None
        if entrant.way.ours and any(temporary.iterdir()):
            entrant.failure = "left a temporary file"
            return None
        wire_bytes = _count(cloud)
        arrival = gate.judge(cloud, job, thoroughly=not timed)
        entrant.failure = arrival.failure
        if not timed and places.file_system(temporary) != "tmpfs":
            entrant.written_bytes = sum(done.written_bytes for done in runs)
        return (
            None if entrant.out else together([done.sample for done in runs], arrival.size_bytes, wire_bytes)
        )
    finally:
        gate.clear(cloud)
        shutil.rmtree(work)


def _count(cloud: Cloud) -> int:
    """The bytes on its wire since the last time."""
    return cloud.wire.take_count() if cloud.wire else 0


def _deliver(steps: Sequence[Argv], surroundings: Mapping[str, str], limit_seconds: float) -> list[Run]:
    """The commands up to the first that fails; at least one."""
    runs: list[Run] = []
    for command in steps:
        runs.append(run(command, None, limit_seconds, surroundings))
        if runs[-1].status or runs[-1].too_slow:
            break
    return runs


def together(samples: Sequence[Sample], sent_bytes: int, wire_bytes: int = 0) -> Sample:
    """Commands that ran one after the other, as one; the file size is that of the image in Glance."""
    return Sample(
        wall_seconds=sum(sample.wall_seconds for sample in samples),
        user_seconds=sum(sample.user_seconds for sample in samples),
        system_seconds=sum(sample.system_seconds for sample in samples),
        peak_rss_bytes=max(sample.peak_rss_bytes for sample in samples),
        file_size_bytes=sent_bytes,
        wire_bytes=wire_bytes,
    )


def _result(case: Delivery, job: Job, entrants: Sequence[Entrant]) -> CaseResult:
    return CaseResult(
        case.workload,
        case.task,
        case.describe,
        places.file_system(job.source.parent),
        job.virtual_bytes,
        job.source.stat().st_blocks * 512,
        tuple(
            Result(
                entrant.way.name,
                entrant.way.ours,
                shown(entrant.way, job),
                tuple(entrant.samples),
                entrant.failure,
                entrant.too_slow,
                entrant.written_bytes,
            )
            for entrant in entrants
        ),
    )
