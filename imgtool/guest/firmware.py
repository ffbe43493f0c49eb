"""Which firmware can start a disk: BIOS by the code in its boot sector, UEFI by the loaders on its ESP."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import BIOS_BOOT_GUID
from imgtool.guest.tree import GuestTree
from imgtool.guest.volumes import DiskLayout
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.layout import Firmware
from imgtool.text import printable

FALLBACK_LOADERS = {
    "x86_64": "BOOTX64.EFI",
    "aarch64": "BOOTAA64.EFI",
    "riscv64": "BOOTRISCV64.EFI",
    "loongarch64": "BOOTLOONGARCH64.EFI",
    "i686": "BOOTIA32.EFI",
    "armv7l": "BOOTARM.EFI",
}
"""Architecture to EFI/BOOT/...: what firmware starts with an empty NVRAM. UEFI specification, 3.5.1.1."""
GRUB_MARK = b"GRUB "
"""A string in GRUB's boot sector, behind its code (grub-core/boot/i386/pc/boot.S)."""
SYSLINUX_MARKS = (b"SYSLINUX", b"EXTLINUX")
"""Strings in the boot sectors that SYSLINUX writes at the start of a file system. One that has neither is the
stub of mkfs, which only prints that the disk does not boot."""
MAX_LOADER_DIRECTORIES = 64


def read_firmware(
    layout: DiskLayout, devices: Sequence[Device], architecture: str | None = None
) -> Fact[Firmware]:
    """What can start this disk, with the evidence; unknown where the ESP cannot be read.

    `architecture` is the system's, as `uname -m` says it, where it is known: another machine's fallback
    loader does not count.
    """
    bios, bios_evidence = _bios(layout)
    try:
        loaders = _uefi(devices, architecture)
    except GuestReadError as error:
        return Unknown(f"the EFI system partition: {error}")
    firmware = Firmware(bios=bios, uefi=loaders.any_at_all, fallback_loader=loaders.fallback)
    return Known(firmware, f"{bios_evidence}; {loaders.evidence}")


@dataclass(frozen=True, slots=True)
class _Loaders:
    """What UEFI finds."""

    any_at_all: bool
    fallback: str | None
    evidence: str


def _bios(layout: DiskLayout) -> tuple[bool, str]:
    """Whether the boot sector leads on to something, and how that is seen."""
    if not layout.boot_code:
        return False, "no boot code in the master boot record"
    if GRUB_MARK in layout.boot_sector:
        if not any(layout.core_sector):
            return False, "GRUB's boot sector leads to an empty sector"
        return True, "GRUB's boot sector, and its core where it points to"
    if layout.scheme == "none":
        bootable = any(mark in layout.boot_sector for mark in SYSLINUX_MARKS)
        return bootable, f"{'a' if bootable else 'no'} boot loader before the only file system"
    return _marked_partition(layout)


def _marked_partition(layout: DiskLayout) -> tuple[bool, str]:
    """Boot code that is not GRUB's starts the partition that is marked as active, or as bootable."""
    marked = [p for p in layout.partitions if p.bootable or p.type == BIOS_BOOT_GUID]
    if not marked:
        return False, "code in the master boot record, but no partition that it could start"
    return True, f"code in the master boot record, and {marked[0].name} is marked for it"


def _uefi(devices: Sequence[Device], architecture: str | None) -> _Loaders:
    """The loaders of the EFI system partitions, and how they are seen."""
    partitions = [device for device in devices if device.partition is not None and device.partition.is_esp]
    if not partitions:
        return _Loaders(any_at_all=False, fallback=None, evidence="no EFI system partition")
    others: list[str] = []
    for device in partitions:
        tree = GuestTree({"/": device.filesystem.root()})
        found = [
            f"EFI/BOOT/{name}" for name in FALLBACK_LOADERS.values() if tree.is_file(f"/EFI/BOOT/{name}")
        ]
        fitting = next((path for path in found if _fits(path, architecture)), None)
        if fitting is not None:
            return _Loaders(any_at_all=True, fallback=fitting, evidence=f"{fitting} on {device.volume.name}")
        others.extend(f"{path} on {device.volume.name}" for path in (*found, *_loaders(tree)))
    if not others:
        return _Loaders(any_at_all=False, fallback=None, evidence=f"no loader on {partitions[0].volume.name}")
    machine = f" for {architecture}" if architecture else ""
    evidence = f"{printable(others[0])}, and no fallback loader{machine} in EFI/BOOT"
    return _Loaders(any_at_all=True, fallback=None, evidence=evidence)


def _fits(path: str, architecture: str | None) -> bool:
    return architecture is None or FALLBACK_LOADERS.get(architecture) == posixpath.basename(path)


def _loaders(tree: GuestTree) -> Iterator[str]:
    """Loaders that a vendor installed beside the fallback: they need an entry in NVRAM."""
    for directory in tree.names("/EFI")[:MAX_LOADER_DIRECTORIES]:
        for name in tree.names(f"/EFI/{directory}"):
            path = f"EFI/{directory}/{name}"
            if name.lower().endswith(".efi") and tree.is_file(f"/{path}"):
                yield path
