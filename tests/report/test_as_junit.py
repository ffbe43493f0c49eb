from xml.etree import ElementTree as ET

import pytest
from support import stories as made
from support.junit_schema import violations

from imgtool.model.result import ImageResult
from imgtool.model.verdict import Outcome, Severity
from imgtool.report.as_junit import report


def parsed(*stories: ImageResult) -> ET.Element:
    return ET.fromstring(report(stories))  # noqa: S314 - our own


def only_case(story: ImageResult) -> ET.Element:
    (case,) = parsed(story).iter("testcase")
    return case


EVERY = (
    made.good(), made.bad(), made.unknown(), made.warned(), made.hostile(), made.refused(),
    made.nothing_ran(),
)  # fmt: skip


@pytest.mark.parametrize("stories", [(), *((one,) for one in EVERY), EVERY])
def test_the_report_is_valid_by_jenkins_schema(stories) -> None:
    assert violations(report(stories)) == []


@pytest.mark.parametrize(
    "broken",
    [
        "<testcase name='a'/>",
        "<testsuite name='a'/>",
        "<testsuite name='a' tests='1'><testcase name='b'><skipped message='c'/></testcase></testsuite>",
        "<testsuite name='a' tests='1'><testcase name='b'><failure/><error/></testcase></testsuite>",
        "<testsuite name='a' tests='1'><testcase name='b'/><properties/></testsuite>",
        "<testsuite name='a' tests='1'><properties/></testsuite>",
        "<testsuite name='a' tests='1'><testcase name='b'>text</testcase></testsuite>",
        "<testsuite name='a' tests='1'><system-out/><system-out/></testsuite>",
        "<testsuites skipped='1'/>",
    ],
)
def test_the_rules_of_the_schema_find_what_is_wrong(broken: str) -> None:
    assert violations(broken)


STATES = [
    (Outcome.PASS, Severity.ERROR, ["system-out"]),
    (Outcome.FAIL, Severity.ERROR, ["failure"]),
    (Outcome.UNKNOWN, Severity.ERROR, ["error"]),
    (Outcome.ERROR, Severity.ERROR, ["error"]),
    (Outcome.FAIL, Severity.WARNING, ["skipped", "system-out"]),
    (Outcome.UNKNOWN, Severity.WARNING, ["skipped", "system-out"]),
    (Outcome.FAIL, Severity.INFO, ["system-out"]),
]


@pytest.mark.parametrize(("outcome", "severity", "children"), STATES)
def test_only_what_fails_the_image_fails_a_test_case(outcome, severity, children) -> None:
    story = made.of_finding(outcome, severity)
    case = only_case(story)
    assert [child.tag for child in case] == children
    failed = case.find("failure") is not None or case.find("error") is not None
    assert failed is not story.judgement.passed
    details = case[-1].text or ""
    assert details == "the message\nSeen: the evidence\nFix: the remedy"


def test_a_warning_is_told_from_what_was_skipped() -> None:
    warning = only_case(made.of_finding(Outcome.FAIL, Severity.WARNING)).findtext("skipped")
    skipped = parsed(made.nothing_ran()).findtext(".//skipped")
    assert (warning, skipped) == ("warning: the message", "there is no system")


def test_suites_and_their_parent_count_what_is_in_them() -> None:
    root = parsed(made.bad(), made.unknown(), made.warned())
    bad, unknown, warned = root
    findings = [len(list(suite.iter("testcase"))) for suite in root]
    assert [suite.get("tests") for suite in root] == [str(count) for count in findings]
    assert (bad.get("failures"), bad.get("errors"), bad.get("skipped")) == ("1", "0", count_skipped(bad))
    assert (unknown.get("failures"), unknown.get("errors")) == ("0", "1")
    assert (warned.get("failures"), warned.get("errors")) == ("0", "0")
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == (str(sum(findings)), "1", "1")


def count_skipped(suite: ET.Element) -> str:
    return str(len(suite.findall("testcase/skipped")))


def test_what_xml_has_no_character_for_is_seen_as_an_escape() -> None:
    text = "".join(parsed(made.hostile()).itertext())
    assert r"\x1b]0;owned\x07<script>" in text
    assert r"\u202e" in text


def test_an_image_is_told_from_another() -> None:
    root = parsed(made.bad(), made.refused())
    assert [suite.get("name") for suite in root] == ["/images/debian.raw", "unsafe:1.qcow2"]
    assert {case.get("classname") for case in root[1].iter("testcase")} == {"unsafe:1.qcow2"}
    assert root[0].find("properties/property[@name='outcome']").get("value") == "fail"
