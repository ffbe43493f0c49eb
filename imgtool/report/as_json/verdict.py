"""Judgements and errors, as JSON."""

from typing import TYPE_CHECKING, cast

from imgtool.errors import ImgtoolError, UsageError
from imgtool.model.verdict import Finding, Judgement
from imgtool.report.as_json.values import clean

if TYPE_CHECKING:
    from imgtool.report.documents import others, verdicts


def judgement(found: Judgement) -> "verdicts.Judgement":
    """One image's result."""
    return {
        "image": clean(found.image),
        "outcome": "pass" if found.passed else "fail",
        "policy": clean(found.policy),
        "findings": [_finding(one) for one in found.findings],
    }


def error(caught: ImgtoolError) -> "others.Error":
    """What went wrong."""
    told = cast("others.FirstProblem", problem(caught.code, caught.message, caught.hint))
    if isinstance(caught, UsageError) and caught.others:
        told["others"] = [problem(one.code, one.message, one.hint) for one in caught.others]
    return {"error": told}


def problem(code: str, message: str, hint: str) -> "others.Problem":
    """What went wrong, as it stands at the key `error`."""
    return {"code": code, "message": clean(message), "hint": clean(hint)}


def _finding(finding: Finding) -> "verdicts.Finding":
    return {
        "check": finding.check,
        "outcome": finding.outcome,
        "severity": finding.severity,
        "message": clean(finding.message),
        "evidence": clean(finding.evidence),
        "remedy": clean(finding.remedy),
        "because_of": finding.because_of or None,
        "known": finding.known,
    }
