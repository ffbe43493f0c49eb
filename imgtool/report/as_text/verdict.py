"""A judgement, as text: worst first, the evidence and the remedy under each finding that did not pass."""

from imgtool.model import Finding, Judgement, Outcome, Severity
from imgtool.report.as_text.layout import WIDTH, Paint, plain
from imgtool.text import printable

_SEVERITY_ORDER = list(Severity)
_OUTCOME_ORDER = [Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.PASS, Outcome.SKIPPED]


def judgement(found: Judgement, paint: Paint = plain) -> str:
    """One image's findings, worst first, the evidence and the remedy under each that did not pass."""
    lines = [paint(printable(found.image), "title")]
    for finding in sorted(found.findings, key=_rank):
        lines += _finding(finding, paint)
    return "\n".join([*lines, "", _summary(found, paint)])


def _finding(finding: Finding, paint: Paint) -> list[str]:
    role, word = _role(finding)
    lines = [f"  {paint(word.ljust(7), role)}  {finding.check.ljust(WIDTH)} {printable(finding.message)}"]
    if finding.outcome in {Outcome.PASS, Outcome.SKIPPED}:
        return lines
    indent = " " * 11
    if finding.evidence:
        lines.append(f"{indent}{paint('seen', 'dim')}  {printable(finding.evidence)}")
    if finding.remedy:
        lines.append(f"{indent}{paint('fix', 'dim')}   {printable(finding.remedy)}")
    return lines


def _role(finding: Finding) -> tuple[str, str]:
    if finding.outcome is Outcome.PASS:
        return "good", "pass"
    if finding.outcome is Outcome.SKIPPED:
        return "dim", "skipped"
    if finding.outcome is not Outcome.FAIL:
        return ("bad" if finding.fails_image else "doubt"), finding.outcome.value
    return {
        Severity.ERROR: ("bad", "FAIL"),
        Severity.WARNING: ("doubt", "warning"),
        Severity.INFO: ("dim", "note"),
    }[finding.severity]


def _rank(finding: Finding) -> tuple[bool, int, int]:
    """Worst first: what fails the image, then by outcome and severity."""
    outcome = _OUTCOME_ORDER.index(finding.outcome)
    return not finding.fails_image, outcome, _SEVERITY_ORDER.index(finding.severity)


def _summary(found: Judgement, paint: Paint) -> str:
    failing = sum(finding.fails_image for finding in found.findings)
    passing = sum(finding.outcome is Outcome.PASS for finding in found.findings)
    if found.passed:
        return paint("PASS", "good") + f"  {passing} checks passed, nothing stands in the way"
    return paint("FAIL", "bad") + f"  {failing} of {len(found.findings)} checks stand in the way"
