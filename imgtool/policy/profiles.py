"""The built-in profiles. None lists all checks: each is a rule, and the exceptions to it, with the reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from imgtool.checks.check import Check
from imgtool.checks.policy import OPENSTACK, Policy, Rule, own_rule
from imgtool.checks.registry import all_checks
from imgtool.model.verdict import Severity

UNSAFE_OR_UNBOOTABLE = {
    "image-safe": "the image reaches for files of the host, or carries old states of the disk",
    "image-format": "a wrong label makes others probe the content, which may then name a backing file",
    "system-found": "nothing can be said of what cannot be read",
    "image-consistent": "its tables contradict one another: what is read of the disk may be nonsense",
    "virtio-kernel": "the kernel has no driver for the disk or the network card",
    "virtio-initramfs": "the initramfs does not reach the disk, or cannot mount the root",
    "initramfs-intact": "the kernel panics on what is left of the initramfs",
    "virtio-windows": "Windows stops at its first virtio disk (0x7B), or nobody reaches it",
    "boot-firmware": "no firmware finds anything to start",
    "disk-whole": "the disk was cut short, and the kernel mounts nothing that goes on beyond its end",
    "uefi-fallback": "a new instance's firmware knows no loader by name, and finds none where it looks",
    "root-resolves": "the boot waits for a disk that does not exist",
    "fstab-stable": "the boot waits for a disk that has another name on OpenStack",
    "boots-on-virtio-blk": "it was tried, and does not come up",
    "boots-on-virtio-scsi": "it was tried, and does not come up",
    "boots-in-cloud": "it was tried there, and does not come up",
}
"""What `minimal` runs, and what happens where it fails."""


ABOUT_ANY_DISK = {
    "image-safe": "the image reaches for files of the host, or carries old states of the disk",
    "image-format": "a wrong label makes others probe the content",
    "image-consistent": "its tables contradict one another",
    "nova-accepts": "Nova and Cinder refuse the file",
    "disk-whole": "a file system is larger than what it lies on: the file was cut short",
    "filesystem-clean": "it was copied from a disk in use",
    "boots-in-cloud": "it was tried there, and does not come up",
}
"""What `data` runs: what is asked of a disk without a system."""


OF_A_PROFILE = "profile "
"""How an origin begins that is a profile, and no line of a file."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A built-in policy."""

    name: str
    summary: str
    severity: Callable[[Check], Severity | None]
    """Of each check; None is off."""


def _own(check: Check) -> Severity | None:
    return check.severity


def _strict(check: Check) -> Severity | None:
    return Severity.INFO if check.severity is Severity.INFO else Severity.ERROR


def _minimal(check: Check) -> Severity | None:
    """A check that judges only what is asked for stays, so that a policy that extends this one may ask."""
    return check.severity if check.name in UNSAFE_OR_UNBOOTABLE or check.on_request else None


def _data(check: Check) -> Severity | None:
    return check.severity if check.name in ABOUT_ANY_DISK or check.on_request else None


_ALL = (
    Profile(OPENSTACK.name, "what an image needs to work well on OpenStack (the default)", _own),
    Profile("strict", "the same, and every warning is an error", _strict),
    Profile("minimal", "only what makes an image unsafe or unbootable", _minimal),
    Profile("data", "a disk that holds only data: the file and its file systems, and no system", _data),
)
PROFILES: Mapping[str, Profile] = {one.name: one for one in _ALL}


def profile_policy(name: str) -> Policy:
    """The policy of the profile `name`, which is one of PROFILES."""
    profile = PROFILES[name]
    rules = {check.name: _rule(check, profile) for check in all_checks()}
    return Policy(name, {check: rule for check, rule in rules.items() if rule is not None})


def _rule(check: Check, profile: Profile) -> Rule | None:
    """None where the profile leaves the check as it is."""
    severity = profile.severity(check)
    if severity is check.severity:
        return None
    return replace(own_rule(check), severity=severity, origins={"severity": f"{OF_A_PROFILE}{profile.name}"})
