"""The built-in profiles: openstack is the checks as they are, strict asks for more, minimal for less."""

import pytest
from support import facts

from imgtool.checks.policy import OPENSTACK
from imgtool.checks.registry import all_checks, judge
from imgtool.model.guest import GuestFacts
from imgtool.model.verdict import Severity
from imgtool.policy.profiles import (
    ABOUT_ANY_DISK,
    PROFILES,
    UNSAFE_OR_UNBOOTABLE,
    profile_policy,
)

WEIGHT = {None: 0, Severity.INFO: 1, Severity.WARNING: 2, Severity.ERROR: 3}
CHECKS = {check.name: check for check in all_checks()}


def severities(profile: str) -> dict[str, Severity | None]:
    policy = profile_policy(profile)
    return {check.name: policy.rule(check).severity for check in all_checks()}


@pytest.mark.parametrize("name", sorted({*UNSAFE_OR_UNBOOTABLE, *ABOUT_ANY_DISK}))
def test_a_check_that_a_profile_names_exists(name: str) -> None:
    assert name in CHECKS


def test_every_exception_has_its_reason() -> None:
    assert all({**UNSAFE_OR_UNBOOTABLE, **ABOUT_ANY_DISK}.values())


def test_openstack_is_the_default_and_the_checks_as_they_are() -> None:
    assert profile_policy("openstack") == OPENSTACK
    assert severities("openstack") == {name: check.severity for name, check in CHECKS.items()}


def test_strict_has_no_warning() -> None:
    for name, severity in severities("strict").items():
        is_note = CHECKS[name].severity is Severity.INFO
        assert severity is (Severity.INFO if is_note else Severity.ERROR)


def test_minimal_runs_what_it_names_and_what_a_policy_may_ask_for() -> None:
    running = {name for name, severity in severities("minimal").items() if severity is not None}
    asked = {check.name for check in all_checks() if check.on_request}
    assert running == set(UNSAFE_OR_UNBOOTABLE) | asked
    assert asked >= {"virtual-size", "forbidden-files", "required-modules", "distribution-allowed"}


def test_each_profile_asks_for_at_least_as_much_as_the_one_below() -> None:
    minimal, openstack, strict = (severities(name) for name in ("minimal", "openstack", "strict"))
    for name in CHECKS:
        assert WEIGHT[minimal[name]] <= WEIGHT[openstack[name]] <= WEIGHT[strict[name]]


def test_what_a_profile_changes_says_so() -> None:
    rule = profile_policy("strict").rule(CHECKS["guest-agent-rpcs"])
    assert rule.origins == {"severity": "profile strict"}
    assert rule.parameters == CHECKS["guest-agent-rpcs"].parameters


@pytest.mark.parametrize("profile", PROFILES)
def test_a_good_image_passes_under_every_profile(profile: str) -> None:
    judgement = judge(facts.inspection(), profile_policy(profile))
    assert judgement.passed
    assert judgement.policy == profile


def test_a_warning_of_openstack_fails_under_strict_and_is_not_looked_at_under_minimal() -> None:
    spoiled = facts.with_initramfs(host_only=True)
    assert judge(spoiled).passed
    assert not judge(spoiled, profile_policy("strict")).passed
    minimal = judge(spoiled, profile_policy("minimal"))
    assert minimal.passed
    assert "initramfs-generic" not in {finding.check for finding in minimal.findings}


def test_data_asks_nothing_of_a_system() -> None:
    running = {name for name, severity in severities("data").items() if severity is not None}
    assert running == set(ABOUT_ANY_DISK) | {check.name for check in all_checks() if check.on_request}
    disk = facts.inspection(guest=GuestFacts("unknown", "no system", partition_table="none", data_only=True))
    assert judge(disk, profile_policy("data")).passed
    assert not judge(disk).passed
