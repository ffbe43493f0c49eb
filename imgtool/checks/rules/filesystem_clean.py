"""Every file system was unmounted before the image was taken.

What it checks
    ext2, ext3, ext4: neither needs_recovery nor an error in the superblock. XFS: the log ends in an unmount
    record. Btrfs: no log tree. FAT and NTFS: the dirty mark.

Why it matters
    The image was copied from a disk in use: what was still in memory is missing, and every instance begins
    with a recovery, or asks for fsck.

How to fix
    Shut the machine down and take the image again. What is there can be repaired:
        e2fsck -fy DEVICE    mount DEVICE /mnt && umount /mnt (XFS, Btrfs)    fsck.vfat -a DEVICE
    Windows hibernates where it is shut down with fast startup: `shutdown /s /f /t 0` does not.
"""

from imgtool.checks.check import Check, Verdict, failed, passed, skipped, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.layout import FilesystemFacts
from imgtool.model.verdict import Severity
from imgtool.util.text import enumerated

REPAIR = {
    "xfs": "mount {0} /mnt && umount /mnt",
    "btrfs": "mount {0} /mnt && umount /mnt",
    "vfat": "fsck.vfat -a {0}",
}


def examine(inspection: Inspection) -> Verdict:
    """All that is on the disk was left in order."""
    filesystems = inspection.guest.filesystems
    if not filesystems:
        return _without(inspection.guest)
    dirty = [one for one in filesystems if isinstance(one.clean, Known) and not one.clean.value]
    if dirty:
        names = enumerated([one.device for one in dirty])
        return failed(f"{names}: in use when the image was taken", _shown(dirty), _remedy(dirty[0]))
    unsure = [f"{one.device}: {one.clean.reason}" for one in filesystems if isinstance(one.clean, Unknown)]
    if unsure:
        return unknown(enumerated(unsure, "; "))
    return passed("every file system was unmounted", _shown(filesystems))


def _without(guest: GuestFacts) -> Verdict:
    if guest.data_only:
        return skipped("no file system is on this disk")
    return unknown(guest.reason)


def _shown(filesystems: "list[FilesystemFacts] | tuple[FilesystemFacts, ...]") -> str:
    known = ((one, one.clean.evidence) for one in filesystems if isinstance(one.clean, Known))
    return enumerated([f"{one.device} ({one.type}): {evidence}" for one, evidence in known], "; ")


def _remedy(one: FilesystemFacts) -> str:
    if one.type == "ntfs":
        return "in Windows, `chkdsk /f`, then `shutdown /s /f /t 0` (no hibernation); take the image again"
    command = REPAIR.get(one.type, "e2fsck -fy {0}").format("DEVICE")
    return f"shut the machine down and take the image again, or repair the {one.type} there: `{command}`"


CHECK = Check("filesystem-clean", Severity.WARNING, examine)
