"""What every form of report owes its reader: each finding's words, and no harm from hostile text."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from support import facts

from imgtool.checks import registry
from imgtool.errors import UnsafeImageError
from imgtool.model import Inspection, Story, Unknown
from imgtool.report.registry import REPORTS

HOSTILE = "\x1b]0;owned\x07<script>alert(1)</script>\u202e & 'quote' \"double\""


def told(inspection: Inspection) -> Story:
    return Story(registry.judge(inspection), inspection)


def stories() -> Sequence[Story]:
    keys = facts.known(("/etc/ssh/ssh_host_rsa_key",))
    return (
        told(facts.inspection()),
        told(facts.inspection(facts.linux(ssh_host_keys=keys))),
        told(facts.inspection(facts.linux(machine_id=Unknown(HOSTILE)))),
        told(facts.inspection(image=facts.image(path=Path("/odd\udcff\nname.raw")))),
        Story(registry.refused("/images/unsafe.qcow2", UnsafeImageError("has a backing file"))),
    )


@pytest.mark.parametrize("name", REPORTS)
def test_names_every_check_and_image(name: str) -> None:
    text = REPORTS[name](stories())
    assert all(finding.check in text for one in stories() for finding in one.judgement.findings)
    assert "/images/debian.raw" in text
    assert "/etc/ssh/ssh_host_rsa_key" in text
    assert "rm /etc/ssh/ssh_host_*_key*" in text


@pytest.mark.parametrize("name", REPORTS)
def test_carries_no_terminal_escape_and_is_valid_utf8(name: str) -> None:
    text = REPORTS[name](stories())
    text.encode("utf-8")  # no lone surrogate is left
    assert not set("\x1b\x07\u202e") & set(text)
    assert text.endswith("\n")


@pytest.mark.parametrize("name", REPORTS)
def test_is_the_same_for_the_same_findings(name: str) -> None:
    assert REPORTS[name](stories()) == REPORTS[name](stories())
