"""What the checks make of a policy: what it sets is what they get, and what it turns off does not run."""

import shlex
from dataclasses import replace

import pytest
from support import facts
from support.facts import UNREADABLE, known
from support.pasted import commands_in
from support.policies import ASKING

from imgtool.checks import registry
from imgtool.checks.check import Check, Parameters, passed, unknown
from imgtool.checks.policy import OPENSTACK, Policy, Rule, own_rule
from imgtool.checks.registry import all_checks, guest_query, judge, refused
from imgtool.checks.rules.distribution_allowed import AllowedDistributions
from imgtool.checks.rules.virtual_size import Size, size
from imgtool.errors import UnsafeImageError
from imgtool.model.facts import GuestQuery, Known
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Finding, Outcome, Severity
from imgtool.model.windows import WindowsFacts


def finding(name: str, inspection: Inspection, policy: Policy = ASKING) -> Finding:
    return next(one for one in judge(inspection, policy).findings if one.check == name)


def test_without_a_policy_every_check_is_as_it_is_by_itself() -> None:
    assert all(OPENSTACK.rule(check) == own_rule(check) for check in all_checks())
    assert [one.check for one in judge(facts.inspection()).findings] == [check.name for check in all_checks()]


@pytest.mark.parametrize("check", [one for one in all_checks() if one.on_request], ids=lambda one: one.name)
def test_a_check_that_nobody_asked_for_is_skipped(check: Check) -> None:
    found = finding(check.name, facts.inspection(), OPENSTACK)
    assert found.outcome is Outcome.SKIPPED
    assert not found.fails_image


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.name)
def test_what_judges_only_what_is_asked_for_has_something_to_ask_for(check: Check) -> None:
    assert isinstance(check.parameters, Parameters | None)
    assert check.parameters is not None or not check.on_request


def test_a_check_that_is_off_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = (Check("a", Severity.ERROR, lambda _: 1 / 0), Check("b", Severity.ERROR, lambda _: passed("")))
    monkeypatch.setattr(registry, "all_checks", lambda: checks)
    judgement = judge(facts.inspection(), Policy("p", {"a": Rule(None)}))
    assert [one.check for one in judgement.findings] == ["b"]
    assert judgement.passed


def test_a_policy_under_which_nothing_ran_lets_no_image_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "all_checks", lambda: (Check("a", Severity.ERROR, lambda _: passed("")),))
    assert not judge(facts.inspection(), Policy("p", {"a": Rule(None)})).passed


def test_unknown_weighs_what_the_policy_says_and_a_crash_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = (
        Check("a", Severity.ERROR, lambda _: unknown("no idea")),
        Check("b", Severity.ERROR, lambda _: 1 / 0),
    )
    monkeypatch.setattr(registry, "all_checks", lambda: checks)
    lenient = Policy("p", {name: Rule(Severity.ERROR, unknown=Severity.INFO) for name in "ab"})
    first, second = judge(facts.inspection(), lenient).findings
    assert (first.outcome, first.severity) == (Outcome.UNKNOWN, Severity.INFO)
    assert (second.outcome, second.severity) == (Outcome.ERROR, Severity.ERROR)


def test_the_policy_s_name_stands_in_the_judgement() -> None:
    assert judge(facts.inspection()).policy == "openstack"
    assert judge(facts.inspection(), ASKING).policy == "asking"
    assert refused("a.raw", UnsafeImageError("no"), ASKING).policy == "asking"


def test_what_the_guest_is_searched_for_is_what_the_running_checks_want() -> None:
    assert guest_query() == GuestQuery()
    assert guest_query(ASKING) == GuestQuery(("virtio_rng", "virtio_balloon"), ("/root/.netrc",))
    off = replace(ASKING.rules["forbidden-files"], severity=None)
    assert guest_query(Policy("p", {**ASKING.rules, "forbidden-files": off})).files == ()


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("20G", 20 << 30),
        ("20 GiB", 20 << 30),
        ("512m", 512 << 20),
        ("1T", 1 << 40),
        ("4096", 4096),
        ("8B", 8),
    ],
)
def test_sizes(text: str, size_bytes: int) -> None:
    assert size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5G", "20 GX", "G", "twenty", "٣", "1" * 30])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="invalid size"):
        size(text)


def test_a_size_prints_as_people_write_it() -> None:
    assert str(Size(20 << 30)) == "20.0 GiB (21474836480 bytes)"


def windows_guest() -> Inspection:
    windows = WindowsFacts(
        product=known("Windows Server 2022"), version=known("10.0.20348"), architecture=known("x86_64"),
        drivers=known(()), agent=facts.agent(), cloud_init=known(True), hibernated=known(False),
    )  # fmt: skip
    return facts.inspection(guest=GuestFacts(status="known", reason="", windows=windows))


def test_windows_can_be_allowed_and_not() -> None:
    name = "distribution-allowed"
    assert finding(name, windows_guest()).outcome is Outcome.PASS
    for allowed, outcome in (("debian", Outcome.FAIL), ("windows 10.0", Outcome.PASS)):
        rule = Rule(Severity.ERROR, parameters=AllowedDistributions((allowed,)))
        assert finding(name, windows_guest(), Policy("p", {name: rule})).outcome is outcome


def test_windows_is_searched_for_forbidden_files_too() -> None:
    for there, outcome in (((), Outcome.PASS), (("/Users/a/.ssh/id_rsa",), Outcome.FAIL)):
        guest = facts.windows_inspection(found_files=Known(there, "looked for it"))
        assert finding("forbidden-files", guest).outcome is outcome


def test_a_guest_that_is_not_searched_is_not_free_of_forbidden_files() -> None:
    found = finding("forbidden-files", facts.windows_inspection(found_files=UNREADABLE))
    assert (found.outcome, found.fails_image) == (Outcome.UNKNOWN, True)


def test_a_module_that_nobody_looked_for_is_unknown_and_one_that_is_surely_missing_fails() -> None:
    seen = {"virtio_balloon": "missing"}
    found = finding("required-modules", facts.with_kernel(modules=seen))
    assert (found.outcome, "virtio_balloon" in found.message) == (Outcome.FAIL, True)


def test_a_hostile_name_cannot_slip_a_command_into_the_remedy() -> None:
    name = "/root/x'; rm -rf ~ #"
    found = finding("forbidden-files", facts.inspection(facts.linux(found_files=Known((name,), ""))))
    (command,) = commands_in(found.remedy)
    assert shlex.split(command) == ["virt-customize", "-a", "IMAGE", "--delete", name]


def test_many_forbidden_files_are_counted_and_the_first_named() -> None:
    names = tuple(f"/x/{number:03}" for number in range(40))
    found = finding("forbidden-files", facts.inspection(facts.linux(found_files=Known(names, ""))))
    assert found.message.startswith("40 file(s)")
    assert "/x/009, ..." in found.evidence
    many = facts.inspection(facts.linux(found_files=Known(names * 5, "")))
    assert finding("forbidden-files", many).message.startswith("100 or more")


def test_what_could_not_be_searched_is_unknown() -> None:
    found = finding("forbidden-files", facts.inspection(facts.linux(found_files=UNREADABLE)))
    assert found.outcome is Outcome.UNKNOWN
    assert found.fails_image
