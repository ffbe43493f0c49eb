"""What the firmware makes of a disk, by its own rules: which boot loader BIOS starts, and which UEFI.

bios.py                  the code in the first sector, and where it leads
grub_core.py             GRUB's core.img, unpacked; grub_image.py: prefix, script and modules in it
syslinux_sector.py       SYSLINUX in a boot sector
uefi.py                  the fallback loader on any FAT; fat_driver.py: which of them UEFI reads
efi_loader.py            what that program is and starts in its turn: shim, GRUB, systemd-boot, a UKI
portable_executable.py   whether UEFI loads it
memdisk.py               a tar archive inside of GRUB as a file system
"""

from imgtool.guest.bootloader.start import NoStart, Start
from imgtool.guest.firmware.bios import MACHINES, start_by_bios
from imgtool.guest.firmware.efi_loader import loader_architecture
from imgtool.guest.firmware.uefi import FALLBACK_LOADERS, UefiLook, look
from imgtool.model.boot_path import FIRMWARES
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.layout import Firmware

__all__ = [
    "FALLBACK_LOADERS",
    "UefiLook",
    "firmware_of",
    "look",
    "start_by_bios",
    "starts_on",
]


def starts_on(start: Start | NoStart, architecture: str) -> bool:
    """Whether what firmware of any machine starts is what one of that architecture would start."""
    if architecture not in FALLBACK_LOADERS or (isinstance(start, NoStart) and architecture not in MACHINES):
        return False
    return isinstance(start, NoStart) or start.architecture == loader_architecture(architecture)


def firmware_of(bios: Start | NoStart, uefi: UefiLook) -> Fact[Firmware]:
    """The fact that the two come to. What could not be read counts only where it would change it."""
    unread = [one for one in (bios, uefi.start) if isinstance(one, NoStart) and not one.known]
    if unread and not isinstance(uefi.start, Start):
        return Unknown("; ".join(f"{FIRMWARES[one.firmware]}: {one.reason}" for one in unread))
    firmware = Firmware(
        bios=isinstance(bios, Start),
        uefi=isinstance(uefi.start, Start),
        fallback_loader=uefi.fallback,
        uefi_problem=uefi.start.reason if isinstance(uefi.start, NoStart) and uefi.meant else "",
    )
    return Known(
        firmware, "; ".join(f"{FIRMWARES[one.firmware]}: {_told(one)}" for one in (bios, uefi.start))
    )


def _told(start: Start | NoStart) -> str:
    if isinstance(start, NoStart):
        return start.reason
    return f"{start.place} ({start.loader})"
