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


@dataclass(frozen=True, slots=True)
class Firmware:
    """What can start this disk."""

    bios: bool
    uefi: bool
    fallback_loader: str | None = None
    """Path on the ESP of the loader that UEFI starts with an empty NVRAM, e.g. EFI/BOOT/BOOTX64.EFI."""
