"""A story read back from the JSON that `as_json.story` made of it: what a batch's journal keeps of an image.

The journal may be of an older imgtool: what is missing is empty, what nobody knows any more is passed over.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from imgtool.model.judgement import Finding, Judgement, Outcome, Severity

Stored = Mapping[str, Any]


def judgement_of(story: Stored | None) -> Judgement | None:
    """None where nothing was judged."""
    result = _mapping(story, "result")
    if not result:
        return None
    findings = tuple(_finding(one) for one in result.get("findings", ()))
    return Judgement(str(result.get("image", "")), findings, str(result.get("policy", "")))


def image_of(story: Stored | None) -> Stored:
    """The facts of the image file; empty where the gate refused it."""
    return _mapping(_mapping(story, "inspection"), "image")


def guest_of(story: Stored | None) -> Stored:
    """The facts of the guest."""
    return _mapping(_mapping(story, "inspection"), "guest")


def conversion_of(story: Stored | None) -> Stored:
    """What was converted."""
    return _mapping(story, "conversion")


def uploads_of(story: Stored | None) -> Sequence[Stored]:
    """One for each cloud: what it has, or why it has nothing."""
    return (story or {}).get("uploads") or ()


def _finding(one: Stored) -> Finding:
    return Finding(
        check=str(one.get("check", "")),
        outcome=_outcome(one.get("outcome")),
        severity=_severity(one.get("severity")),
        message=str(one.get("message", "")),
        evidence=str(one.get("evidence", "")),
        remedy=str(one.get("remedy", "")),
    )


def _outcome(value: object) -> Outcome:
    """What is not known is no pass."""
    return next((one for one in Outcome if one.value == value), Outcome.UNKNOWN)


def _severity(value: object) -> Severity:
    return next((one for one in Severity if one.value == value), Severity.ERROR)


def _mapping(parent: Stored | None, key: str) -> Stored:
    return (parent or {}).get(key) or {}
