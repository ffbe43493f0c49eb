"""The data that flows. A Report as JSON is the result file; `load` reads it back."""

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Task = Literal["qcow2", "qcow2 zlib", "qcow2 zstd", "raw"]
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed run of a whole process, and what it left on disk."""

    wall_seconds: float
    user_seconds: float
    system_seconds: float
    peak_rss_bytes: int
    """Of the largest process among the command and its children: getrusage(2) does not add them up."""
    file_size_bytes: int = 0
    allocated_bytes: int = 0
    wire_bytes: int = 0
    """To the server and from it; 0 where nobody counted."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Middle and extremes of some samples."""

    median: float
    low: float
    high: float


def spread(values: list[float]) -> Spread:
    """Raises ValueError for no values at all."""
    if not values:
        raise ValueError("no samples")
    return Spread(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Result:
    """One configuration of one program, over all rounds of a case."""

    name: str
    ours: bool
    command: tuple[str, ...]
    samples: tuple[Sample, ...]
    failure: str = ""
    """Why its figures do not count: it ended badly, or its output is not what it should be."""
    too_slow: bool = False
    """Stopped at the time limit: its figures do not count, which is no failure."""
    written_bytes: int | None = None
    """To files on a disk, in one turn; None where nobody asked, or there is no disk below."""

    @property
    def counts(self) -> bool:
        """Whether its figures may be used."""
        return bool(self.samples) and not self.failure and not self.too_slow

    @property
    def wall(self) -> Spread:
        """Seconds, start to end with the sync of the target."""
        return spread([sample.wall_seconds for sample in self.samples])

    @property
    def cpu_seconds(self) -> float:
        """User and system together, the median."""
        return spread([sample.user_seconds + sample.system_seconds for sample in self.samples]).median

    @property
    def peak_rss_bytes(self) -> int:
        """The highest of all rounds."""
        return max(sample.peak_rss_bytes for sample in self.samples)

    @property
    def file_size_bytes(self) -> int:
        """Of the output, the median."""
        return int(spread([sample.file_size_bytes for sample in self.samples]).median)

    @property
    def wire_bytes(self) -> int:
        """To the server and from it, the median; 0 where nobody counted."""
        return int(spread([sample.wire_bytes for sample in self.samples]).median)

    @property
    def allocated_bytes(self) -> int:
        """Of the output on disk (st_blocks), the median."""
        return int(spread([sample.allocated_bytes for sample in self.samples]).median)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One workload converted in one way by all."""

    workload: str
    task: str
    describe: str
    file_system: str
    virtual_bytes: int
    allocated_bytes: int
    """Of the source on disk: throughput per virtual byte would flatter."""
    results: tuple[Result, ...]

    @property
    def key(self) -> str:
        """Workload and task in one."""
        return f"{self.workload} -> {self.task}"

    def named(self, name: str) -> Result | None:
        """The configuration of that name, where its figures count."""
        return next((result for result in self.results if result.name == name and result.counts), None)

    @property
    def best_peer(self) -> Result | None:
        """The one with the lowest median."""
        peers = [result for result in self.results if result.counts and not result.ours]
        return min(peers, key=lambda result: result.wall.median, default=None)

    @property
    def failures(self) -> list[str]:
        """What makes the whole run fail."""
        return [f"{self.key}: {result.name}: {result.failure}" for result in self.results if result.failure]


@dataclass(frozen=True, slots=True)
class StartUp:
    """A command that should answer at once."""

    name: str
    wall: Spread
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Confinement:
    """CPU time, user and system of all children, of `qemu-img --version` in the sandbox and without it."""

    confined_seconds: tuple[float, ...]
    plain_seconds: tuple[float, ...]
    """Run in turn with the others, as many."""
    first_seconds: tuple[float, ...]
    """The first run in the sandbox of several processes: each also asks the loader for the libraries."""

    @property
    def added_seconds(self) -> float:
        """What the sandbox takes of every later run, the difference of the medians."""
        return statistics.median(self.confined_seconds) - statistics.median(self.plain_seconds)

    @property
    def once_seconds(self) -> float:
        """What only the first run takes more."""
        return statistics.median(self.first_seconds) - statistics.median(self.confined_seconds)


@dataclass(frozen=True, slots=True)
class Report:
    """All of a run."""

    machine: dict[str, str]
    settings: dict[str, Any]
    cases: tuple[CaseResult, ...] = ()
    start_up: tuple[StartUp, ...] = ()
    left_out: tuple[str, ...] = ()
    confinement: Confinement | None = None
    schema_version: int = field(default=SCHEMA_VERSION)


def dump(report: Report, path: Path) -> None:
    """As JSON, with the medians and the ratio beside the samples, for those who read it with other tools."""
    content = asdict(report)
    for case, shown in zip(report.cases, content["cases"], strict=True):
        best = case.best_peer
        shown["best_peer"] = best.name if best else None
        for result, entry in zip(case.results, shown["results"], strict=True):
            entry["wall"] = asdict(result.wall) if result.samples else None
            usable = result.counts and best is not None
            entry["ratio"] = result.wall.median / best.wall.median if usable and best else None
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Report:
    """What `dump` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"{path}: not a result file of this version of scripts/bench")
    cases = tuple(_case(entry) for entry in content["cases"])
    start_up = tuple(
        StartUp(entry["name"], Spread(**entry["wall"]), entry["peak_rss_bytes"])
        for entry in content["start_up"]
    )
    found = content.get("confinement")
    return Report(
        content["machine"],
        content["settings"],
        cases,
        start_up,
        tuple(content["left_out"]),
        _confinement(found) if found else None,
    )


def _confinement(entry: dict[str, Any]) -> Confinement:
    return Confinement(**{key: tuple(value) for key, value in entry.items()})


def _case(entry: dict[str, Any]) -> CaseResult:
    kept = {key: value for key, value in entry.items() if key not in {"results", "best_peer"}}
    return CaseResult(**kept, results=tuple(_result(result) for result in entry["results"]))


def _result(entry: dict[str, Any]) -> Result:
    return Result(
        entry["name"],
        entry["ours"],
        tuple(entry["command"]),
        tuple(Sample(**sample) for sample in entry["samples"]),
        entry["failure"],
        entry["too_slow"],
        entry.get("written_bytes"),
    )
