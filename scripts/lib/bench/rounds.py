"""Interleaved rounds: what slows the machine down for a while then hits all alike."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench import gate, places
from bench.job import Configuration, Job
from bench.kept import virtual_bytes
from bench.measure import Run, run
from bench.model import CaseResult, Result, Sample, Task
from bench.workloads import Workload

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure."""

    rounds: int
    limit_seconds: float
    """A configuration that takes longer is stopped, and takes no further part in the case."""
    cold: bool = False
    """Drop the page cache before each run."""


@dataclass(slots=True)
class Entrant:
    """A configuration on its way through the rounds."""

    configuration: Configuration
    command: tuple[str, ...]
    samples: list[Sample] = field(default_factory=list)
    failure: str = ""
    too_slow: bool = False

    @property
    def out(self) -> bool:
        """Takes no further part."""
        return bool(self.failure) or self.too_slow

    def result(self) -> Result:
        """What became of it."""
        configuration = self.configuration
        return Result(
            configuration.name,
            configuration.ours,
            self.command,
            tuple(self.samples),
            self.failure,
            self.too_slow,
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One workload, one task, and those who take part."""

    workload: Workload
    task: Task
    source: Path
    entrants: tuple[Configuration, ...]


def run_case(case: Case, settings: Settings, tell: Callable[[str], None]) -> CaseResult:
    """All rounds of one workload and one task. Targets are written beside `source`, and removed."""
    job = _job(case)
    entrants = [Entrant(entry, _shown(entry, job)) for entry in case.entrants]
    for number in range(settings.rounds):
        if not settings.cold:
            places.warm(case.source)
        for entrant in rotated(entrants, number):
            if not entrant.out:
                tell(f"round {number + 1}/{settings.rounds}: {entrant.configuration.name}")
                _take_turn(entrant, job, settings)
    return CaseResult(
        case.workload.name,
        case.task,
        case.workload.describe,
        places.file_system(case.source.parent),
        job.virtual_bytes,
        case.source.stat().st_blocks * 512,
        tuple(entrant.result() for entrant in entrants),
    )


def _job(case: Case) -> Job:
    source, source_format = case.source, case.workload.source_format
    target = source.parent / "trial" / f"target.{case.task.split()[0]}"
    return Job(source, source_format, target, virtual_bytes(source, source_format), case.task)


def rotated(entrants: Sequence[T], number: int) -> list[T]:
    """Another goes first in every round."""
    first = number % len(entrants)
    return [*entrants[first:], *entrants[:first]]


def _take_turn(entrant: Entrant, job: Job, settings: Settings) -> None:
    """Run and judge; a time counts only after that."""
    trial = job.target.parent
    trial.mkdir()
    try:
        measured = _run(entrant.configuration, job, settings)
        entrant.too_slow = measured.too_slow
        entrant.failure = measured.failure
        if not entrant.out:
            entrant.failure = _judged(job, thoroughly=not entrant.samples)
        if not entrant.out:
            entrant.samples.append(measured.sample)
    finally:
        shutil.rmtree(trial)


def _run(configuration: Configuration, job: Job, settings: Settings) -> Run:
    if preparation := configuration.prepare(job):
        subprocess.run(preparation, check=True)
    if settings.cold:
        places.drop_caches()
    return run(configuration.command(job), job.target, settings.limit_seconds)


def _judged(job: Job, *, thoroughly: bool) -> str:
    """Every output is checked; each configuration's first one is compared as well, byte by byte."""
    problem = gate.check(job.target, job.target_format, job.virtual_bytes)
    if problem or not thoroughly:
        return problem
    return gate.compare(job.source, job.source_format, job.target, job.target_format)


def _shown(configuration: Configuration, job: Job) -> tuple[str, ...]:
    """The command without this machine's paths."""
    program, *arguments = configuration.command(job)
    return (Path(program).name, *(_without_places(argument, job) for argument in arguments))


def _without_places(argument: str, job: Job) -> str:
    """The source may be named within an argument: json:{...}."""
    for path, name in ((job.source, "SOURCE"), (job.target, "TARGET"), (job.target.parent, "TRIAL")):
        argument = argument.replace(str(path), name)
    return argument
