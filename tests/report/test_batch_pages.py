"""A batch as one HTML page, and as JUnit."""

import re
from xml.etree import ElementTree as ET

from support.batch_standing import HOSTILE_NAME, STORIES, standing
from support.junit_schema import violations

from imgtool.checks.registry import all_checks
from imgtool.report.as_text.batch import word
from imgtool.report.registry import BATCH_REPORTS


def page(copies: int = 1) -> str:
    return BATCH_REPORTS["html"](*standing(copies))


def suites() -> dict[str, ET.Element]:
    root = ET.fromstring(BATCH_REPORTS["junit"](*standing()))  # noqa: S314 - our own
    return {str(one.get("name")): one for one in root.iter("testsuite")}


def test_the_page_has_a_row_for_each_image_and_a_column_for_each_check() -> None:
    text = page()
    rows = re.findall(r'<tr data-state="([a-z -]+)"', text)
    assert rows == [word(state) for _, state, _ in STORIES.values()]
    shown = set(re.findall(r'class="check"><span>([a-z-]+)</span>', text))
    assert shown
    assert shown <= {check.name for check in all_checks()}


def test_nothing_of_an_image_is_markup_or_script() -> None:
    text = page()
    assert "<script>alert" not in text
    assert "<b>images</b>" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_only_its_own_script_and_styles_may_run_and_nothing_is_loaded() -> None:
    text = page()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert policy[1].startswith("default-src 'none'") or "default-src &#39;none&#39;" in policy[1]
    assert "unsafe-inline" not in policy[1]
    assert not re.search(r'(src|href)="(https?:)?//', text)


def test_a_thousand_images_are_a_few_mebibytes() -> None:
    text = page(1000 // len(STORIES) + 1)
    assert text.count("<tr data-state=") >= 1000
    assert len(text) < 8 << 20


def test_each_image_is_a_suite_that_jenkins_reads() -> None:
    assert violations(BATCH_REPORTS["junit"](*standing())) == []
    assert len(suites()) == len(STORIES)


def test_its_last_case_says_what_became_of_it() -> None:
    ends = {name: one.find("testcase[@name='batch']") for name, one in suites().items()}
    assert all(end is not None for end in ends.values())
    kinds = {name.rpartition("-")[0]: [child.tag for child in end or []] for name, end in ends.items()}
    assert kinds["good"] == ["system-out"]
    assert kinds["bad"] == ["failure"]
    assert kinds["unknown"] == ["error"]
    assert kinds["waiting"] == ["error"]


def test_a_hostile_name_is_escaped_in_junit() -> None:
    text = BATCH_REPORTS["junit"](*standing())
    assert HOSTILE_NAME not in text
    assert "\x1b" not in text
    assert any("u202e" in name for name in suites())
