"""What every form of report owes its reader: each finding's words, and no harm from hostile text."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from support import facts

from imgtool.checks import registry
from imgtool.model import Judgement, Unknown
from imgtool.report import REPORTS

HOSTILE = "\x1b]0;owned\x07<script>alert(1)</script>\u202e & 'quote' \"double\""


def judgements() -> Sequence[Judgement]:
    good = registry.judge(facts.inspection())
    bad = registry.judge(
        facts.inspection(facts.linux(ssh_host_keys=facts.known(("/etc/ssh/ssh_host_rsa_key",))))
    )
    hostile = registry.judge(facts.inspection(facts.linux(machine_id=Unknown(HOSTILE))))
    odd_name = registry.judge(facts.inspection(image=facts.image(path=Path("/odd\udcff\nname.raw"))))
    return good, bad, hostile, odd_name


@pytest.mark.parametrize("name", REPORTS)
def test_names_every_check_and_image(name: str) -> None:
    text = REPORTS[name](judgements())
    assert all(finding.check in text for one in judgements() for finding in one.findings)
    assert "/images/debian.raw" in text
    assert "/etc/ssh/ssh_host_rsa_key" in text
    assert "rm /etc/ssh/ssh_host_*_key*" in text


@pytest.mark.parametrize("name", REPORTS)
def test_carries_no_terminal_escape_and_is_valid_utf8(name: str) -> None:
    text = REPORTS[name](judgements())
    text.encode("utf-8")  # no lone surrogate is left
    assert not set("\x1b\x07\u202e") & set(text)
    assert text.endswith("\n")


@pytest.mark.parametrize("name", REPORTS)
def test_is_the_same_for_the_same_findings(name: str) -> None:
    assert REPORTS[name](judgements()) == REPORTS[name](judgements())
