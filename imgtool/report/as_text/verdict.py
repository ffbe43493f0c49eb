"""A judgement, as text: worst first, the evidence and the remedy under each finding that did not pass."""

from imgtool.checks.policy import OPENSTACK
from imgtool.model.verdict import Finding, Judgement
from imgtool.report.as_text.layout import WIDTH, Paint, plain
from imgtool.report.findings import needs_attention, role, summary, word, worst_first
from imgtool.util.text import printable


def judgement(found: Judgement, paint: Paint = plain) -> str:
    """One image's findings, worst first, the evidence and the remedy under each that did not pass."""
    lines = [paint(printable(found.image), "title")]
    findings = worst_first(found)
    for finding in findings:
        lines += [] if finding.because_of else _finding(finding, paint)
        others = [one.check for one in findings if one.because_of == finding.check]
        if others:
            lines.append(f"{' ' * 11}{paint('so', 'dim')}    not judged either: {', '.join(others)}")
    return "\n".join([*lines, "", _verdict(found, paint)])


def _finding(finding: Finding, paint: Paint) -> list[str]:
    outcome = paint(word(finding).ljust(7), role(finding))
    lines = [f"  {outcome}  {finding.check.ljust(WIDTH)} {printable(finding.message)}"]
    if not needs_attention(finding):
        return lines
    indent = " " * 11
    if finding.evidence:
        lines.append(f"{indent}{paint('seen', 'dim')}  {printable(finding.evidence)}")
    if finding.remedy:
        lines.append(f"{indent}{paint('fix', 'dim')}   {printable(finding.remedy)}")
    return lines


def _verdict(found: Judgement, paint: Paint) -> str:
    word_shown = paint("PASS", "good") if found.passed else paint("FAIL", "bad")
    return f"{word_shown}  {summary(found)}{_by(found)}"


def _by(found: Judgement) -> str:
    """Say by which policy, where it is not the one that everybody knows."""
    return "" if found.policy == OPENSTACK.name else f" (policy {printable(found.policy)})"
