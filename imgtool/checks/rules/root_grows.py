"""The root file system grows to the size of the flavor's disk.

What it checks
    The partition of the root is the last one of the disk, and something grows it at the first boot: growpart
    called by cloud-init, growroot in the initramfs that boots, or systemd-repart with a definition of the
    root (one of swap alone does not). The last two grow the partition alone: the file system needs
    cloud-init's resizefs, x-systemd.growfs or systemd-growfs. For growpart: cloud-init runs, its merged
    configuration has growpart and resizefs and switches neither off, and what they call is there (sfdisk or
    sgdisk, flock, partx; resize2fs, xfs_growfs or btrfs by the type of the root).

    Where the root is on LVM, only the place of the partition under its volume group is judged: none of these
    grows a logical volume, and what else may do so is not known. Where cloud-init is not installed, nothing
    is said of growpart, which it calls: that it is missing is the finding of cloud-init-installed.

Why it matters
    An image of 2 GiB on a disk of 40 GiB stays at 2 GiB where the root cannot grow: behind it stands a swap
    partition, or growpart is missing. The instance is full after the first update.

How to fix
    Debian, Ubuntu:  apt install cloud-guest-utils
    RHEL, Fedora:    dnf install cloud-utils-growpart
    SUSE:            zypper install growpart
    its programs:    apt install fdisk e2fsprogs   /   dnf install util-linux xfsprogs
    LVM:             `growpart /dev/DISK NUMBER && pvresize /dev/PARTITION && lvextend -r -l +100%FREE VG/LV`
                     at the first boot, e.g. in cloud-init's bootcmd
    A partition behind the root: take it out (swap can be a file), or make the root last when the image is
    built.
"""

from imgtool.checks.check import Check, Verdict, failed, is_false, on_linux, passed, skipped, unknown
from imgtool.model.facts import Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity

MOVE_IT = (
    "build the image with the root as the last partition; a swap partition behind it can go: "
    "`sed -i '/[[:space:]]swap[[:space:]]/d' /etc/fstab && sfdisk --delete /dev/DISK NUMBER`"
)
INSTALL_IT = (
    "`apt install cloud-guest-utils`, `dnf install cloud-utils-growpart` or `zypper install growpart`, with "
    "growpart and resizefs in cloud_init_modules of /etc/cloud/cloud.cfg"
)
ON_LVM = (
    "the root is on LVM, with room behind its partition: whether anything grows the logical volume is not "
    "known (growpart, pvresize, `lvextend -r`)"
)


def judge(linux: LinuxFacts) -> Verdict:
    """It has room, and something that grows it."""
    place, grower = linux.root_is_last, linux.can_grow
    if not isinstance(place, Unknown) and is_false(place):
        return failed("the root cannot grow: another partition follows it", place.evidence, MOVE_IT)
    if linux.root_on_lvm:
        return unknown(place.reason) if isinstance(place, Unknown) else skipped(ON_LVM)
    if not isinstance(grower, Unknown) and is_false(grower):
        return _does_not_grow(linux, grower.evidence)
    for fact in (place, grower):
        if isinstance(fact, Unknown):
            return unknown(fact.reason)
    return passed("the root grows at the first boot", _evidence(linux))


def _does_not_grow(linux: LinuxFacts, evidence: str) -> Verdict:
    """One cause, one finding: without cloud-init nothing calls growpart, and its package comes with it."""
    if is_false(linux.cloud_init.installed):
        return skipped("what would grow the root is cloud-init, which is not there: see cloud-init-installed")
    return failed("the root does not grow: nothing at the first boot does it", evidence, INSTALL_IT)


def _evidence(linux: LinuxFacts) -> str:
    facts = (linux.root_is_last, linux.can_grow)
    return "; ".join(fact.evidence for fact in facts if not isinstance(fact, Unknown))


CHECK = Check("root-grows", Severity.WARNING, on_linux(judge))
