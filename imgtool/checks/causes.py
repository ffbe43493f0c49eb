"""What is unknown for one cause, or fails as a consequence of something else, is said once.

A disk that cannot be read makes twenty checks unknown. One of them tells it, with the cause and the command
that helps: the heaviest, so that the image fails or passes as before. The others are skipped and point there.
Where no kernel starts, or cloud-init does not, what would come of it later is no fault of its own.
"""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from imgtool.checks.check import CANNOT
from imgtool.model.guest import GuestFacts
from imgtool.model.verdict import Finding, Outcome, Severity

FIRST = "system-found"
"""Of equals this one tells it: it has the command that helps."""
FAMILY = "system-family"
STARTS = "boot-firmware"
LOADER = "boot-loader"
"""What a loader of its own comes to (FreeBSD's, say) is not known, as little as what it starts."""
_OF_A_KERNEL = ("virtio-kernel", "virtio-initramfs", "initramfs-intact", "initramfs-generic", "root-resolves")
CONSEQUENCES: Mapping[str, tuple[str, ...]] = {
    STARTS: (LOADER, *_OF_A_KERNEL),
    LOADER: _OF_A_KERNEL,
    "boot-target": ("cloud-init-enabled", "guest-agent-enabled", "network-default", "root-grows"),
    "initramfs-intact": ("virtio-initramfs", "initramfs-generic"),
    "cloud-init-installed": ("network-default", "root-grows"),
    "cloud-init-enabled": ("network-default", "root-grows"),
}
"""Check that fails, and those that are skipped then where they do not pass."""
_LOOKING_FOR = re.compile(r" \(looking for [^()]{0,500}\)$")
_WEIGHTS = {severity: weight for weight, severity in enumerate(Severity)}


def told_once(
    findings: Sequence[Finding], guest: GuestFacts, asked: Container[str] = ()
) -> tuple[Finding, ...]:
    """The findings in their order, all but one of those with the same cause skipped.

    That the files of a family which is only recognised are not read is the word of its own check, which
    weighs less; but what a policy asks for by itself (the checks `asked`) stays as heavy as it is.
    """
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.outcome is Outcome.UNKNOWN:
            groups.setdefault(_cause(finding), []).append(finding)
    teller = {cause: min(group, key=_rank).check for cause, group in groups.items()}
    unread = (
        guest.family is not None and not guest.family.read and any(one.check == FAMILY for one in findings)
    )
    if unread:
        of_policy = [one for one in groups.get(guest.reason, ()) if one.check in asked]
        teller[guest.reason] = min(of_policy, key=_rank).check if of_policy else FAMILY
        teller |= {_cause(finding): FAMILY for finding in findings if finding.check == LOADER}
    told = _without_consequences([_pointing(finding, teller) for finding in findings])
    return tuple(map(_of_data, told)) if guest.data_only and _fails(told, FIRST) else told


def _without_consequences(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    failed = {one.check for one in findings if one.outcome is Outcome.FAIL and one.fails_image}
    causes: dict[str, str] = {}
    for cause, later in CONSEQUENCES.items():
        causes |= {one: cause for one in later if cause in failed and one not in causes}
    return tuple(
        _skipped(one, causes[one.check])
        if one.check in causes and one.outcome in {Outcome.FAIL, Outcome.UNKNOWN}
        else one
        for one in findings
    )


def _fails(findings: Sequence[Finding], check: str) -> bool:
    return any(one.check == check and one.fails_image for one in findings)


def _of_data(finding: Finding) -> Finding:
    """That nothing starts a disk which holds only data is the same fault as that there is no system."""
    fails = finding.check == STARTS and finding.outcome is Outcome.FAIL
    return _skipped(finding, FIRST) if fails else finding


def _pointing(finding: Finding, teller: dict[str, str]) -> Finding:
    if finding.outcome is not Outcome.UNKNOWN or teller[_cause(finding)] == finding.check:
        return finding
    return _skipped(finding, teller[_cause(finding)])


def _skipped(finding: Finding, name: str) -> Finding:
    message = f"not judged, for the same cause as {name}"
    return replace(finding, outcome=Outcome.SKIPPED, message=message, remedy="", because_of=name)


def _cause(finding: Finding) -> str:
    return _LOOKING_FOR.sub("", finding.message.removeprefix(CANNOT))


def _rank(finding: Finding) -> tuple[int, bool]:
    return _WEIGHTS[finding.severity], finding.check != FIRST
