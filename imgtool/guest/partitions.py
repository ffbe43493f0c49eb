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
ROOT_GUIDS = frozenset(
    {
        "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",  # x86-64
        "b921b045-1df0-41c3-af44-4c6f280d3fae",  # arm64
        "44479540-f297-41b2-9af7-d131d5f0458a",  # x86
        "69dad710-2ce4-4e3c-b16c-21a1d49abed3",  # arm
        "72ec70a6-cf74-40e6-bd49-4bda08e8f224",  # riscv64
        "77055800-792c-4f94-b39a-98c91b762bb6",  # loongarch64
        "912ade1d-a839-4913-8964-a10eee08fbd2",  # ppc64le
        "5eead9a9-fe09-4a1e-a1d7-520d00531306",  # s390x
    }
)
"""Root partitions by architecture: Discoverable Partitions Specification."""
USR_GUIDS = frozenset(
    {
        "8484680c-9521-48c6-9c11-b0720656f69e",  # x86-64
        "b0e01050-ee5f-4390-949a-9101b17104e9",  # arm64
        "75250d76-8cc6-458e-bd66-bd47cc81a812",  # x86
        "7d0359a3-02b3-4f0a-865c-654403e70625",  # arm
        "beaec34b-8442-439b-a40b-984381ed097d",  # riscv64
        "e611c702-575c-4cbe-9a46-434fa0bf7e3f",  # loongarch64
        "15bb03af-77e7-4d4a-b12b-c0d084f7491c",  # ppc64le
        "8a4f5770-50aa-4ed3-874a-99b710db6fea",  # s390x
    }
)
"""Partitions with /usr alone, by architecture: Discoverable Partitions Specification."""
FLATCAR_USR_GUID = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6"
"""USR-A and USR-B of Flatcar: build_library/disk_layout.json of its scripts."""
HOME_GUID = "933ac7e1-2eb4-4f13-b844-0e14e2aef915"
SRV_GUID = "3b8f8425-20e0-4f3b-907f-1a25a76f98e8"
"""/home and /srv: Discoverable Partitions Specification."""
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
    table_bytes: int | None = None
    """Its size as the table says it, where that goes on beyond the end of the disk; else None."""

    @property
    def name(self) -> str:
        """The partition's name in facts and messages."""
        return f"partition {self.number}"

    @property
    def is_esp(self) -> bool:
        """Whether it is of the type of an EFI system partition."""
        return self.type in {ESP_GUID, ESP_MBR}


def cut(start_bytes: int, size_bytes: int, disk_bytes: int) -> int | None:
    """`size_bytes` where such a range goes on beyond the end of the disk; else None."""
    return size_bytes if start_bytes + size_bytes > disk_bytes else None


def clipped(start_bytes: int, size_bytes: int, disk_bytes: int) -> int:
    """The part of a range that is on the disk, as Linux clips it (block/partitions/core.c)."""
    return max(0, min(size_bytes, disk_bytes - start_bytes))
