from dataclasses import replace

import pytest
from support import facts

from imgtool.checks.rules.unchanged import CHECK, Unchanged, held
from imgtool.model.difference import Change, Difference, KindDifference
from imgtool.model.verdict import Outcome

USERS = KindDifference(
    "users", (Change("eve", "added", None, "uid 0"), Change("bob", "removed", "uid 5", None))
)
AGENT = KindDifference("agent", (Change("enabled", "changed", "yes", "no"),))
SUDOERS = KindDifference("sudoers")
SSHD = KindDifference("sshd", unknown="a.raw: bad block")


def judge(*kinds: str, compared: tuple[KindDifference, ...] = (USERS, AGENT, SUDOERS, SSHD)):
    inspection = replace(facts.inspection(), difference=Difference("old.raw", "new.raw", compared))
    return CHECK.examine(inspection, Unchanged(kinds))


def test_a_kind_alone_stands_for_any_change_of_it() -> None:
    verdict = judge("users", "agent")
    assert verdict.outcome is Outcome.FAIL
    assert verdict.message == "3 changes that the policy does not allow"
    assert verdict.evidence == (
        "users: eve was added (uid 0); users: bob was removed (uid 5); agent: enabled changed from yes to no"
    )


def test_behind_a_colon_stands_the_only_change_that_counts() -> None:
    assert judge("users:added").message == "1 change that the policy does not allow"
    assert judge("agent:added").outcome is Outcome.PASS


def test_what_is_the_same_passes() -> None:
    assert judge("sudoers").message == "nothing differs from old.raw of sudoers"


def test_what_could_not_be_compared_is_unknown() -> None:
    assert judge("sudoers", "sshd").outcome is Outcome.UNKNOWN
    absent = KindDifference("groups", absent="a bill does not tell it")
    assert "a bill does not tell it" in judge("groups", compared=(absent,)).message
    assert "files: it was not compared" in judge("files").message


def test_without_an_image_before_it_is_skipped() -> None:
    assert CHECK.examine(facts.inspection(), Unchanged(("users",))).outcome is Outcome.SKIPPED


@pytest.mark.parametrize("text", ["user", "users:gone", "users:", ""])
def test_what_a_policy_may_not_say(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no kind|behind the colon"):
        held(text)
