"""`--select` and `--ignore` over a policy."""

import pytest
from support import facts

from imgtool.checks import registry
from imgtool.checks.policy import OPENSTACK
from imgtool.errors import UsageError
from imgtool.model.choice import CheckChoice
from imgtool.model.facts import Unknown
from imgtool.model.verdict import Finding, Outcome
from imgtool.policy.choice import with_choice
from imgtool.policy.profiles import profile_policy

BROKEN = facts.inspection(facts.linux(machine_id=Unknown("the inode table is damaged")))


def findings(choice: CheckChoice, profile: str = "openstack") -> dict[str, Finding]:
    judged = registry.judge(BROKEN, with_choice(profile_policy(profile), choice))
    return {one.check: one for one in judged.findings}


def test_nothing_chosen_is_the_policy_itself() -> None:
    assert with_choice(OPENSTACK, CheckChoice()) is OPENSTACK


def test_what_is_selected_runs_and_nothing_else() -> None:
    assert list(findings(CheckChoice(("machine-id", "ssh-host-keys")))) == ["machine-id", "ssh-host-keys"]


def test_what_is_ignored_is_reported_as_off() -> None:
    found = findings(CheckChoice(ignored=("machine-id",)))
    assert found["machine-id"].outcome is Outcome.SKIPPED
    assert "--ignore" in found["machine-id"].message
    assert "--ignore" not in found["ssh-host-keys"].message
    assert set(found) == set(findings(CheckChoice()))


def test_what_the_policy_has_off_runs_where_it_is_selected() -> None:
    assert "machine-id" not in findings(CheckChoice(), "minimal")
    assert findings(CheckChoice(("machine-id",)), "minimal")["machine-id"].outcome is Outcome.UNKNOWN


def test_what_the_policy_has_off_is_not_reported_as_ignored() -> None:
    assert "machine-id" not in findings(CheckChoice(ignored=("machine-id",)), "minimal")


def test_ignored_weighs_more_than_selected() -> None:
    found = findings(CheckChoice(("machine-id", "ssh-host-keys"), ("machine-id",)))
    assert found["machine-id"].outcome is Outcome.SKIPPED
    assert found["ssh-host-keys"].outcome is Outcome.PASS


def test_the_name_says_it() -> None:
    judged = registry.judge(BROKEN, with_choice(OPENSTACK, CheckChoice(ignored=("machine-id",))))
    assert judged.policy == "openstack --ignore machine-id"
    assert judged.passed


@pytest.mark.parametrize(
    ("choice", "hint"),
    [
        (CheckChoice(("machine-id",), ("machine-id",)), "--ignore"),
        (CheckChoice(("virtual-size",)), "virtual-size judges only what a policy file sets"),
        (CheckChoice(ignored=tuple(check.name for check in registry.all_checks())), "--ignore"),
    ],
)
def test_no_check_at_all_is_an_error(choice: CheckChoice, hint: str) -> None:
    with pytest.raises(UsageError, match="no check runs") as caught:
        with_choice(OPENSTACK, choice)
    assert hint in caught.value.hint


def test_that_a_system_is_only_recognised_is_no_pass_where_its_check_is_ignored() -> None:
    """Unknown checks point at `system-family` only where that one tells the cause."""
    found = findings(CheckChoice(ignored=("system-family",)))
    assert found["machine-id"].outcome is Outcome.UNKNOWN
