"""What of a disk no partition holds.

Kept: all up to the first partition (boot code, and what GRUB puts behind it), all of an extended partition
(its boot records stand between the logical ones), the tables of a GPT wherever they are, and the end of the
disk, where software RAID, firmware RAID and Windows' dynamic disks keep what they know.
"""

from functools import partial
from typing import BinaryIO

from imgtool.guest import gpt, mbr
from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.md_raid import read_member
from imgtool.guest.partitions import SECTOR_BYTES
from imgtool.guest.streams import Disk, VolumeStream, linear
from imgtool.guest.volumes import DiskLayout
from imgtool.util.ranges import Ranges

KEPT_AT_END_BYTES = 1 << 20
"""The database of a dynamic disk is the last MiB; all others are smaller."""
DYNAMIC_DISK = 0x42


def free_between(layout: DiskLayout, disk: Disk) -> Ranges:
    """The bytes of the disk that nothing is on. Raises GuestReadError where all has to be kept."""
    if layout.problem is not None or not layout.partitions:
        raise GuestReadError(layout.problem or "its table has no partitions")
    starts = [one.start_bytes for one in layout.partitions]
    held = [(one.start_bytes, one.start_bytes + one.size_bytes) for one in layout.partitions]
    held += [(0, min(starts)), (disk.size_bytes - KEPT_AT_END_BYTES, disk.size_bytes)]
    held += [
        (entry.start * SECTOR_BYTES, (entry.start + entry.size) * SECTOR_BYTES)
        for entry in mbr.entries(layout.boot_sector) or ()
        if entry.type != mbr.PROTECTIVE
    ]
    if layout.scheme == "gpt":
        held += gpt.held_places(disk)
    return Ranges(Ranges(sorted(held)).outside(0, disk.size_bytes))


def what_else(layout: DiskLayout, disk: Disk) -> str | None:
    """What the disk is besides its partition table, so that nothing at all may be left out of it; or None."""
    if layout.scheme == "none":
        return None
    if any(entry.type == DYNAMIC_DISK for entry in mbr.entries(layout.boot_sector) or ()):
        return "the disk is a dynamic disk of Windows"
    if read_member(partial(_read, disk), disk.size_bytes) is not None:
        return "the disk is a member of software RAID"
    found = open_filesystem(_whole(disk), disk.size_bytes)
    return None if found is None else f"the disk begins as {found.type} besides"


def _read(disk: Disk, offset: int, length: int) -> bytes:
    return disk.read_at(offset, max(0, min(length, disk.size_bytes - offset)))


def _whole(disk: Disk) -> BinaryIO:
    stream: BinaryIO = VolumeStream(disk, (linear(0, disk.size_bytes),))  # type: ignore[assignment]  # it reads and seeks as a BinaryIO
    return stream
