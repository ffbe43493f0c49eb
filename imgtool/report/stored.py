"""Results read back from the JSON that `as_json.prepared` made of them: a batch's journal keeps them so.

The journal may be of an older imgtool: what is missing is empty, and unknown keys are ignored. To the
findings of an image, reports for CI systems add one that says how its task ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgtool.model.batch import GOOD_STATES, TaskRecord
from imgtool.model.verdict import Finding, Judgement, Outcome, Severity

if TYPE_CHECKING:
    from imgtool.batch.status import BatchStatus, ReportOf

Stored = Mapping[str, Any]


def judgement_of(report: Stored | None) -> Judgement | None:
    """None where nothing was judged."""
    result = _mapping(report, "result")
    if not result:
        return None
    findings = tuple(_finding(one) for one in result.get("findings", ()))
    return Judgement(str(result.get("image", "")), findings, str(result.get("policy", "")))


def image_of(report: Stored | None) -> Stored:
    """The facts of the image file; empty where the gate refused it."""
    return _mapping(_mapping(report, "inspection"), "image")


def guest_of(report: Stored | None) -> Stored:
    """The facts of the guest."""
    return _mapping(_mapping(report, "inspection"), "guest")


def conversion_of(report: Stored | None) -> Stored:
    """What was converted."""
    return _mapping(report, "conversion")


def uploads_of(report: Stored | None) -> Sequence[Stored]:
    """One for each cloud: what it has, or why it has nothing."""
    return (report or {}).get("uploads") or ()


def _finding(one: Stored) -> Finding:
    return Finding(
        check=str(one.get("check", "")),
        outcome=_outcome(one.get("outcome")),
        severity=_severity(one.get("severity")),
        message=str(one.get("message", "")),
        evidence=str(one.get("evidence", "")),
        remedy=str(one.get("remedy", "")),
        because_of=str(one.get("because_of") or ""),
        known=bool(one.get("known")),
    )


def _outcome(value: object) -> Outcome:
    """What is not known is no pass."""
    return next((one for one in Outcome if one.value == value), Outcome.UNKNOWN)


def _severity(value: object) -> Severity:
    return next((one for one in Severity if one.value == value), Severity.ERROR)


def _mapping(parent: Stored | None, key: str) -> Stored:
    return (parent or {}).get(key) or {}


BATCH = Finding(
    check="batch",
    outcome=Outcome.ERROR,
    severity=Severity.ERROR,
    message="the batch did not complete this image",
    remedy="fix what the message names, then rerun the command to resume",
)
"""Where no check stands in an image's way, but something else."""


def judgements(found: "BatchStatus", report_of: "ReportOf") -> list[Judgement]:
    """One for each image, in the plan's order."""
    return [
        _judgement(record, found.names.get(record.key, record.key), report_of) for record in found.records
    ]


def _judgement(record: TaskRecord, name: str, report_of: "ReportOf") -> Judgement:
    judged = judgement_of(report_of(record.key)) or Judgement(name, ())
    return replace(judged, findings=(*judged.findings, _end(record, judged)))


def _end(record: TaskRecord, judged: Judgement) -> Finding:
    if record.state in GOOD_STATES:
        return replace(BATCH, outcome=Outcome.PASS, message=record.state, remedy="")
    if any(finding.fails_image for finding in judged.findings):
        return replace(BATCH, outcome=Outcome.SKIPPED, message=record.state, remedy="")
    return replace(BATCH, message=record.message or f"did not end: {record.state}", remedy=record.hint)
