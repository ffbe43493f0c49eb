"""The root file system grows to the size of the flavor's disk.

What it checks
    The partition of the root is the last one of the disk, and something grows it at the first boot: growpart
    called by cloud-init, growroot in the initramfs, or systemd-repart. Not asked where the root is on LVM,
    which none of these grows.

Why it matters
    An image of 2 GiB on a disk of 40 GiB stays at 2 GiB where the root cannot grow: behind it stands a swap
    partition, or growpart is missing. The instance is full after the first update.

How to fix
    Debian, Ubuntu:  apt install cloud-guest-utils
    RHEL, Fedora:    dnf install cloud-utils-growpart
    SUSE:            zypper install growpart
    A partition behind the root: take it out (swap can be a file), or make the root last when the image is
    built.
"""

from imgtool.checks.check import Check, Verdict, failed, is_false, on_linux, passed, skipped, unknown
from imgtool.model.facts import Unknown
from imgtool.model.judgement import Severity
from imgtool.model.linux import LinuxFacts

MOVE_IT = (
    "build the image with the root as the last partition; a swap partition behind it can go: "
    "`sed -i '/[[:space:]]swap[[:space:]]/d' /etc/fstab && sfdisk --delete /dev/DISK NUMBER`"
)
INSTALL_IT = (
    "`apt install cloud-guest-utils`, `dnf install cloud-utils-growpart` or `zypper install growpart`, with "
    "growpart and resizefs in cloud_init_modules of /etc/cloud/cloud.cfg"
)


def judge(linux: LinuxFacts) -> Verdict:
    """It has room, and something that grows it."""
    if linux.root_on_lvm:
        return skipped(
            "the root is on LVM: growing it is up to whoever made the volume group (`lvextend -r`)"
        )
    place, grower = linux.root_is_last, linux.can_grow
    if not isinstance(place, Unknown) and is_false(place):
        return failed("the root cannot grow: its partition is hemmed in", place.evidence, MOVE_IT)
    if not isinstance(grower, Unknown) and is_false(grower):
        return failed(
            "the root does not grow: nothing at the first boot does it", grower.evidence, INSTALL_IT
        )
    for fact in (place, grower):
        if isinstance(fact, Unknown):
            return unknown(fact.reason)
    return passed("the root grows at the first boot", _evidence(linux))


def _evidence(linux: LinuxFacts) -> str:
    facts = (linux.root_is_last, linux.can_grow)
    return "; ".join(fact.evidence for fact in facts if not isinstance(fact, Unknown))


CHECK = Check("root-grows", Severity.WARNING, on_linux(judge))
