"""What the firmware hands over: the boot loader that it starts, and where that one's own work begins."""

from dataclasses import dataclass
from typing import Literal

from imgtool.guest.filesystems.base import Filesystem
from imgtool.guest.mounts import Device
from imgtool.model.boot_path import FirmwareName

LoaderName = Literal["grub", "grub-legacy", "systemd-boot", "unified-image", "syslinux", "windows", "other"]


@dataclass(frozen=True, slots=True)
class Start:
    """The boot loader that one kind of firmware starts from this disk."""

    firmware: FirmwareName
    loader: LoaderName
    place: str
    """Where it stands, for people: `core.img in partition 1`, `EFI/BOOT/BOOTX64.EFI on partition 2`."""
    device: Device | None = None
    """The file system that it was started from (UEFI), or that its prefix or its boot sector names (BIOS)."""
    path: str = ""
    """UEFI: the path of the program that runs in the end (of shim: what shim starts) on `device`."""
    programs: tuple[str, ...] = ()
    """UEFI: the paths of all that run one after the other, `path` the last one."""
    prefix: str = ""
    """GRUB: as embedded, `(,gpt3)/boot/grub` or `/EFI/debian`. SYSLINUX: its directory. Else empty."""
    script: str = ""
    """GRUB: the embedded configuration, which runs before that of the prefix."""
    modules: frozenset[str] | None = None
    """GRUB: the names of the modules that are built in; None where they are not known."""
    memdisk: Filesystem | None = None
    """GRUB: the file system that is embedded as `(memdisk)`."""
    architecture: str = "x86_64"
    """Of the loader: `x86_64`, `i386`, `aarch64`. BIOS always is `i386`'s rules on an x86_64 machine."""


@dataclass(frozen=True, slots=True)
class NoStart:
    """One kind of firmware starts nothing from this disk, and why."""

    firmware: FirmwareName
    reason: str
    evidence: str = ""
    known: bool = True
    """False where that could not be read: it may start something."""
