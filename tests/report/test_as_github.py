import re

import pytest
from support import stories as made

from imgtool.model.result import ImageResult
from imgtool.model.verdict import Outcome, Severity
from imgtool.report.as_github import report

COMMAND = re.compile(r"::(error|warning|notice) file=([^,:]*),title=([^,:]*)::(.*)")


def commands(*stories: ImageResult) -> list[tuple[str, ...]]:
    """Level, file, title and message of each line, as a runner takes them apart."""
    lines = report(stories).removesuffix("\n").split("\n")
    found = [COMMAND.fullmatch(line) for line in lines]
    assert all(found), lines
    return [tuple(map(_unescape, match.groups())) for match in found]


def _unescape(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


@pytest.mark.parametrize(
    ("outcome", "severity", "level"),
    [
        (Outcome.FAIL, Severity.ERROR, "error"),
        (Outcome.UNKNOWN, Severity.ERROR, "error"),
        (Outcome.FAIL, Severity.WARNING, "warning"),
        (Outcome.FAIL, Severity.INFO, "notice"),
    ],
)
def test_each_finding_is_an_annotation_of_its_level(outcome, severity, level) -> None:
    _, annotation = commands(made.of_finding(outcome, severity))
    assert annotation == (
        level,
        "/images/debian.raw",
        "imgtool machine-id",
        "the message\nSeen: the evidence\nFix: the remedy",
    )


def test_the_verdict_comes_first() -> None:
    good, bad = commands(made.good())[0], commands(made.bad())[0]
    assert (good[0], good[3][:5]) == ("notice", "PASS:")
    assert (bad[0], bad[3][:10]) == ("error", "FAIL: 1 of")
    assert len(commands(made.good())) == 1


def test_a_name_cannot_end_its_property_or_add_another() -> None:
    assert commands(made.refused())[1][1] == "unsafe:1.qcow2"


def test_no_text_of_a_guest_begins_a_line() -> None:
    found = commands(made.hostile())
    assert any("::error::x" in message for *_, message in found)
