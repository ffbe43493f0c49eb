"""A baseline: what is known, and what is new."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support import stories as made

from imgtool.errors import UsageError
from imgtool.model.verdict import Finding, Judgement, Outcome, Severity
from imgtool.policy.baseline import image_name, known_findings, marked, read_baseline, to_text

FOUND = Finding("machine-id", Outcome.FAIL, Severity.ERROR, "the message", "the evidence", "the remedy")


def judged(*findings: Finding) -> Judgement:
    return Judgement("/images/a.raw", findings)


def again(finding: Finding, name: str = "a.raw") -> Finding:
    """The finding as it is after a run whose baseline has FOUND of a.raw."""
    known = frozenset(known_findings(judged(FOUND), "a.raw"))
    (one,) = marked(judged(finding), known.__contains__, name).findings
    return one


def test_what_was_written_is_read_again_in_a_stable_form(tmp_path: Path) -> None:
    known = list(known_findings(made.bad().judgement, "b.raw")) + list(known_findings(judged(FOUND), "a.raw"))
    path = tmp_path / "baseline.json"
    path.write_text(to_text(known))
    assert read_baseline(path) == frozenset(known)
    assert to_text(reversed(known + known)) == path.read_text()
    assert [one["image"] for one in json.loads(path.read_text())["findings"]] == ["a.raw", "b.raw"]


def test_a_known_finding_fails_nothing() -> None:
    assert again(FOUND) == replace(FOUND, known=True)
    assert not again(FOUND).fails_image


@pytest.mark.parametrize(
    "changed",
    [{"message": "in other words"}, {"remedy": "another"}, {"severity": Severity.WARNING}],
    ids=lambda changed: next(iter(changed)),
)
def test_other_words_are_the_same_finding(changed: dict[str, object]) -> None:
    assert again(replace(FOUND, **changed)).known


@pytest.mark.parametrize(
    "changed",
    [{"evidence": "another"}, {"outcome": Outcome.UNKNOWN}, {"check": "root-grows"}],
    ids=lambda changed: next(iter(changed)),
)
def test_other_evidence_is_a_new_finding(changed: dict[str, object]) -> None:
    assert not again(replace(FOUND, **changed)).known


def test_it_is_known_of_its_own_image_only() -> None:
    assert not again(FOUND, "b.raw").known


def test_without_evidence_the_message_says_what_it_is() -> None:
    bare = replace(FOUND, outcome=Outcome.UNKNOWN, evidence="")
    one, other = (list(known_findings(judged(replace(bare, message=text)), "a")) for text in ("x", "y"))
    assert one != other


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.SKIPPED, Outcome.ERROR])
def test_what_passed_or_crashed_is_never_known(outcome: Outcome) -> None:
    one = judged(replace(FOUND, outcome=outcome))
    assert list(known_findings(one, "a.raw")) == []
    assert marked(one, lambda _entry: True, "a.raw") == one


def test_an_image_is_named_from_the_folder_of_the_file(tmp_path: Path) -> None:
    assert image_name(f"{tmp_path}/images/a.raw", tmp_path / "b.json") == "images/a.raw"
    assert image_name(f"{tmp_path}/a.raw", tmp_path / "ci" / "b.json") == "../a.raw"
    assert image_name("https://h/a.raw", tmp_path / "b.json") == "https://h/a.raw"


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"schema_version": 2, "findings": []}', "machine-id\n", '{"findings": [{"image": 1}]}'],
)
def test_another_file_is_no_baseline(content: str, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="not a baseline"):
        read_baseline(path)


def test_a_file_that_is_not_there_is_named_with_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file") as caught:
        read_baseline(tmp_path / "none.json")
    assert "--write-baseline" in caught.value.hint
