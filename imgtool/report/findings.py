"""What every form of report shows of a judgement, and in which order: worst first."""

import hashlib
from typing import Literal

from imgtool.model.result import ImageResult
from imgtool.model.verdict import Finding, Judgement, Outcome, Severity
from imgtool.util.text import printable

Role = Literal["good", "bad", "doubt", "dim"]
Level = Literal["error", "warning", "note"]

_SEVERITY_ORDER = list(Severity)
_OUTCOME_ORDER = [Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.PASS, Outcome.SKIPPED]
_QUIET = {Outcome.PASS, Outcome.SKIPPED}
_LEVELS: dict[Severity, Level] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}

SYSTEM_FOUND = "system-found"
"""The check on which all those depend that judge a system."""

NO_CHECK_RAN = Finding(
    check="no-check-ran",
    outcome=Outcome.ERROR,
    severity=Severity.ERROR,
    message="no check ran, so nothing is known of this image",
    remedy="see which checks are off: `imgtool explain`",
)
"""Stands in a report where no finding says why an image did not pass: silence would look like a pass."""


def judged(result: ImageResult) -> Judgement:
    """Return the judgement; without any finding, which is no pass, if nothing was judged."""
    if result.judgement is not None:
        return result.judgement
    return Judgement(str(result.inspection.image.origin.path) if result.inspection else "", ())


def worst_first(found: Judgement) -> tuple[Finding, ...]:
    """The findings, those first that fail the image, then by outcome and severity."""
    ran = any(finding.outcome is not Outcome.SKIPPED for finding in found.findings)
    findings = found.findings if ran else (NO_CHECK_RAN, *found.findings)
    return tuple(sorted(findings, key=_rank))


def needs_attention(finding: Finding) -> bool:
    """Whether there is anything to do about it: it neither passed nor was it skipped, and is not known."""
    return not finding.known and finding.outcome not in _QUIET


def level(finding: Finding) -> Level:
    """How loud a finding that needs attention is, in the words that SARIF and GitHub share."""
    return "note" if finding.known else _LEVELS[finding.severity]


def lines(finding: Finding) -> list[str]:
    """Return all that is to be said of it, a line each, printable: what was found and seen, what to do."""
    parts = [("", finding.message), ("Seen: ", finding.evidence), ("Fix: ", finding.remedy)]
    return [f"{key}{printable(text)}" for key, text in parts if text]


def fingerprint(image: str, check: str) -> str:
    """Name check and image in hex, whatever was seen: it is one finding until it is gone."""
    return hashlib.sha256(f"{check}\0{image}".encode("utf-8", "surrogateescape")).hexdigest()


def word(finding: Finding) -> str:
    """What it is, in one word for people."""
    if finding.known:
        return "known"
    if finding.outcome is Outcome.UNKNOWN and finding.fails_image:
        return "UNKNOWN"
    if finding.outcome is not Outcome.FAIL:
        return finding.outcome.value
    return "FAIL" if finding.severity is Severity.ERROR else level(finding)


def role(finding: Finding) -> Role:
    """Which colour it has."""
    if finding.outcome is Outcome.PASS:
        return "good"
    if finding.known or finding.outcome is Outcome.SKIPPED:
        return "dim"
    if finding.fails_image:
        return "bad"
    return "dim" if (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.INFO) else "doubt"


def summary(found: Judgement) -> str:
    """The verdict's reason in one line: how many checks failed or could not decide, or that all passed."""
    findings = worst_first(found)
    failing = [finding for finding in findings if finding.fails_image]
    if failing:
        failed = sum(finding.outcome is Outcome.FAIL for finding in failing)
        undecided = len(failing) - failed
        if not failed:
            return f"{undecided} of {len(findings)} checks could not decide"
        more = f", {undecided} could not decide" if undecided else ""
        return f"{failed} of {len(findings)} checks failed{more}"
    passing = sum(finding.outcome is Outcome.PASS for finding in findings)
    warnings = sum(needs_attention(one) and one.severity is Severity.WARNING for one in findings)
    noted = f", {warnings} warning{'s' if warnings > 1 else ''}" if warnings else ""
    known = sum(finding.known for finding in findings)
    return f"{passing} check{'s' if passing != 1 else ''} passed{noted}{f', {known} known' if known else ''}"


def main_cause(found: Judgement) -> Finding | None:
    """The one finding that says all there is to say of why the image failed; None where there is none.

    A file that the gate refused has no other, and without a system nothing else could be judged.
    """
    loud = [finding for finding in found.findings if needs_attention(finding) and not finding.because_of]
    if len(loud) != 1 or not loud[0].fails_image:
        return None
    alone = len(found.findings) == 1 or loud[0].check == SYSTEM_FOUND
    return loud[0] if alone else None


def _rank(finding: Finding) -> tuple[bool, int, int, int]:
    """A warning is worse than a note, whatever their outcomes, where both need attention."""
    outcome = _OUTCOME_ORDER.index(finding.outcome)
    quiet = 0 if needs_attention(finding) else max(outcome, 1)
    return not finding.fails_image, quiet, _SEVERITY_ORDER.index(finding.severity), outcome
