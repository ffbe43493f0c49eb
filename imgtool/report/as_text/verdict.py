"""A judgement, as text: worst first, the evidence and the remedy under each finding that needs attention."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from imgtool.checks.policy import OPENSTACK
from imgtool.model.verdict import Finding, Judgement
from imgtool.report.as_text.layout import WIDTH, Paint, plain
from imgtool.report.findings import main_cause, needs_attention, role, summary, word, worst_first
from imgtool.util.text import printable, shell_word

Detail = Literal["all", "attention", "verdict"]
"""Every finding; those that need attention or are known, and the verdict; the verdict alone."""

_INDENT = " " * 11
_COMMAND = re.compile(r"`[^`]*`")
_PLACEHOLDER = re.compile(r"(?<= )IMAGE(?=[ `])")


def judgement(found: Judgement, paint: Paint = plain, *, detail: Detail = "all", name: str = "") -> str:
    """One image's findings, worst first, then one line of verdict that begins with the image's `name`.

    Without a name it is that of the file.
    """
    called = name or Path(found.image).name or found.image
    if detail == "verdict":
        return _shortest(found, called, paint)
    if detail == "attention":
        return "\n".join(_attention(found, called, paint))
    findings = [line for one in worst_first(found) for line in _with_others(one, found, called, paint)]
    return "\n".join([_title(found, paint), *findings, "", _verdict(found, called, paint)])


def totals(verdicts: Sequence[bool], paint: Paint = plain) -> str:
    """How many images passed and failed; `verdicts` has one for each."""
    passed = sum(verdicts)
    failed = len(verdicts) - passed
    parts = [paint(f"{passed} pass", "good")] if passed else []
    parts += [paint(f"{failed} fail", "bad")] if failed else []
    return f"{len(verdicts)} image{'' if len(verdicts) == 1 else 's'}: {', '.join(parts)}"


def _attention(found: Judgement, called: str, paint: Paint) -> Iterator[str]:
    cause = main_cause(found)
    if cause is not None:
        yield from _one_cause(cause, found, called, paint)
        return
    shown = [one for one in worst_first(found) if (needs_attention(one) or one.known) and not one.because_of]
    if shown:
        yield _title(found, paint)
    for finding in shown:
        yield from _finding(finding, called, paint)
        others = sum(one.because_of == finding.check for one in found.findings)
        if others:
            checks = f"{others} other check{'s' if others > 1 else ''}"
            yield f"{_INDENT}{paint('so', 'dim')}    not judged either: {checks}"
    yield _verdict(found, called, paint)


def _one_cause(cause: Finding, found: Judgement, called: str, paint: Paint) -> Iterator[str]:
    """What a file is that no check could say anything of, in one line, and what to do."""
    yield _shortest(found, called, paint)
    if cause.remedy:
        yield f"      {paint('fix', 'dim')}  {printable(_remedy(cause, called))}"


def _shortest(found: Judgement, called: str, paint: Paint) -> str:
    """One line: the verdict, with the cause where there is only one."""
    cause = main_cause(found)
    if cause is None:
        return _verdict(found, called, paint)
    said = cause.message.removeprefix(f"{found.image}: ")
    seen = f" ({cause.evidence})" if cause.evidence else ""
    return f"{_word(found, paint)}  {printable(f'{called}: {said}{seen}')}{_by(found)}"


def _title(found: Judgement, paint: Paint) -> str:
    return paint(printable(found.image), "title")


def _with_others(finding: Finding, found: Judgement, called: str, paint: Paint) -> list[str]:
    """Return its lines, and the names of the checks that could not judge because of it."""
    lines = [] if finding.because_of else _finding(finding, called, paint)
    others = [one.check for one in worst_first(found) if one.because_of == finding.check]
    if others:
        lines.append(f"{_INDENT}{paint('so', 'dim')}    not judged either: {', '.join(others)}")
    return lines


def _finding(finding: Finding, called: str, paint: Paint) -> list[str]:
    outcome = paint(word(finding).ljust(7), role(finding))
    lines = [f"  {outcome}  {finding.check.ljust(WIDTH)} {printable(finding.message)}"]
    if not needs_attention(finding):
        return lines
    seen = finding.evidence.removeprefix(finding.message).removeprefix("; ")
    if seen:
        lines.append(f"{_INDENT}{paint('seen', 'dim')}  {printable(seen)}")
    if finding.remedy:
        lines.append(f"{_INDENT}{paint('fix', 'dim')}   {printable(_remedy(finding, called))}")
    return lines


def _remedy(finding: Finding, called: str) -> str:
    """What to do; commands that it names are for this image, where its name can be pasted."""
    operand = None if called.startswith("-") else shell_word(called)
    if operand is None:
        return finding.remedy
    return _COMMAND.sub(lambda found: _PLACEHOLDER.sub(lambda _: operand, found[0]), finding.remedy)


def _verdict(found: Judgement, called: str, paint: Paint) -> str:
    return f"{_word(found, paint)}  {printable(called)}: {summary(found)}{_by(found)}"


def _word(found: Judgement, paint: Paint) -> str:
    return paint("PASS", "good") if found.passed else paint("FAIL", "bad")


def _by(found: Judgement) -> str:
    """Say by which policy, where it is not the one that everybody knows."""
    return "" if found.policy == OPENSTACK.name else f" (policy {printable(found.policy)})"
