import json
from typing import Any

import pytest
from jsonschema import Draft7Validator
from support import batch_standing
from support import stories as made

from imgtool.model.result import ImageResult
from imgtool.model.verdict import Outcome, Severity
from imgtool.report.as_gitlab import batch_report, report

SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}
"""What GitLab's documentation says of each key."""

EVERY = (
    made.good(), made.bad(), made.unknown(), made.warned(), made.hostile(), made.refused(),
    made.nothing_ran(),
)  # fmt: skip


def entries(*stories: ImageResult) -> list[dict[str, Any]]:
    return json.loads(report(stories))


@pytest.mark.parametrize("stories", [(), *((one,) for one in EVERY), EVERY])
def test_it_is_what_gitlab_reads(stories) -> None:
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(entries(*stories))] == []


def test_a_batch_is_what_gitlab_reads_too() -> None:
    found = json.loads(batch_report(*batch_standing.standing()))
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(found)] == []
    assert {"batch", "ssh-host-keys"} <= {one["check_name"] for one in found}


@pytest.mark.parametrize(
    ("outcome", "severity", "expected"),
    [
        (Outcome.FAIL, Severity.ERROR, "critical"),
        (Outcome.UNKNOWN, Severity.ERROR, "critical"),
        (Outcome.FAIL, Severity.WARNING, "minor"),
        (Outcome.FAIL, Severity.INFO, "info"),
    ],
)
def test_each_finding_has_the_severity_of_its_weight(outcome, severity, expected) -> None:
    (entry,) = entries(made.of_finding(outcome, severity))
    assert (entry["check_name"], entry["severity"]) == ("machine-id", expected)
    assert entry["description"] == "the message\nSeen: the evidence\nFix: the remedy"
    assert entry["location"] == {"path": "/images/debian.raw", "lines": {"begin": 1}}


def test_what_passes_is_no_degradation() -> None:
    assert entries(made.good()) == []


def test_fingerprints_are_unique_and_the_same_in_each_run() -> None:
    found = [entry["fingerprint"] for entry in entries(*EVERY, *EVERY)]
    assert len(found) == len(set(found))
    assert found == [entry["fingerprint"] for entry in entries(*EVERY)]
