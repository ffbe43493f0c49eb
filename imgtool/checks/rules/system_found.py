"""A system is on the disk, and it can be read.

What it checks
    One Linux or Windows system was found, by what the boot names: root= on the kernel's command line,
    types of partitions, fstab, the default subvolume. Where there is none, or where nothing decides between
    two, this is the one finding that says so: the checks of what is inside point here.

Why it matters
    Nothing else can be said of an image whose system cannot be read: whether it boots, whether an agent
    answers, whether it finds its metadata.

How to fix
    A disk that holds only data:   imgtool check IMAGE --policy data
    An encrypted system:           imgtool boot IMAGE          what a boot shows counts instead
    Two systems on one disk:       give each its own label or UUID, and name it by root= and in fstab
"""

from imgtool.checks.check import Check, Verdict, passed, skipped, unknown_with
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity

DATA = "a disk that holds only data is judged by a policy of its own: `imgtool check IMAGE --policy data`"
BOOT = "`imgtool boot IMAGE` shows what it does; `imgtool inspect IMAGE` says what could be read"


def examine(inspection: Inspection) -> Verdict:
    """It was, or the reason why not."""
    guest = inspection.guest
    if guest.linux is not None or guest.windows is not None:
        return passed(guest.reason or "a system was found")
    if guest.family is not None:
        return skipped(f"{guest.family.title}: see system-family")
    return unknown_with(guest.reason, _remedy(guest), "only data is on it" if guest.data_only else "")


def _remedy(guest: GuestFacts) -> str:
    return DATA if guest.data_only else BOOT


CHECK = Check("system-found", Severity.ERROR, examine)
