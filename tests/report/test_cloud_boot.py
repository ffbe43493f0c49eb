"""What a server in a cloud showed, in text and in JSON."""

import html
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from support.cloud_boots import GOOD, STOPPED, UNTRIED, told
from support.stories import HOSTILE

from imgtool.report.as_json import cloud_boot as in_json
from imgtool.report.as_json import to_text
from imgtool.report.as_text import cloud_boot as in_text
from imgtool.report.registry import BILLS, REPORTS


def test_a_good_one_says_what_was_seen_and_ends_with_its_verdict() -> None:
    lines = in_text.document(GOOD).splitlines()
    assert lines[0] == "server in prod"
    assert lines[-1] == "PASS  golden comes up in prod"
    text = "\n".join(lines)
    for seen in (
        "ACTIVE after 12 s; deleted",
        "kernel 21 s, user-space 56 s",
        "finished, DataSource",
        "answered",
    ):
        assert seen in text


def test_one_that_stopped_says_where_and_what_to_do() -> None:
    text = in_text.document(STOPPED)
    assert "    (initramfs)" in text
    verdict = "FAIL  no root file system\n      add virtio\n      the image stays in prod; to delete it: "
    assert text.endswith(f"{verdict}{GOOD.delete_command}")


def test_json_has_the_promised_keys_and_why_something_is_unknown() -> None:
    found = json.loads(to_text(in_json.document(STOPPED)))
    assert set(found) == {
        "schema_version", "cloud", "image_id", "name", "passed", "problem", "server_id", "flavor", "status",
        "hypervisor", "seconds", "active_seconds", "stages", "login", "cloud_init", "agent_answered",
        "root_grown", "snapshot", "diagnosis", "delete_command", "log", "unknown",
    }  # fmt: skip
    assert (found["passed"], found["agent_answered"]) == (False, None)
    assert found["unknown"] == {
        "agent_answered": "it was not asked",
        "snapshot": "it came to none",
        "root_grown": "cloud-init did not tell",
    }
    assert found["diagnosis"]["stage"] == "initramfs"


def test_what_a_cloud_says_cannot_play_tricks() -> None:
    hostile = replace(STOPPED, status=HOSTILE, problem=HOSTILE, image_name=HOSTILE, log=(HOSTILE,))
    assert "\x1b" not in in_text.document(hostile) + to_text(in_json.document(hostile))


FORMS = [name for name in REPORTS if name not in BILLS]
OTHER = replace(GOOD, cloud="test")


@pytest.mark.parametrize("form", FORMS)
def test_each_report_fails_for_a_server_that_did_not_come_up(form: str) -> None:
    """With the cloud, the stage, what to do, and what stays; the other cloud's server came up."""
    text = REPORTS[form]([told(OTHER, STOPPED)])
    shown = html.unescape(text)
    for words in ("boots-in-cloud", "it does not come up in prod", "no root file system", "add virtio"):
        assert words in shown
    assert GOOD.delete_command in shown
    assert OTHER.delete_command.replace("prod", "test") not in shown
    assert verdicts(form, text) == {
        "text": "FAIL", "json": "fail", "junit": ("1", "0"), "sarif": "error", "github": "error",
        "gitlab": "critical", "markdown": "FAIL", "html": "FAIL",
    }[form]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_each_report_passes_where_all_servers_came_up(form: str) -> None:
    text = REPORTS[form]([told(GOOD, OTHER)])
    assert verdicts(form, text) == {
        "text": "PASS", "json": "pass", "junit": ("0", "0"), "sarif": None, "github": "notice",
        "gitlab": None, "markdown": "PASS", "html": "PASS",
    }[form]  # fmt: skip
    if form not in {"sarif", "github", "gitlab"}:  # they tell what needs attention
        assert "it comes up in prod, test" in html.unescape(text)


@pytest.mark.parametrize("form", FORMS)
def test_each_report_says_of_a_server_that_could_not_be_tried_that_nothing_is_known(form: str) -> None:
    text = REPORTS[form]([told(UNTRIED)])
    assert "HTTP 503" in text
    assert verdicts(form, text) in {"FAIL", "unknown", ("0", "1"), "error", "critical"}


def verdicts(form: str, text: str) -> object:
    """What the report says of the image, or of the finding, by its own words."""
    if form in {"text", "markdown", "html"}:
        (found,) = {word for word in ("PASS", "FAIL") if re.search(VERDICTS[form].format(word), text)}
        return found
    if form == "junit":
        suite = ElementTree.fromstring(text)[0]  # noqa: S314 - our own
        return suite.get("failures"), suite.get("errors")
    if form == "github":
        (line,) = [one for one in text.splitlines() if "title=imgtool::" in one]
        return line.removeprefix("::").partition(" ")[0]
    document = json.loads(text)
    if form == "gitlab":
        return next((one["severity"] for one in document if one["check_name"] == "boots-in-cloud"), None)
    if form == "sarif":
        results = document["runs"][0]["results"]
        return next((one["level"] for one in results if one["ruleId"] == "boots-in-cloud"), None)
    findings = document["results"][0]["findings"]
    return next(one["outcome"] for one in findings if one["check"] == "boots-in-cloud")


VERDICTS = {"text": "(?m)^{}  debian.raw: ", "markdown": "^### {}: ", "html": "<title>{}: "}
