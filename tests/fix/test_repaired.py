"""A copy is repaired until nothing new comes to light, as far as no machine is started for it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from support import facts

from imgtool.checks import registry
from imgtool.fix import repaired
from imgtool.fix.repaired import RepairRequest
from imgtool.model.facts import Known, Unknown
from imgtool.model.fix import FixOptions, FixPlan, FixResult, Repair, RepairOutcome, SealedRun
from imgtool.model.guest import GuestFacts
from imgtool.model.image import Handle
from imgtool.model.inspection import Inspection
from imgtool.model.result import ImageResult

MISSING = facts.with_agent(installed=Known(value=False, evidence="dpkg: not installed"))
MASKED = facts.with_agent(enabled=Known(value=False, evidence="masked"))
REQUEST = RepairRequest(options=FixOptions(packages=(Path("a.deb"),)))


def result(inspection: Inspection) -> ImageResult:
    return ImageResult(registry.judge(inspection), inspection)


def repaired_copy(*seen: Inspection, status: int = 0) -> tuple[FixResult, list[tuple[str, ...]]]:
    """What came of it where the checks see these one after the other; and what was done in each run."""
    looks = [result(one) for one in seen]
    done: list[tuple[str, ...]] = []

    def run(_guest: GuestFacts, repairs: Sequence[Repair]) -> SealedRun:
        done.append(tuple(name for one in repairs for name in one.checks))
        return SealedRun(tuple(RepairOutcome(one, status) for one in repairs), seconds=7, clean=True)

    before = looks.pop(0)
    plan = repaired._of_first_run(repaired._plan(before, REQUEST))
    found = FixResult("a", repaired.parts(before)[1], plan)
    told = repaired._repaired_copy(found, before, REQUEST, run, lambda _boot: looks.pop(0))
    assert told.fix is not None
    assert looks == []
    return told.fix, done


def test_what_was_hidden_is_repaired_as_well() -> None:
    found, done = repaired_copy(MISSING, MASKED, facts.inspection())
    assert done == [("guest-agent-installed",), ("guest-agent-enabled",)]
    assert found.problem is None
    assert found.plan.wanted == ("guest-agent-installed", "guest-agent-enabled")
    assert found.run is not None
    assert (len(found.run.outcomes), found.run.seconds) == (2, 14)


def test_what_was_done_and_still_fails_is_not_done_again() -> None:
    found, done = repaired_copy(MASKED, MASKED)
    assert done == [("guest-agent-enabled",)]
    assert found.problem == "the repair was done, and guest-agent-enabled still fails"


def test_what_could_not_be_judged_before_the_repair_has_to_pass_after_it() -> None:
    hidden = facts.cloud_init(enabled=Unknown("its units cannot be read"))
    both = facts.inspection(
        facts.linux(agent=facts.agent(enabled=Known(value=False, evidence="masked")), cloud_init=hidden)
    )
    after = facts.inspection(facts.linux(cloud_init=hidden))
    found, done = repaired_copy(both, after)
    assert done == [("guest-agent-enabled",)]
    assert found.problem == "after the repair cloud-init-enabled fails"
    found, _ = repaired_copy(both, facts.inspection())
    assert found.problem is None


BY_BUS = facts.known((facts.reference(source="/etc/fstab", stable=False, device="/dev/sda2"),), "/etc/fstab")
HIDDEN_LINE = facts.inspection(facts.linux(command_line=Unknown("no entry"), device_references=BY_BUS))
SHOWN_LINE = facts.inspection(
    facts.linux(
        command_line=facts.known("root=/dev/sda2 console=ttyS0", "/boot/grub/grub.cfg"),
        device_references=facts.known(
            (facts.reference(source="/boot/grub/grub.cfg", stable=False, device="/dev/sda2"),)
        ),
    )
)


def test_a_check_that_fails_by_something_else_then_is_repaired_once_more() -> None:
    """Where UEFI found no loader, nobody knew that the menu names the root by its bus as well."""
    found, done = repaired_copy(HIDDEN_LINE, SHOWN_LINE, facts.inspection())
    assert done == [("fstab-stable",), ("fstab-stable",)]
    assert found.problem is None


def test_a_guest_that_shows_something_else_each_time_is_given_up() -> None:
    """It pins another address each time."""
    pinned = [facts.inspection(facts.linux(pinned_macs=facts.known((f"/etc/{n}",)))) for n in "abcde"]
    found, done = repaired_copy(*pinned)
    assert len(done) == repaired.MAX_RUNS
    assert found.problem == "the repair was done, and mac-unpinned still fails"


def test_nothing_follows_a_repair_that_failed() -> None:
    found, done = repaired_copy(MISSING, status=1)
    assert len(done) == 1
    assert found.problem is not None
    assert found.problem.startswith("the guest could not install")


def test_a_journal_is_replayed_before_anything_is_believed() -> None:
    """What was read before it may be what stood there an hour earlier."""
    masked, filesystems = MASKED.guest, facts.guest().filesystems
    used = tuple(
        replace(one, clean=Known(value=False, evidence="its log is not empty")) for one in filesystems
    )
    stale = replace(MASKED, guest=replace(masked, filesystems=used))
    found, done = repaired_copy(stale, MISSING, facts.inspection())
    assert done == [("filesystem-clean",), ("guest-agent-installed",)]
    assert found.problem is None
    assert found.plan.wanted == ("filesystem-clean", "guest-agent-installed")


def test_what_a_stale_disk_has_no_repair_for_is_not_given_up() -> None:
    plan = FixPlan((Repair(("filesystem-clean",), "replay", "sync"), Repair(("b",), "b", "b")), {"c": "none"})
    assert repaired._of_first_run(plan) == FixPlan(plan.repairs[:1])
    hopeless = FixPlan(plan.repairs[1:], {"c": "none"})
    assert repaired._of_first_run(hopeless) is hopeless


class Held:
    """What has the lock of a boot, as long as it is there."""

    def __init__(self, let_go: list[bool]) -> None:
        self._let_go = let_go

    def __del__(self) -> None:
        self._let_go.append(True)


def test_what_was_booted_is_let_go_before_the_next_machine_writes_to_it() -> None:
    let_go: list[bool] = []
    seen: list[bool] = []
    faults = [MASKED, facts.inspection()]

    def look(_boot: object) -> ImageResult:
        image = replace(facts.image(), handle=cast("Handle", Held(let_go)))
        return result(replace(faults.pop(0), image=image))

    def run(_guest: GuestFacts, repairs: Sequence[Repair]) -> SealedRun:
        seen.append(bool(let_go))
        return SealedRun(tuple(RepairOutcome(one, 0) for one in repairs), seconds=7, clean=True)

    before = result(MISSING)
    found = FixResult("a", repaired.parts(before)[1], repaired._plan(before, REQUEST))
    repaired._repaired_copy(found, before, REQUEST, run, look)
    assert seen == [False, True]
