import pytest

from imgtool.checks.registry import all_checks
from imgtool.report.explanation import explain, parse

TEXT = """It is as it should be.

What it checks
    One thing,
    and another.

    A third.

How to fix
    first command
        continued
    second command
"""


def test_a_docstring_is_taken_apart_at_its_headings() -> None:
    found = parse(TEXT)
    what, how = found.sections
    assert found.summary == "It is as it should be."
    assert (what.title, what.paragraphs) == ("What it checks", ("One thing, and another.", "A third."))
    assert how.body == "first command\n    continued\nsecond command"


def test_markdown_keeps_the_lines_of_commands_and_joins_those_of_prose() -> None:
    assert parse(TEXT).markdown == (
        "### What it checks\n\nOne thing, and another.\n\nA third.\n\n"
        "### How to fix\n\n```text\nfirst command\n    continued\nsecond command\n```"
    )


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.name)
def test_every_check_explains_itself(check) -> None:
    found = explain(check.name)
    assert found
    assert found.summary.endswith(".")
    titles = [section.title for section in found.sections]
    assert titles == ["What it checks", "Why it matters", "How to fix"]
    assert all(section.body for section in found.sections)


def test_what_is_no_check_has_no_explanation() -> None:
    assert explain("no-check-ran") is None
