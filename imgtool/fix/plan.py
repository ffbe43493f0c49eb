"""Which repairs an image gets: pure, from its findings and facts."""

from collections.abc import Collection

from imgtool.fix.repairs import NEED_PACKAGES, REPAIRS, labels_afterwards
from imgtool.model.facts import Known
from imgtool.model.fix import FixPlan, Repair
from imgtool.model.guest import GuestFacts
from imgtool.model.verdict import Finding, Judgement, Outcome

NO_REPAIR = "imgtool has no repair for it"


def make_plan(
    judgement: Judgement,
    guest: GuestFacts,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    *,
    packages: bool = False,
) -> FixPlan:
    """What is done for each check that did not pass, and why nothing is for the others.

    `only` and `skip` are names of checks; `packages`: some are handed to the guest. A warning that has no
    repair is not in the plan. What cannot be judged has no repair of its own; another may bring it to light.
    """
    failing = {one.check: one for one in judgement.findings if _is_wrong(one) or _is_unknown(one)}
    chosen = [one for name, one in failing.items() if name not in skip and (not only or name in only)]
    repairs: dict[str, Repair] = {}
    left: dict[str, str] = {}
    for finding in filter(_is_wrong, chosen):
        found = _repair(finding, guest, packages=packages)
        if isinstance(found, Repair):
            known = repairs.get(found.script)
            checks = (*known.checks, finding.check) if known is not None else (finding.check,)
            repairs[found.script] = Repair(checks, found.title, found.script)
        elif finding.fails_image or finding.check in only:
            left[finding.check] = found
    if not repairs:
        left |= {one.check: one.message for one in filter(_is_unknown, chosen)}
    labels = labels_afterwards(guest.linux) if guest.linux is not None and repairs else None
    if labels is not None and "selinux-labels" not in skip:
        repairs.setdefault(labels.script, labels)
    skipped = tuple(name for name, one in failing.items() if one not in chosen)
    return FixPlan(tuple(sorted(repairs.values(), key=_order)), left, skipped)


def _is_wrong(finding: Finding) -> bool:
    return finding.outcome is Outcome.FAIL and not finding.known


def _is_unknown(finding: Finding) -> bool:
    return finding.outcome is Outcome.UNKNOWN and finding.fails_image


def _repair(finding: Finding, guest: GuestFacts, *, packages: bool) -> Repair | str:
    made = REPAIRS.get(_same_as(finding.check, guest))
    if guest.linux is None:
        return "only a Linux guest can repair itself"
    if made is None:
        return f"{NO_REPAIR}: {finding.remedy}" if finding.remedy else NO_REPAIR
    if finding.check in NEED_PACKAGES and not packages:
        return "its package is not in the guest: hand it over with --package FILE or --repository FOLDER"
    return made(guest.linux, finding)


def _same_as(check: str, guest: GuestFacts) -> str:
    """The check whose repair is this one's too: where nothing starts, UEFI may just not find its loader."""
    firmware = guest.firmware
    hidden = isinstance(firmware, Known) and firmware.value.uefi_problem
    return "uefi-fallback" if check == "boot-firmware" and hidden else check


def _order(repair: Repair) -> int:
    """Return its place in the table: what changes files, what reads them, and what labels them last."""
    return next(number for number, one in enumerate(REPAIRS) if one in repair.checks)
