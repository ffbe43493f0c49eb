"""What does not apply to a family is skipped with its reason; what was added to such a system is judged."""

from dataclasses import replace

import pytest
from support import facts
from support.facts import known

from imgtool.checks.exemptions import OF_AGENT, OF_CLOUD_INIT, OTHERS
from imgtool.checks.registry import all_checks, judge
from imgtool.model.guest import Family
from imgtool.model.inspection import Inspection
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Outcome

COREOS = Family("coreos", "Fedora CoreOS", "/ostree", "judged", first_boot="Ignition", has_agent=False)


def of(family: Family, linux: LinuxFacts) -> Inspection:
    return facts.inspection(guest=facts.guest(linux, family=family))


def bare(*, agent: bool = False, cloud_init: bool = False) -> LinuxFacts:
    return facts.linux(
        agent=facts.agent(installed=known(agent), enabled=known(False)),
        cloud_init=facts.cloud_init(installed=known(cloud_init), enabled=known(False)),
    )


def outcomes(inspection: Inspection) -> dict[str, Outcome]:
    return {one.check: one.outcome for one in judge(inspection).findings}


def test_the_names_are_those_of_checks() -> None:
    names = {check.name for check in all_checks()}
    assert {*OF_CLOUD_INIT, *OF_AGENT} <= names
    assert {name for one in OTHERS.values() for name in one} <= names


def test_a_family_with_a_first_boot_of_its_own_and_without_agent() -> None:
    judgement = judge(of(COREOS, bare()))
    assert judgement.passed
    found = {one.check: one for one in judgement.findings}
    assert found["cloud-init-installed"].outcome is Outcome.SKIPPED
    assert "Ignition" in found["cloud-init-installed"].message
    assert "by design" in found["guest-agent-installed"].message


def test_what_was_added_is_judged() -> None:
    found = outcomes(of(COREOS, bare(agent=True, cloud_init=True)))
    assert (found["guest-agent-enabled"], found["cloud-init-enabled"]) == (Outcome.FAIL, Outcome.FAIL)


@pytest.mark.parametrize("family", [replace(COREOS, first_boot=None, has_agent=True)])
def test_a_family_that_does_as_others_do_is_judged_as_others_are(family: Family) -> None:
    found = outcomes(of(family, bare()))
    assert (found["guest-agent-installed"], found["cloud-init-installed"]) == (Outcome.FAIL, Outcome.FAIL)


PAIRS = [(family, check) for family in OTHERS for check in OTHERS[family]]
SPOILED = {
    "secrets": facts.linux(secrets=known(("/etc/shadow: password hash of cirros",))),
    "initramfs-generic": facts.with_initramfs(host_only=None).guest.linux,
    "virtio-initramfs": facts.with_kernel(initramfs=known(None)).guest.linux,
}


@pytest.mark.parametrize(("family", "check"), PAIRS)
def test_others(family: str, check: str) -> None:
    spoiled, named = SPOILED[check], Family(family, family, "x", "judged")
    assert spoiled is not None
    assert outcomes(of(named, spoiled))[check] is Outcome.SKIPPED
    assert outcomes(of(replace(named, name="other"), spoiled))[check] in {Outcome.FAIL, Outcome.UNKNOWN}
