from dataclasses import replace

import pytest
from support import stories as made

from imgtool.model.verdict import Finding, Judgement, Outcome, Severity
from imgtool.report.findings import (
    NO_CHECK_RAN,
    SYSTEM_FOUND,
    level,
    main_cause,
    needs_attention,
    role,
    summary,
    word,
    worst_first,
)


def finding(outcome: Outcome, severity: Severity) -> Finding:
    return Finding(f"{outcome}-{severity}", outcome, severity, "")


def test_what_fails_the_image_comes_first_then_what_needs_attention_by_severity() -> None:
    every = tuple(finding(outcome, severity) for severity in reversed(Severity) for outcome in Outcome)
    names = [one.check for one in worst_first(Judgement("", every))]
    assert names[:9] == [
        "fail-error", "error-error", "unknown-error",
        "fail-warning", "error-warning", "unknown-warning",
        "fail-info", "error-info", "unknown-info",
    ]  # fmt: skip
    assert [name.split("-")[0] for name in names[9:]] == ["pass"] * 3 + ["skipped"] * 3


def test_where_no_check_ran_a_finding_says_so() -> None:
    story = made.nothing_ran()
    assert worst_first(story.judgement)[0] == NO_CHECK_RAN
    assert NO_CHECK_RAN not in worst_first(made.good().judgement)
    assert summary(story.judgement) == "1 of 2 checks could not decide"


@pytest.mark.parametrize(
    ("outcome", "severity", "expected"),
    [
        (Outcome.FAIL, Severity.ERROR, ("FAIL", "bad", "error")),
        (Outcome.FAIL, Severity.WARNING, ("warning", "doubt", "warning")),
        (Outcome.FAIL, Severity.INFO, ("note", "dim", "note")),
        (Outcome.UNKNOWN, Severity.ERROR, ("UNKNOWN", "bad", "error")),
        (Outcome.UNKNOWN, Severity.WARNING, ("unknown", "doubt", "warning")),
        (Outcome.ERROR, Severity.ERROR, ("error", "bad", "error")),
    ],
)
def test_each_has_its_word_colour_and_level(outcome, severity, expected) -> None:
    one = finding(outcome, severity)
    assert (word(one), role(one), level(one)) == expected
    assert needs_attention(one)


@pytest.mark.parametrize("severity", Severity)
def test_what_passed_or_was_skipped_needs_no_attention(severity: Severity) -> None:
    passed, skipped = finding(Outcome.PASS, severity), finding(Outcome.SKIPPED, severity)
    assert [role(passed), role(skipped)] == ["good", "dim"]
    assert not needs_attention(passed)
    assert not needs_attention(skipped)


def test_a_summary_counts_warnings_of_an_image_that_passes() -> None:
    assert summary(made.good().judgement).endswith("checks passed")
    assert summary(made.warned().judgement).endswith("checks passed, 1 warning")


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([Outcome.FAIL, Outcome.PASS], "1 of 2 checks failed"),
        ([Outcome.UNKNOWN, Outcome.PASS], "1 of 2 checks could not decide"),
        ([Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR], "1 of 3 checks failed, 2 could not decide"),
        ([Outcome.PASS], "1 check passed"),
    ],
)
def test_a_summary_says_what_failed_and_what_could_not_decide(outcomes: list[Outcome], said: str) -> None:
    found = Judgement("/a.raw", tuple(finding(one, Severity.ERROR) for one in outcomes))
    assert summary(found) == said


@pytest.mark.parametrize(
    ("findings", "cause"),
    [
        ((finding(Outcome.FAIL, Severity.ERROR),), True),
        ((finding(Outcome.FAIL, Severity.ERROR), finding(Outcome.PASS, Severity.ERROR)), False),
        ((finding(Outcome.PASS, Severity.ERROR),), False),
        ((replace(finding(Outcome.UNKNOWN, Severity.ERROR), check=SYSTEM_FOUND),
          finding(Outcome.PASS, Severity.ERROR)), True),
        ((replace(finding(Outcome.UNKNOWN, Severity.ERROR), check=SYSTEM_FOUND),
          finding(Outcome.FAIL, Severity.WARNING)), False),
    ],
)  # fmt: skip
def test_an_image_of_which_one_finding_says_all(findings: tuple[Finding, ...], *, cause: bool) -> None:
    assert (main_cause(Judgement("/a.raw", findings)) is not None) is cause
