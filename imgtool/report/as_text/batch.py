"""The plan of a batch as a table, and where a batch stands, as a page."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from imgtool.batch.status import ORDER, BatchStatus, ReportOf
from imgtool.model.batch import BatchPlan, Task, TaskRecord, TaskState
from imgtool.report.as_text.layout import Paint, aligned, plain, section, table
from imgtool.util.text import printable

ROLES: Mapping[TaskState, str] = {
    "done": "good", "skipped": "good", "failed": "bad", "refused": "bad", "check-failed": "bad",
    "interrupted": "doubt", "running": "title", "waiting": "dim",
}  # fmt: skip

_MOST_RUNNING = 64
"""Shown; a machine runs fewer."""


def batch_report(found: BatchStatus, _report_of: ReportOf) -> str:
    """`--report text=PATH` of a batch."""
    return status(found) + "\n"


def plan(found: BatchPlan, paint: Paint = plain) -> str:
    """`imgtool batch --dry-run`: a line for each image, then what will go wrong."""
    heads = ("image", "source", "to", "where", "policy")
    lines = [*table(heads, [_planned(task) for task in found.tasks], paint), "", _sum(found)]
    names = {task.key: task.name for task in found.tasks}
    for problem in found.problems:
        lines.append(f"{paint('problem', 'bad')}  {printable(f'{names[problem.key]}: {problem.message}')}")
    return "\n".join(lines)


def status(found: BatchStatus, paint: Paint = plain) -> str:
    """`imgtool batch --status`: how many are where, what runs, and why what ended badly did."""
    lines = section(found.manifest or "no run was noted yet", _run_rows(found), paint)
    counts = Counter(record.state for record in found.records)
    lines += aligned([(state, f"{counts[state]}") for state in ORDER if counts[state]], paint)
    running = [record for record in found.records if record.state == "running"][:_MOST_RUNNING]
    if running:
        rows = [_running(record, found) for record in running]
        lines += ["", *table(("running", "stage", "since", "attempt"), rows, paint)]
    for record in found.records:
        if record.state in {"failed", "refused", "check-failed"}:
            lines += _why(record, found, paint)
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 07 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _planned(task: Task) -> tuple[str, ...]:
    form = task.target_format + ("" if task.compression == "none" else f", {task.compression}")
    return task.name, task.source, form, " ".join(_places(task)), task.policy


def _places(task: Task) -> Iterator[str]:
    for cloud in task.clouds:
        yield cloud.label or "OS_*"
    if task.output is not None:
        yield str(task.output)


def _sum(found: BatchPlan) -> str:
    images, uploads = len(found.tasks), sum(len(task.clouds) for task in found.tasks)
    files = sum(task.output is not None for task in found.tasks)
    counted = [_count(images, "image"), _count(uploads, "upload"), _count(files, "file")]
    return f"{', '.join(counted)}, {_count(len(found.problems), 'problem')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _run_rows(found: BatchStatus) -> Sequence[tuple[str, str]]:
    if found.began is None:
        return []
    until = found.now if found.ended is None else found.ended
    rows = [("run", f"{found.phase}, {duration(until - found.began)}" if found.known_end else found.phase)]
    rows.append(("ended", f"{found.ended_count} of {len(found.records)}"))
    left = found.seconds_left
    return [*rows, ("left", f"about {duration(left)}")] if left is not None else rows


def _running(record: TaskRecord, found: BatchStatus) -> tuple[str, ...]:
    stage = found.stages.get(record.key)
    name = found.names.get(record.key, record.key)
    if stage is None:
        return name, "starting", "", str(record.attempts or 1)
    words = f"{stage.stage}  {stage.detail}".strip()
    return name, words, duration(found.now - stage.at), str(stage.attempt)


def _why(record: TaskRecord, found: BatchStatus, paint: Paint) -> Iterator[str]:
    name = printable(found.names.get(record.key, record.key))
    yield ""
    yield f"{paint(record.state, ROLES[record.state])}  {paint(name, 'title')}"
    rows = [("why", record.message), ("hint", record.hint)]
    yield from aligned([(key, value) for key, value in rows if value], paint)
