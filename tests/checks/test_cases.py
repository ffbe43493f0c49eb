"""Every check has a passing, a failing and an unknown case: a new check without them turns this red."""

from dataclasses import replace
from typing import Any

import pytest
from support import facts
from support.check_cases import (
    ABOUT_THE_FILE,
    AFTER_BOOT,
    FAILING,
    FAMILY,
    HEALTHY,
    NEVER_FAILS,
    NO_GUEST,
    OF_LINUX_ONLY,
    PASSING,
    READ_FAMILY,
    SKIPPED,
    UNKNOWN,
    Case,
)
from support.facts import known
from support.policies import ASKING

from imgtool.checks.check import Check
from imgtool.checks.registry import all_checks, explanation, judge
from imgtool.model.inspection import Inspection
from imgtool.model.layout import Firmware
from imgtool.model.verdict import Judgement, Outcome, Severity
from imgtool.policy.profiles import profile_policy


def outcome_of(name: str, case: Case) -> Outcome:
    """Of the check, or of the one that tells it where several are unknown for one cause."""
    value = case()
    judgement = value if isinstance(value, Judgement) else judge(value, ASKING)
    found = {finding.check: finding for finding in judgement.findings}
    return found[found[name].because_of or name].outcome


def cases(table: dict[str, list[Case]]) -> list[tuple[str, Case]]:
    return [(name, case) for name, listed in table.items() for case in listed]


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.name)
def test_each_check_has_its_cases_and_its_headings(check: Check) -> None:
    assert check.name in NEVER_FAILS or FAILING[check.name]
    assert check.name in {*ABOUT_THE_FILE, *AFTER_BOOT} or UNKNOWN[check.name]
    assert outcome_of(check.name, HEALTHY.get(check.name, facts.inspection)) is Outcome.PASS
    text = explanation(check)
    headings = [line for line in text.splitlines() if line and not line.startswith(" ")][1:]
    assert headings == ["What it checks", "Why it matters", "How to fix"]


@pytest.mark.parametrize(("name", "case"), cases(FAILING))
def test_fails(name: str, case: Case) -> None:
    assert outcome_of(name, case) is Outcome.FAIL


@pytest.mark.parametrize(("name", "case"), cases(UNKNOWN))
def test_unknown_is_never_a_pass(name: str, case: Case) -> None:
    assert outcome_of(name, case) is Outcome.UNKNOWN


@pytest.mark.parametrize(("name", "case"), cases(PASSING))
def test_passes(name: str, case: Case) -> None:
    assert outcome_of(name, case) is Outcome.PASS


@pytest.mark.parametrize(("name", "case"), cases(SKIPPED))
def test_does_not_apply(name: str, case: Case) -> None:
    assert outcome_of(name, case) is Outcome.SKIPPED


@pytest.mark.parametrize("name", OF_LINUX_ONLY)
def test_a_check_of_linux_does_not_apply_to_windows(name: str) -> None:
    assert outcome_of(name, facts.windows_inspection) is Outcome.SKIPPED


def test_a_healthy_windows_passes() -> None:
    assert judge(facts.windows_inspection()).passed


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("guest-agent-installed", {"installed": known(False)}),
        ("guest-agent-enabled", {"enabled": known(False)}),
        ("guest-agent-channel", {"channel": known(False)}),
        ("guest-agent-rpcs", {"filtered_rpcs": known(("guest-fsfreeze-freeze",))}),
    ],
)
def test_the_agent_of_windows_is_judged_with_its_own_remedies(name: str, changed: dict[str, Any]) -> None:
    found = judge(facts.windows_inspection(agent=facts.agent(**changed))).findings
    finding = next(one for one in found if one.check == name)
    assert finding.outcome is Outcome.FAIL
    assert not any(word in finding.remedy for word in ("systemctl", "virt-customize", "dnf", "BLOCK_RPCS"))


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.name)
def test_a_guest_that_cannot_be_read_passes_no_check_about_it(check: Check) -> None:
    if check.name in {*ABOUT_THE_FILE, *AFTER_BOOT, "system-family", "unchanged"}:
        return
    finding = outcome_of(check.name, lambda: facts.inspection(guest=NO_GUEST))
    assert finding is Outcome.UNKNOWN


@pytest.mark.parametrize(("name", "case"), cases(FAILING))
def test_a_failing_case_names_evidence_and_remedy(name: str, case: Case) -> None:
    value = case()
    judgement = value if isinstance(value, Judgement) else judge(value, ASKING)
    finding = next(one for one in judgement.findings if one.check == name)
    if isinstance(value, Inspection):
        assert finding.evidence
        assert finding.remedy
    assert finding.message


@pytest.mark.parametrize(("name", "case"), cases(FAILING))
def test_an_image_fails_by_its_errors_only(name: str, case: Case) -> None:
    value = case()
    judgement = value if isinstance(value, Judgement) else judge(value, ASKING)
    severity = next(check.severity for check in all_checks() if check.name == name)
    assert judgement.passed is (severity is not Severity.ERROR)


def test_a_guest_that_cannot_be_read_is_told_once() -> None:
    """Reports.md: 22 times "no system was found"."""
    found = judge(facts.inspection(guest=NO_GUEST))
    unknown = [one for one in found.findings if one.outcome is Outcome.UNKNOWN]
    assert [one.check for one in unknown] == ["system-found"]
    assert "the disk is encrypted (LUKS)" in unknown[0].message
    assert "imgtool boot IMAGE" in unknown[0].remedy
    assert not found.passed
    pointing = [one for one in found.findings if one.because_of == "system-found"]
    assert len(pointing) > 15
    assert {one.outcome for one in pointing} == {Outcome.SKIPPED}


def test_a_disk_with_data_alone_is_told_of_its_policy() -> None:
    nothing_starts = known(Firmware(bios=False, uefi=False))
    guest = replace(NO_GUEST, data_only=True, firmware=nothing_starts, partition_table="none")
    judgement = judge(facts.inspection(guest=guest))
    (told,) = (one for one in judgement.findings if one.fails_image)
    assert told.check == "system-found"
    assert "--policy data" in told.remedy
    assert judge(facts.inspection(guest=guest), profile_policy("data")).passed


def test_a_family_that_is_only_recognised_is_one_line_and_no_failure() -> None:
    guest = facts.guest(family=FAMILY, status="unknown", reason="Talos Linux (META): not read")
    found = judge(facts.inspection(guest=replace(guest, linux=None)))
    assert found.passed
    assert not judge(facts.inspection(guest=replace(guest, linux=None)), ASKING).passed
    doubts = [one for one in found.findings if one.outcome not in {Outcome.PASS, Outcome.SKIPPED}]
    assert [(one.check, one.severity) for one in doubts] == [("system-family", Severity.WARNING)]
    assert "this is Talos Linux" in doubts[0].message


@pytest.mark.parametrize("installed", [True, False])
def test_a_family_without_agent_by_design(installed: bool) -> None:
    guest = facts.guest(
        facts.linux(agent=facts.agent(installed=known(installed), enabled=known(installed))),
        family=replace(READ_FAMILY, has_agent=False),
    )
    found = {one.check: one.outcome for one in judge(facts.inspection(guest=guest)).findings}
    expected = Outcome.PASS if installed else Outcome.SKIPPED
    assert {found["guest-agent-installed"], found["guest-agent-enabled"]} == {expected}


@pytest.mark.parametrize("name", ["mounts", "selinux", "network"])
def test_what_only_waits_is_a_warning(name: str) -> None:
    checks = {"mounts": "local-mounts", "selinux": "selinux-labels", "network": "network-default"}
    judgement = judge(facts.with_user_space(**{name: known((facts.trouble("waits"),))}))
    finding = next(one for one in judgement.findings if one.check == checks[name])
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.WARNING)
    assert judgement.passed
