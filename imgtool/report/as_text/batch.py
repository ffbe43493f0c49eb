"""The plan of a batch as a table, and where a batch stands, as a page."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from imgtool.batch.status import ORDER, BatchStatus, ReportOf
from imgtool.model.batch import BatchPlan, Task, TaskRecord, TaskState
from imgtool.report.as_text.layout import Paint, aligned, plain, section, table
from imgtool.report.as_text.verdict import judgement
from imgtool.report.stored import judgement_of
from imgtool.util.text import printable

ROLES: Mapping[TaskState, str] = {
    "done": "good", "skipped": "good", "failed": "bad", "refused": "bad", "check-failed": "bad",
    "interrupted": "doubt", "running": "title", "waiting": "dim",
}  # fmt: skip

WORDS: Mapping[TaskState, str] = {"skipped": "already there"}
"""For people, where it is not the state's own name: an earlier run made the image."""

_MOST_RUNNING = 64
"""Shown; a machine runs fewer."""


def word(state: TaskState) -> str:
    """Name the state as people do."""
    return WORDS.get(state, state)


def batch_report(found: BatchStatus, report_of: ReportOf) -> str:
    """`--report text=PATH` of a batch: where it stands, then each image with its ids, or the reasons."""
    images = ("\n".join(_image(record, found, report_of)) for record in found.records)
    return "\n\n".join(["\n".join(_summary(found, plain)), *images]) + "\n"


def plan(found: BatchPlan, paint: Paint = plain, width: int | None = None) -> str:
    """`imgtool batch --dry-run`: a line for each image, then what will go wrong."""
    heads = ("image", "source", "to", "where", "policy")
    lines = [*table(heads, [_planned(task) for task in found.tasks], paint, width), "", _sum(found)]
    names = {task.key: task.name for task in found.tasks}
    for problem in found.problems:
        lines.append(f"{paint('problem', 'bad')}  {printable(f'{names[problem.key]}: {problem.message}')}")
    return "\n".join(lines)


def status(found: BatchStatus, paint: Paint = plain, width: int | None = None) -> str:
    """`imgtool batch --status`: how many are where, what runs, and why what ended badly did."""
    lines = _summary(found, paint)
    running = [record for record in found.records if record.state == "running"][:_MOST_RUNNING]
    if running:
        rows = [_running(record, found) for record in running]
        lines += ["", *table(("running", "stage", "since", "attempt"), rows, paint, width)]
    for record in found.records:
        if record.state in {"failed", "refused", "check-failed"}:
            lines += _why(record, found, paint)
    return "\n".join(lines)


def moment(seconds: float) -> str:
    """A time as ISO 8601 has it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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


def _summary(found: BatchStatus, paint: Paint) -> list[str]:
    counts = Counter(record.state for record in found.records)
    return [
        *section(found.manifest or "no run was noted yet", _run_rows(found), paint),
        *aligned([(word(state), f"{counts[state]}") for state in ORDER if counts[state]], paint),
    ]


def _run_rows(found: BatchStatus) -> Sequence[tuple[str, str]]:
    if found.began is None:
        return []
    until = found.now if found.ended is None else found.ended
    rows = [("run", f"{found.phase}, {duration(until - found.began)}" if found.known_end else found.phase)]
    rows.append(("began", moment(found.began)))
    if found.ended is not None:
        rows.append(("ended", moment(found.ended)))
    rows.append(("images", f"{found.ended_count} of {len(found.records)} ended"))
    left = found.seconds_left
    return [*rows, ("left", f"about {duration(left)}")] if left is not None else rows


def _running(record: TaskRecord, found: BatchStatus) -> tuple[str, ...]:
    stage = found.stages.get(record.key)
    name = found.names.get(record.key, record.key)
    if stage is None:
        return name, "starting", "", str(record.attempts or 1)
    words = f"{stage.stage}  {stage.detail}".strip()
    return name, words, duration(found.now - stage.at), str(stage.attempt)


def _image(record: TaskRecord, found: BatchStatus, report_of: ReportOf) -> Iterator[str]:
    """One image in the report: what became of it, what it is called in each cloud, what stands against it."""
    name = printable(found.names.get(record.key, record.key))
    took = f", {duration(record.seconds)}" if record.seconds else ""
    yield f"{word(record.state)}  {name}{took}"
    rows = [("began", moment(record.started))] if record.started is not None else []
    rows += [("ended", moment(record.ended))] if record.ended is not None else []
    rows += [(f"in {label or 'the cloud of OS_*'}", one) for label, one in record.image_ids.items()]
    rows += [("why", record.message)] if record.message else []
    rows += [("hint", record.hint)] if record.hint else []
    yield from aligned(rows, plain)
    judged = judgement_of(report_of(record.key))
    if judged is not None and record.state != "refused":
        yield from (f"  {line}" for line in judgement(judged, detail="attention").split("\n"))


def _why(record: TaskRecord, found: BatchStatus, paint: Paint) -> Iterator[str]:
    name = printable(found.names.get(record.key, record.key))
    yield ""
    yield f"{paint(word(record.state), ROLES[record.state])}  {paint(name, 'title')}"
    rows = [("why", record.message), ("hint", record.hint)]
    yield from aligned([(key, value) for key, value in rows if value], paint)
