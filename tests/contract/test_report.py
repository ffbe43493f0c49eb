"""What every form of report owes its reader: each finding's words, and no harm from hostile text."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from support import stories as made

from imgtool.model.result import ImageResult
from imgtool.report.findings import needs_attention
from imgtool.report.registry import BILLS, REPORTS

ONLY_WHAT_NEEDS_ATTENTION = {"github", "gitlab"}
"""Annotations, and GitLab's degradations: what passed is not named there."""

FORBIDDEN = "\x1b\x07\u202e"


def stories() -> Sequence[ImageResult]:
    return (
        made.good(),
        made.bad(),
        made.unknown(),
        made.warned(),
        made.hostile(),
        made.refused(),
    )


OF_FINDINGS = [name for name in REPORTS if name not in BILLS]
"""A bill of materials tells none: tests/report/test_bills.py."""


@pytest.fixture(scope="module", params=OF_FINDINGS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", autouse=True)
def moment() -> Iterator[None]:
    """One and the same for all: a page says when it was made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1764547200")
        yield


@pytest.fixture(scope="module")
def text(name: str, moment: None) -> str:
    return REPORTS[name](stories())


def test_names_every_image_and_what_was_found(name: str, text: str) -> None:
    findings = [finding for one in stories() for finding in one.judgement.findings]
    named = filter(needs_attention, findings) if name in ONLY_WHAT_NEEDS_ATTENTION else findings
    assert [finding.check for finding in named if finding.check not in text] == []
    assert "/images/debian.raw" in text
    assert "unsafe" in text


def test_says_what_was_seen_and_what_to_do(text: str) -> None:
    assert "/etc/ssh/ssh_host_rsa_key" in text
    assert "rm /etc/ssh/ssh_host_*_key*" in text
    assert "has a backing file" in text
    assert "the inode table is damaged" in text


def test_carries_no_terminal_escape_and_is_valid_utf8(text: str) -> None:
    text.encode("utf-8")  # no lone surrogate is left
    assert not set(FORBIDDEN) & set(text)
    assert text.endswith("\n")


def test_is_the_same_for_the_same_findings(name: str, text: str) -> None:
    assert REPORTS[name](stories()) == text


def test_names_the_policy(name: str) -> None:
    if name in {"text", "github", "gitlab"}:  # for whoever gave it on the command line just now
        return
    judgement = replace(made.good().judgement, policy="golden-rules")
    assert "golden-rules" in REPORTS[name]([ImageResult(judgement)])


def test_a_failure_without_a_finding_is_no_silence(name: str) -> None:
    if name != "json":  # its `outcome` says so, and its findings are the checks' own
        assert "no check ran" in REPORTS[name]([made.nothing_ran()])


def test_a_report_about_nothing_says_nothing_good(name: str) -> None:
    text = REPORTS[name]([])
    assert "PASS" not in text
    assert '"pass"' not in text


def test_what_only_a_report_needs_is_loaded_with_it() -> None:
    program = (
        "import sys, imgtool.cli.commands.check, imgtool.report.registry;"
        "print({'jinja2', 'xml.etree.ElementTree', 'imgtool.disk.usage'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
