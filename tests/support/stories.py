"""Stories for reports: a good image, bad ones in every way, and names that mean harm."""

from dataclasses import replace
from pathlib import Path

from support import facts

from imgtool.checks import registry
from imgtool.errors import UnsafeImageError
from imgtool.model.facts import Unknown
from imgtool.model.inspection import DiskMap, Inspection
from imgtool.model.layout import FilesystemFacts, PartitionFacts
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Finding, Judgement, Outcome, Severity

HOSTILE = "\x1b]0;owned\x07<script>alert(1)</script>\u202e & 'quote' \"double\"\n::error::x ](http://e)"
MIB = 1 << 20
CLEAN = facts.known(True)


def told(inspection: Inspection) -> ImageResult:
    return ImageResult(registry.judge(inspection), inspection)


def good() -> ImageResult:
    return told(drawn(facts.inspection()))


def bad() -> ImageResult:
    """It fails by its SSH host keys."""
    keys = facts.known(("/etc/ssh/ssh_host_rsa_key",), "/etc/ssh/ssh_host_rsa_key: 2602 bytes")
    return told(drawn(facts.inspection(facts.linux(ssh_host_keys=keys))))


def unknown() -> ImageResult:
    return told(facts.inspection(facts.linux(machine_id=Unknown("the inode table is damaged"))))


def warned() -> ImageResult:
    """It passes with a warning."""
    return told(facts.with_initramfs(host_only=True))


def hostile() -> ImageResult:
    """Every text that a guest or a file name can choose means harm."""
    inspection = facts.inspection(
        facts.linux(machine_id=Unknown(HOSTILE), os_distro=facts.known(HOSTILE)),
        image=facts.image(path=Path("/odd\udcff\nname<b>.raw")),
    )
    guest = replace(
        inspection.guest,
        partitions=(PartitionFacts(1, HOSTILE, HOSTILE, MIB, 100 * MIB),),
        filesystems=(FilesystemFacts("partition 1", HOSTILE, HOSTILE, HOSTILE, HOSTILE, partitions=(1,)),),
    )
    return told(replace(inspection, guest=guest))


def refused() -> ImageResult:
    return ImageResult(
        registry.refused("unsafe:1.qcow2", UnsafeImageError("has a backing file", hint="flatten it"))
    )


def nothing_ran() -> ImageResult:
    skipped = Finding("machine-id", Outcome.SKIPPED, Severity.ERROR, "there is no system")
    return ImageResult(Judgement("/images/debian.raw", (skipped,)))


def of_finding(outcome: Outcome, severity: Severity) -> ImageResult:
    finding = Finding("machine-id", outcome, severity, "the message", "the evidence", "the remedy")
    return ImageResult(Judgement("/images/debian.raw", (finding,)))


def drawn(inspection: Inspection) -> Inspection:
    """With partitions, volumes and a map of the data."""
    guest = replace(
        inspection.guest,
        partition_table="gpt",
        partitions=(
            PartitionFacts(14, "21686148-6449-6e6f-744e-656564454649", None, MIB, 3 * MIB),
            PartitionFacts(15, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "esp", 4 * MIB, 124 * MIB),
            PartitionFacts(1, "e6d6d379-f507-44c2-a23c-238f2a3df928", None, 128 * MIB, 1400 * MIB),
        ),
        filesystems=(
            FilesystemFacts("partition 15", "vfat", "UEFI", "1234-5678", "/boot/efi", CLEAN, (15,)),
            FilesystemFacts("partition 1", "LVM2_member", None, None, None, CLEAN, (1,)),
            FilesystemFacts("system/root", "xfs", "root", "0000-1111", "/", CLEAN, (1,)),
            FilesystemFacts("system/var", "xfs", None, "0000-2222", "/var", CLEAN, (1,)),
        ),
    )
    filled = (1.0, 0.5, 1.0, 1.0, 0.0, 0.25, 0.0, 0.0)
    disk_map = DiskMap(2 << 30, 256 * MIB, filled)
    return replace(inspection, guest=guest, disk_map=disk_map)
