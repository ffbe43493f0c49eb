"""Where a batch stands, read from its journal; the batch may be running, ended, or killed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imgtool.batch.journal import Journal, read_journal
from imgtool.batch.journal_file import Lock
from imgtool.model.batch import FINAL_STATES, StageRecord, TaskRecord, TaskState

ORDER: tuple[TaskState, ...] = (
    "done", "skipped", "failed", "refused", "check-failed", "interrupted", "running", "waiting",
)  # fmt: skip
"""The order in which states are shown."""

ReportOf = Callable[[str], Mapping[str, object] | None]
"""By a task's key, its result as `report.as_json.prepared` makes it; read one by one: all are large."""

Phase = Literal["none", "running", "ended", "stopped before its end"]


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """The status of a batch at the moment `now`, in UTC seconds like all times here."""

    phase: Phase
    manifest: str
    began: float | None
    ended: float | None
    now: float
    records: tuple[TaskRecord, ...]
    """Of the last run's tasks, in the plan's order; without reports."""
    names: Mapping[str, str]
    """In Glance, by key."""
    stages: Mapping[str, StageRecord]
    """The last that each task reached, by key."""

    @property
    def ended_count(self) -> int:
        """Tasks of which nothing more is expected."""
        return sum(record.state in FINAL_STATES for record in self.records)

    @property
    def known_end(self) -> bool:
        """Whether it is known how long it took, or takes so far; of a killed run nobody knows."""
        return self.phase in {"running", "ended"}

    @property
    def seconds_left(self) -> float | None:
        """Estimate the seconds left by the pace of tasks that were not skipped; None if there is no pace."""
        worked = sum(record.state in FINAL_STATES - {"skipped"} for record in self._of_this_run())
        if self.phase != "running" or self.began is None or not worked:
            return None
        left = len(self.records) - self.ended_count
        return (self.now - self.began) / worked * left

    def _of_this_run(self) -> list[TaskRecord]:
        began = self.began or 0.0
        return [record for record in self.records if record.ended is not None and record.ended >= began]


def read_status(path: Path, now: float | None = None) -> BatchStatus:
    """Return the status by the journal `path`. Raises UsageError if there is none."""
    running = Lock(path).is_taken()
    with read_journal(path) as journal:
        return status_of(journal, time.time() if now is None else now, running=running)


def status_of(journal: Journal, now: float, *, running: bool) -> BatchStatus:
    """Return the status by an open journal; `running`: a process works on it."""
    manifest, began, ended = journal.last_run() or ("", None, None)
    return BatchStatus(
        phase=_phase(began, ended, running=running),
        manifest=manifest,
        began=began,
        ended=ended,
        now=now,
        records=tuple(journal.records()),
        names=journal.names(),
        stages={stage.key: stage for stage in journal.stages()},
    )


def _phase(began: float | None, ended: float | None, *, running: bool) -> Phase:
    if began is None:
        return "none"
    if running and ended is None:
        return "running"
    return "ended" if ended is not None else "stopped before its end"
