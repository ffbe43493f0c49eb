"""What imgtool has to reach. The one place where this is written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.model import CaseResult, Confinement, Result, Task
from bench.peers import CLONING, JUDGED, PLAIN
from bench.verdict import Verdict
from bench.workloads import FOREIGN, WORKLOADS

Measure = Literal["time", "on disk", "size", "seconds", "peak MiB", "CPU ms"]
CONFINEMENT = "confinement"
"""In place of a workload: a program in the sandbox."""

FULL_SIZE_BYTES = 2 << 30
FILE_SYSTEM = "tmpfs"
"""The bars are about this size, and about this file system where the workload does not want another."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit for imgtool: a ratio to a peer (time, on disk, size), or a figure of its own."""

    workload: str
    task: Task | Literal[""]
    measure: Measure
    limit: float
    against: str = ""
    """The peer's configuration; the fastest where it is left open."""

    @property
    def title(self) -> str:
        """One line."""
        if self.workload == CONFINEMENT:
            return f"{self.workload}: {self.measure} that it adds to a run"
        if not self.workload:
            return f"any workload: {self.measure}"
        to = f" / {self.against or 'best peer'}" if self.measure in {"time", "on disk", "size"} else ""
        return f"{self.workload} -> {self.task}: {self.measure}{to}"


BARS = (
    Bar("dense", "qcow2", "time", 1.0),
    Bar("dense", "raw", "time", 1.0),
    Bar("half-zeros", "qcow2", "time", 0.8),
    Bar("speckled", "qcow2", "time", 0.2),
    Bar("speckled", "qcow2", "on disk", 1 / 8),
    Bar("debian", "qcow2 zlib", "time", 0.12),
    Bar("debian", "qcow2 zlib", "size", 1.1),
    Bar("debian", "qcow2 zstd", "time", 0.7),
    Bar("debian-zlib", "raw", "time", 0.7),
    Bar("debian-zstd", "raw", "time", 0.7),
    Bar("reflink", "qcow2", "time", 0.1, PLAIN),
    Bar("reflink", "qcow2", "time", 1.0, CLONING),
    Bar("empty", "qcow2", "seconds", 0.4),
    Bar("scattered", "qcow2", "seconds", 1.5),
    *(Bar(name, task, "time", 1.0) for name in FOREIGN for task in WORKLOADS[name].tasks),
    Bar("", "qcow2", "peak MiB", 200),
    Bar(CONFINEMENT, "", "CPU ms", 30),
)


def judge(
    cases: Sequence[CaseResult], bars: Sequence[Bar] = BARS, confinement: Confinement | None = None
) -> list[Verdict[Bar]]:
    """One verdict for every bar."""
    return [Verdict(bar, _value(bar, cases, confinement)) for bar in bars]


def _value(bar: Bar, cases: Sequence[CaseResult], confinement: Confinement | None) -> float | None:
    if bar.workload == CONFINEMENT:
        return confinement.added_seconds * 1000 if confinement else None
    if not bar.workload:
        return _peak_mib(cases)
    case = next((case for case in cases if (case.workload, case.task) == (bar.workload, bar.task)), None)
    ours = case.named(JUDGED) if case else None
    if case is None or ours is None:
        return None
    if bar.measure == "seconds":
        return ours.wall.median
    peer = case.named(bar.against) if bar.against else case.best_peer
    return _ratio(bar.measure, ours, peer) if peer else None


def _peak_mib(cases: Sequence[CaseResult]) -> float | None:
    ours = [result for case in cases for result in case.results if result.ours and result.counts]
    return max((result.peak_rss_bytes / (1 << 20) for result in ours), default=None)


def _ratio(measure: Measure, ours: Result, peer: Result) -> float | None:
    figures = {
        "time": (ours.wall.median, peer.wall.median),
        "on disk": (ours.allocated_bytes, peer.allocated_bytes),
        "size": (ours.file_size_bytes, peer.file_size_bytes),
    }
    mine, theirs = figures[measure]
    return mine / theirs if theirs else None
