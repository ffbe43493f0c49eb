"""What is on a disk: partitions, file systems, and what can start it."""

from dataclasses import dataclass

from imgtool.model.facts import NOT_READ, Fact


@dataclass(frozen=True, slots=True)
class FilesystemFacts:
    """One file system of the disk."""

    device: str
    """`disk` (no partition table), `partition 1`, or `vg/lv`."""
    type: str
    label: str | None
    uuid: str | None
    mount_point: str | None
    """Where the guest mounts it, by its fstab; None where it does not."""
    clean: Fact[bool] = NOT_READ
    """It was unmounted: no journal or log has to be replayed."""
    partitions: tuple[int, ...] = ()
    """Numbers of the partitions that it lies on; none where it has the disk to itself."""
    declared_bytes: int | None = None
    """Its size as its superblock says it; None where it does not say so."""
    device_bytes: int = 0
    """Size of what it lies on."""


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """One entry of the partition table."""

    number: int
    """As Linux counts: logical partitions from 5."""
    type: str
    """GPT: the type's GUID in small letters; MBR: `0x83`."""
    label: str | None
    """GPT's name of it."""
    start_bytes: int
    size_bytes: int
    """Up to the end of the disk, where the table says that it goes on beyond."""
    table_bytes: int | None = None
    """Its size as the table says it, where that goes on beyond the end of the disk; else None."""


@dataclass(frozen=True, slots=True)
class TableFaults:
    """What is wrong with a partition table that is read here all the same, and whom that keeps from it."""

    uefi: str | None = None
    """Why UEFI sees no partition at all, or None."""
    kernel: str | None = None
    """Why Linux sees no partition at all, or None."""
    mended_by_uefi: bool = False
    """UEFI writes the first table anew from the backup, before Linux looks."""
    hidden: tuple[int, ...] = ()
    """Numbers of the partitions that UEFI leaves out: overlapping, out of range, or marked so."""
    backup: str | None = None
    """What is wrong with the backup at the end of the disk; nobody needs it while the first one is sound."""


NO_FAULTS = TableFaults()


@dataclass(frozen=True, slots=True)
class Firmware:
    """What can start this disk."""

    bios: bool
    uefi: bool
    fallback_loader: str | None = None
    """Path on the ESP of the loader that UEFI starts with an empty NVRAM, e.g. EFI/BOOT/BOOTX64.EFI."""
    uefi_problem: str = ""
    """Why UEFI starts nothing although a loader for it is on the disk; empty where none is, or it starts."""

    @property
    def for_uefi_only(self) -> bool:
        """Whether the disk was made for UEFI and not BIOS, even if UEFI does not find the loader."""
        return not self.bios and (self.uefi or bool(self.uefi_problem))
