"""What delivery has to reach. The one place where this is written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.model import CaseResult
from bench.verdict import Verdict

from bench_delivery.cases import DELIVERIES, Delivery
from bench_delivery.ways import JUDGED, PLAIN, RAW_PEER

Measure = Literal["time", "wire", "KiB written", "peak MiB"]

IMAGE = "the image of scripts/build-image"
LARGE_GIB = 20
"""The bars are about this image, and large disks of this size."""
METADATA_KIB = 64
"""A delivery that writes no file has this: the kernel counts pages of the file system's own as well, such as
those with the times at which files were read. An image that is written shows in hundreds of MiB."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit for imgtool in one case."""

    case: str
    measure: Measure
    limit: float
    against: str = ""
    """The peer that a time, or bytes on the wire, are divided by; the fastest where it is left open."""

    @property
    def title(self) -> str:
        """One line."""
        to = f" / {self.against or 'best peer'}" if self.measure in {"time", "wire"} else ""
        return f"{self.case}: {self.measure}{to}"


BARS = (
    Bar("compressed", "time", 0.25, PLAIN),
    Bar("raw", "time", 1.0),
    Bar("qcow2", "time", 1.0),
    Bar("ceph", "time", 0.5, RAW_PEER),
    Bar("ceph", "wire", 0.5, RAW_PEER),
    Bar("large-ceph", "time", 0.1, RAW_PEER),
    Bar("large-ceph", "wire", 0.1, RAW_PEER),
    Bar("raw", "KiB written", METADATA_KIB),
    Bar("qcow2", "KiB written", METADATA_KIB),
    Bar("large-raw", "peak MiB", 200),
    Bar("large-qcow2", "peak MiB", 200),
)


def judge(cases: Sequence[CaseResult], bars: Sequence[Bar] = BARS) -> list[Verdict[Bar]]:
    """One verdict for every bar."""
    return [Verdict(bar, _value(bar, cases)) for bar in bars]


def find(cases: Sequence[CaseResult], delivery: Delivery) -> CaseResult | None:
    """The figures of a delivery, where it was measured."""
    wanted = (delivery.workload, delivery.task)
    return next((case for case in cases if (case.workload, case.task) == wanted), None)


def _value(bar: Bar, cases: Sequence[CaseResult]) -> float | None:
    case = find(cases, DELIVERIES[bar.case])
    ours = case.named(JUDGED) if case else None
    if case is None or ours is None:
        return None
    if bar.measure == "KiB written":
        return None if ours.written_bytes is None else ours.written_bytes / 1024
    if bar.measure == "peak MiB":
        return ours.peak_rss_bytes / (1 << 20)
    peer = case.named(bar.against) if bar.against else case.best_peer
    if peer is None:
        return None
    if bar.measure == "wire":
        return ours.wire_bytes / peer.wire_bytes if peer.wire_bytes else None
    return ours.wall.median / peer.wall.median
