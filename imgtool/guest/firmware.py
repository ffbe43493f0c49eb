"""Which firmware can start a disk: BIOS by the code in its boot sector, UEFI by the loaders on its ESP."""

from collections.abc import Iterator, Sequence

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import BIOS_BOOT_GUID
from imgtool.guest.tree import GuestTree
from imgtool.guest.volumes import DiskLayout
from imgtool.model import Fact, Firmware, Known, Unknown
from imgtool.text import printable

FALLBACK_LOADERS = ("BOOTX64.EFI", "BOOTAA64.EFI", "BOOTRISCV64.EFI", "BOOTLOONGARCH64.EFI", "BOOTIA32.EFI")
"""EFI/BOOT/...: what firmware starts with an empty NVRAM. UEFI specification, section 3.5.1.1."""
GRUB_MARK = b"GRUB "
"""A string in GRUB's boot sector, behind its code (grub-core/boot/i386/pc/boot.S)."""
SYSLINUX_MARKS = (b"SYSLINUX", b"EXTLINUX")
"""Strings in the boot sectors that SYSLINUX writes at the start of a file system. One that has neither is the
stub of mkfs, which only prints that the disk does not boot."""
MAX_LOADER_DIRECTORIES = 64


def read_firmware(layout: DiskLayout, devices: Sequence[Device]) -> Fact[Firmware]:
    """What can start this disk, with the evidence; unknown where the ESP cannot be read."""
    bios, bios_evidence = _bios(layout)
    try:
        loader, uefi_evidence = _uefi(devices)
    except GuestReadError as error:
        return Unknown(f"the EFI system partition: {error}")
    return Known(Firmware(bios=bios, uefi=loader is not None), f"{bios_evidence}; {uefi_evidence}")


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


def _uefi(devices: Sequence[Device]) -> tuple[str | None, str]:
    """The loader that would be started, and how that is seen."""
    partitions = [device for device in devices if device.partition is not None and device.partition.is_esp]
    if not partitions:
        return None, "no EFI system partition"
    others: list[str] = []
    for device in partitions:
        tree = GuestTree({"/": device.filesystem.root()})
        for loader in FALLBACK_LOADERS:
            if tree.is_file(f"/EFI/BOOT/{loader}"):
                return loader, f"EFI/BOOT/{loader} on {device.volume.name}"
        others.extend(f"{path} on {device.volume.name}" for path in _loaders(tree))
    if others:
        return others[0], f"{printable(others[0])}, and no fallback loader in EFI/BOOT"
    return None, f"no loader on {partitions[0].volume.name}"


def _loaders(tree: GuestTree) -> Iterator[str]:
    """Loaders that a vendor installed beside the fallback: they need an entry in NVRAM."""
    for directory in tree.names("/EFI")[:MAX_LOADER_DIRECTORIES]:
        for name in tree.names(f"/EFI/{directory}"):
            path = f"EFI/{directory}/{name}"
            if name.lower().endswith(".efi") and tree.is_file(f"/{path}"):
                yield path
