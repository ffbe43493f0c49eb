"""The checks of a boot: skipped unless one was run, unknown where a policy requires one that was not."""

import pytest
from support import facts
from support.boots import booted, stopped

from imgtool.checks.booted import Booted
from imgtool.checks.policy import Policy, Rule
from imgtool.checks.registry import all_checks, allows_boot, judge
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Finding, Outcome, Severity

AFTER_BOOT = [check.name for check in all_checks() if check.after_boot and check.name != "boots-in-cloud"]


def requiring(*names: str) -> Policy:
    return Policy(
        "requiring", {name: Rule(Severity.ERROR, parameters=Booted(required=True)) for name in names}
    )


def finding(inspection: Inspection, name: str, policy: Policy | None = None) -> Finding:
    found = judge(inspection, policy or Policy("plain")).findings
    return next(one for one in found if one.check == name)


def test_they_are_those_that_a_boot_is_for() -> None:
    assert set(AFTER_BOOT) == {
        "boots-on-virtio-blk", "boots-on-virtio-scsi", "agent-answers", "cloud-init-runs", "boot-agrees",
    }  # fmt: skip


@pytest.mark.parametrize("name", AFTER_BOOT)
def test_what_a_policy_requires_and_nobody_ran_is_unknown_and_fails(name: str) -> None:
    found = finding(facts.inspection(), name, requiring(name))
    assert found.outcome is Outcome.UNKNOWN
    assert found.fails_image
    assert "--boot" in found.remedy
    assert not judge(facts.inspection(), requiring(name)).passed


@pytest.mark.parametrize("name", AFTER_BOOT)
def test_what_a_policy_requires_and_was_run_passes(name: str) -> None:
    assert finding(booted(), name, requiring(name)).outcome is Outcome.PASS


@pytest.mark.parametrize("name", AFTER_BOOT)
def test_without_a_boot_nothing_is_said_of_it_but_how_to_ask(name: str) -> None:
    found = finding(facts.inspection(), name)
    assert found.outcome is Outcome.SKIPPED
    assert "--boot" in found.message


def test_a_boot_on_one_bus_says_nothing_of_the_other() -> None:
    one = booted(stopped())
    assert finding(one, "boots-on-virtio-scsi").outcome is Outcome.SKIPPED
    required = finding(one, "boots-on-virtio-scsi", requiring("boots-on-virtio-scsi"))
    assert required.outcome is Outcome.UNKNOWN
    assert "--bus virtio-scsi" in required.remedy


def test_a_finding_names_the_stage_the_cause_the_lines_and_the_remedy() -> None:
    found = finding(booted(stopped()), "boots-on-virtio-blk")
    assert "(UUID=0000-1111) is not on it (at the stage initramfs)" in found.message
    assert "virtio-blk, uefi, tcg" in found.evidence
    assert "ALERT!  UUID=0000-1111 does not exist." in found.evidence
    assert "update-grub" in found.remedy


def test_a_system_that_is_up_comes_up_though_its_agent_is_silent() -> None:
    silent = booted(stopped("agent"))
    assert finding(silent, "boots-on-virtio-blk").outcome is Outcome.PASS
    assert finding(silent, "agent-answers").outcome is Outcome.FAIL


def test_what_fails_stands_in_the_way_of_a_boot_but_for_what_only_a_boot_shows() -> None:
    assert allows_boot(judge(facts.inspection()))
    assert allows_boot(judge(facts.inspection(), requiring(*AFTER_BOOT)))
    assert allows_boot(judge(facts.with_initramfs(host_only=True)))
    assert not allows_boot(judge(facts.with_kernel(initramfs=facts.known(None))))
