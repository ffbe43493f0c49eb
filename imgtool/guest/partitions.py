"""A disk divided into partitions: what GPT and MBR have in common."""

from dataclasses import dataclass
from typing import Literal

SECTOR_BYTES = 512
MAX_PARTITIONS = 1024
"""Partitions of one disk. GPT disks have room for 128 as a rule; Linux itself stops at 256."""

Scheme = Literal["gpt", "mbr", "none"]

ESP_GUID = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
"""EFI system partition: UEFI specification, section 5.3.3."""
BIOS_BOOT_GUID = "21686148-6449-6e6f-744e-656564454649"
"""Where GRUB keeps its core on a GPT disk: GRUB manual, BIOS installation."""
XBOOTLDR_GUID = "bc13c2ff-59e6-4262-a352-b275fd6f7172"
"""Extended boot loader partition: UAPI Group, Discoverable Partitions Specification."""
ESP_MBR = "0xef"


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry of a partition table."""

    number: int
    """As Linux counts: logical partitions from 5."""
    type: str
    """GPT: the type's GUID in small letters; MBR: `0x83`."""
    uuid: str | None
    """PARTUUID, as `blkid` prints it."""
    label: str | None
    """PARTLABEL; MBR has none."""
    start_bytes: int
    size_bytes: int
    """Up to the end of the disk, where the table says that it goes on beyond."""
    bootable: bool
    """MBR: active. GPT: the attribute `legacy BIOS bootable`."""

    @property
    def name(self) -> str:
        """Its name in facts and messages."""
        return f"partition {self.number}"

    @property
    def is_esp(self) -> bool:
        """Whether it is of the type of an EFI system partition."""
        return self.type in {ESP_GUID, ESP_MBR}


def clipped(start_bytes: int, size_bytes: int, disk_bytes: int) -> int:
    """The part of a range that is on the disk, as Linux clips it (block/partitions/core.c)."""
    return max(0, min(size_bytes, disk_bytes - start_bytes))
