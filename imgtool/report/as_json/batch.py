"""A batch's plan, and where a batch stands, as JSON.

Times are UTC: in seconds since 1970, and in ISO 8601 where the key ends with `_at`.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from imgtool.batch.status import BatchStatus, ReportOf
from imgtool.model.batch import BatchPlan, Task, TaskRecord
from imgtool.model.result import SCHEMA_VERSION
from imgtool.report.as_json.values import clean, path_text, to_text

if TYPE_CHECKING:
    from imgtool.report.documents import others


def batch_report(found: BatchStatus, report_of: ReportOf) -> str:
    """`--report json=PATH` of a batch: the status, and each image's own report."""
    document = status(found)
    for image in document["images"]:
        image["report"] = report_of(image["key"])
    return to_text(document) + "\n"


def plan(found: BatchPlan) -> "others.BatchPlan":
    """`imgtool batch --dry-run --output json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "manifest": path_text(found.manifest),
        "images": [_task(task) for task in found.tasks],
        "problems": [{"key": one.key, "message": clean(one.message)} for one in found.problems],
    }


def status(found: BatchStatus) -> "others.Batch":
    """`imgtool batch --status JOURNAL --output json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "manifest": clean(found.manifest),
        "phase": found.phase,
        "began": found.began,
        "ended": found.ended,
        "began_at": _time(found.began),
        "ended_at": _time(found.ended),
        "seconds_left": found.seconds_left,
        "counts": dict(Counter(record.state for record in found.records)),
        "images": [_record(record, found) for record in found.records],
    }


def _task(task: Task) -> "others.Task":
    return {
        "key": task.key,
        "name": task.name,
        "source": clean(task.source),
        "sha256": task.sha256,
        "sha512": task.sha512,
        "source_format": task.source_format,
        "target_format": task.target_format,
        "compression": task.compression,
        "output": path_text(task.output) if task.output else None,
        "clouds": [cloud.label for cloud in task.clouds],
        "visibility": task.wanted.visibility,
        "on_conflict": task.wanted.on_conflict,
        "keep_last": task.wanted.keep_last,
        "metadata": task.wanted.metadata,
        "properties": dict(task.properties),
        "derive": task.derive,
        "source_hash": task.source_hash,
        "policy": clean(task.policy),
        "boot": task.boot,
        "deadline_seconds": task.deadline_seconds,
        "retries": task.retries,
        "where": clean(task.where),
    }


def _record(record: TaskRecord, found: BatchStatus) -> "others.Record":
    stage = found.stages.get(record.key)
    return {
        "key": record.key,
        "name": found.names.get(record.key, ""),
        "state": record.state,
        "stage": stage.stage if stage else None,
        "attempts": record.attempts,
        "started": record.started,
        "ended": record.ended,
        "started_at": _time(record.started),
        "ended_at": _time(record.ended),
        "seconds": record.seconds,
        "source_sha256": record.source_sha256,
        "source_sha512": record.source_sha512,
        "source_sha256_chunks": record.source_sha256_chunks,
        "size_before_bytes": record.size_before_bytes,
        "size_after_bytes": record.size_after_bytes,
        "image_ids": dict(record.image_ids),
        "exit_status": record.exit_status,
        "error": _error(record),
    }


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _error(record: TaskRecord) -> "others.TaskProblem | None":
    return {"message": clean(record.message), "hint": clean(record.hint)} if record.message else None
