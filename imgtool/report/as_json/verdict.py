"""Judgements and errors, as JSON."""

from imgtool.errors import ImgtoolError
from imgtool.model.verdict import Finding, Judgement
from imgtool.report.as_json.values import Object, clean


def judgement(found: Judgement) -> Object:
    """One image's result."""
    return {
        "image": clean(found.image),
        "outcome": "pass" if found.passed else "fail",
        "policy": clean(found.policy),
        "findings": [_finding(one) for one in found.findings],
    }


def error(problem: ImgtoolError) -> Object:
    """What went wrong."""
    fields = {"code": problem.code, "message": clean(problem.message), "hint": clean(problem.hint)}
    return {"error": fields}


def _finding(finding: Finding) -> Object:
    return {
        "check": finding.check,
        "outcome": finding.outcome.value,
        "severity": finding.severity.value,
        "message": clean(finding.message),
        "evidence": clean(finding.evidence),
        "remedy": clean(finding.remedy),
        "because_of": finding.because_of or None,
        "known": finding.known,
    }
