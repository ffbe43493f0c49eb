"""The disk is all there: nothing on it goes on beyond its end.

What it checks
    Partitions against the end of the disk; file systems and physical volumes of LVM, by their superblocks,
    against the partition or volume that they lie on. The partition table as Linux checks it: its checksums,
    the sectors that it says can be used, the master boot record that protects it, the size of its sectors.

Why it matters
    An image that was cut short (an interrupted download, a copy to a full disk, a disk that was shrunk)
    often keeps all that imgtool and a boot loader read. The kernel refuses to mount a file system that is
    larger than its device, and sees no partitions at all by a table that does not fit the disk. A missing
    backup of a GPT alone does no harm: growpart, sgdisk and UEFI write it anew.

How to fix
    Fetch or copy the image again, and compare its checksum. For a table alone:
        sgdisk --move-second-header IMAGE          (the end of the disk moved)
        sgdisk --load-backup or gdisk's recovery   (the first table is damaged)
"""

from collections.abc import Iterator

from imgtool.checks.check import Check, Verdict, failed, passed, unknown
from imgtool.model.facts import Known
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.layout import FilesystemFacts, PartitionFacts
from imgtool.model.verdict import Severity
from imgtool.util.text import enumerated, human_size

NOT_ASKED = frozenset({"vfat", "LVM2_member"})
"""What Linux takes all the same, until it comes to what is not there."""
COPY_AGAIN = "fetch or copy the image again, and compare its checksum"
WRITE_TABLE = "write the partition table anew with `gdisk` or `sgdisk` on a disk with sectors of 512 bytes"


def examine(inspection: Inspection) -> Verdict:
    """Everything fits, and the kernel sees the partitions."""
    guest = inspection.guest
    if guest.partition_table is None:
        return unknown(guest.reason)
    missing = [*_partitions(guest.partitions), *_filesystems(guest.filesystems)]
    if missing:
        return failed(missing[0], enumerated(missing, "; "), COPY_AGAIN)
    faults = guest.table_faults
    if faults.kernel and not (faults.mended_by_uefi and _starts_by_uefi(guest)):
        return failed(f"the kernel sees no partitions: {faults.kernel}", faults.kernel, WRITE_TABLE)
    notes = [note for note in (faults.kernel, faults.backup) if note]
    evidence = enumerated([_size(one) for one in guest.filesystems if one.declared_bytes], "; ")
    message = "partitions and file systems fit on the disk"
    if notes:
        message += f" ({notes[0]}: it is written anew at the first resize)"
    return passed(message, evidence)


def _partitions(partitions: tuple[PartitionFacts, ...]) -> Iterator[str]:
    for one in partitions:
        if one.table_bytes is not None:
            yield (
                f"partition {one.number} goes on beyond the end of the disk: it has {one.table_bytes} bytes "
                f"({human_size(one.table_bytes)}), of which {one.size_bytes} are there"
            )


def _filesystems(filesystems: tuple[FilesystemFacts, ...]) -> Iterator[str]:
    for one in filesystems:
        if one.declared_bytes is not None and one.device_bytes and one.declared_bytes > one.device_bytes:
            yield (
                f"the {one.type} on {one.device} is larger than its device: {one.declared_bytes} bytes "
                f"({human_size(one.declared_bytes)}) on {one.device_bytes} ({human_size(one.device_bytes)})"
                + ("" if one.type in NOT_ASKED else "; the kernel does not mount it")
            )


def _size(one: FilesystemFacts) -> str:
    return f"{one.device}: {one.type} of {one.declared_bytes} bytes on {one.device_bytes}"


def _starts_by_uefi(guest: GuestFacts) -> bool:
    """The firmware that the derived properties choose is UEFI."""
    firmware = guest.firmware
    return isinstance(firmware, Known) and firmware.value.uefi and not firmware.value.bios


CHECK = Check("disk-whole", Severity.ERROR, examine)
