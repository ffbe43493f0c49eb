"""What became of old versions, as JSON."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from imgtool.model.result import SCHEMA_VERSION
from imgtool.model.retirement import Retirement, RetirementFailure, Version
from imgtool.report.as_json.values import clean
from imgtool.report.as_json.verdict import problem

if TYPE_CHECKING:
    from imgtool.report.documents import delivery, others


def retired(found: Iterable[Retirement | RetirementFailure], *, dry_run: bool) -> "delivery.Retired":
    """`imgtool retire`: an entry for each cloud and name."""
    entries = [_failure(one) if isinstance(one, RetirementFailure) else retirement(one) for one in found]
    return {"schema_version": SCHEMA_VERSION, "dry_run": dry_run, "retired": entries}


def retirement(done: Retirement) -> "delivery.Retirement":
    """One name in one cloud; after an upload it stands in the upload's entry."""
    return {
        "cloud": clean(done.cloud),
        "name": clean(done.name),
        "keep": done.keep,
        "versions": [_version(one) for one in done.versions],
        "notes": [clean(note) for note in done.notes],
    }


def _version(version: Version) -> "delivery.Version":
    return {
        "image_id": version.image_id,
        "name": clean(version.name),
        "created_at": version.created_at or None,
        "size_bytes": version.size_bytes,
        "fate": version.fate,
        "reason": clean(version.reason),
        "hides": version.hides,
    }


def _failure(failed: RetirementFailure) -> "others.ProblemOf":
    error = problem(failed.code, failed.message, failed.hint)
    return {"cloud": clean(failed.cloud), "name": clean(failed.name), "error": error}
