"""A system of a kind of its own is known by name, and it is said what is judged of it.

What it checks
    Which family a system is of that is put together, started or set up in another way than most: OSTree and
    bootc, NixOS, Flatcar, CirrOS, tiny-cloud are read and judged by their own rules. Talos, Ubuntu Core,
    VyOS, FreeBSD, ZFS roots and others are only recognised: their disk and their boot loader are judged, and
    nothing inside them. Skipped for all others.

Why it matters
    A check that looks for cloud-init where Ignition does its work, or for modules where the system is one
    file, would fail on a good image; a silent pass would say more than is known.

How to fix
    imgtool boot IMAGE       shows whether it comes up; its agent answers where it has one
    A policy of your own can take the warning away:  `checks: {system-family: off}`
"""

from imgtool.checks.check import Check, Verdict, passed, skipped
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Outcome, Severity

PROOF = "`imgtool boot IMAGE` shows whether it comes up; its vendor's documentation says what else it needs"


def examine(inspection: Inspection) -> Verdict:
    """It is read, or it is said what is not."""
    family = inspection.guest.family
    if family is None:
        return skipped("a system of the usual kind, or none (system-found judges that)")
    if family.read:
        return passed(f"{family.title}: {family.note}", family.evidence)
    return Verdict(Outcome.UNKNOWN, f"this is {family.title}: {family.note}", family.evidence, PROOF)


CHECK = Check("system-family", Severity.WARNING, examine)
