"""What a BIOS starts from a disk: the code in its first sector, and where that leads.

Sources: SeaBIOS, src/boot.c (boot_disk: only the signature is looked at); GRUB, grub-core/boot/i386/pc/
boot.S; SYSLINUX, mbr/mbr.S, altmbr.S, gptmbr.S; FreeBSD, stand/i386/pmbr and boot0; GNU Parted,
libparted/labels/dos.c (the code that it writes into a new table); for Windows' code, what it prints.
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from imgtool.guest import mbr
from imgtool.guest.bootloader.files import LoaderFiles
from imgtool.guest.bootloader.start import NoStart, Start
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.firmware.grub_core import DamagedCoreError, GrubCore, read_core
from imgtool.guest.firmware.syslinux_sector import directory_of, is_syslinux
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import SECTOR_BYTES, Partition
from imgtool.guest.volumes import DiskLayout
from imgtool.util.text import printable

MACHINES = frozenset({"x86_64", "i686"})
"""What has a BIOS."""
GRUB_MARK = b"GRUB "
"""In the boot sectors of GRUB 2 and of GRUB legacy, behind their code."""
KERNEL_SECTOR, BOOT_DRIVE = 0x5C, 0x64
"""GRUB 2's boot.img: the sector that it goes on with, and the drive to read it from."""
DRIVES = (0xFF, 0x80)
"""The drive that the BIOS started from, and the first hard disk by its number."""
LEGACY_VERSION, LEGACY_ADDRESS, LEGACY_SECTOR = 0x3E, 0x42, 0x44
"""GRUB legacy's stage1.h: version of the layout, where stage 1.5 or 2 is loaded to, and its sector."""
LEGACY_ADDRESSES = (0x2000, 0x8000)
PARTED = bytes.fromhex("fab800108ed0bc00b0b800008ed88ec0fbbe007c")
ALTMBR_NUMBER = 439
"""SYSLINUX's altmbr.bin is followed by the number of the partition that it starts."""
FREEBSD_BOOT_GUID = "83bd6b9d-7f41-11dc-be0b-001560b84f0f"
STUBS = (
    b"This is not a bootable disk",
    b"Non-system disk",
    b"Non-System disk",
    b"not a bootable partition",
    b"No Boot",
)
"""What the boot sectors print that mkfs leaves: they start nothing."""
WINDOWS = {b"BOOTMGR": "bootmgr", b"NTLDR": "ntldr"}
"""What Windows' boot sectors name, and start from the top directory."""
PREFIX = re.compile(r"\(([^)]*)\)")
ON_THIS_DISK = re.compile(r"(?:hd0)?,(?:gpt|msdos)?(\d{1,4})(?:,.*)?")


@dataclass(frozen=True, slots=True)
class _Code:
    """Code that starts one partition."""

    owner: str
    one_only: bool = True
    """It complains of several that are marked; else it takes the first."""
    asks_signature: bool = True


SYSLINUX_MBR = _Code("SYSLINUX's code")
WINDOWS_MBR = _Code("the code")
PARTED_MBR = _Code("GNU Parted's code", one_only=False, asks_signature=False)
UNKNOWN_MBR = _Code("unknown code", one_only=False)


@dataclass(frozen=True, slots=True)
class _Disk:
    """What the code sees."""

    layout: DiskLayout
    devices: Sequence[Device] = field(repr=False)

    def sector(self, start_bytes: int) -> bytes:
        return self.layout.read_at(start_bytes, SECTOR_BYTES)

    def device(self, name: str) -> Device | None:
        return next((device for device in self.devices if device.volume.name == name), None)


def start_by_bios(
    layout: DiskLayout, devices: Sequence[Device], architecture: str | None = None
) -> Start | NoStart:
    """What a BIOS starts from this disk, or why it starts nothing. `architecture` as `uname -m` says it."""
    if architecture is not None and architecture not in MACHINES:
        return NoStart("bios", f"there is no BIOS on {architecture}")
    disk = _Disk(layout, devices)
    sector = layout.boot_sector
    if sector[510:512] != mbr.SIGNATURE:
        return NoStart("bios", "the first sector is not marked as a boot sector")
    if not any(sector[: mbr.CODE_BYTES]):
        return NoStart("bios", "no boot code in the master boot record")
    try:
        return _known_loader(disk, sector, 0, "the disk") or _master_boot_code(disk, sector)
    except GuestReadError as error:
        return NoStart("bios", f"the boot code cannot be followed: {error}", known=False)


def _known_loader(disk: _Disk, sector: bytes, start_bytes: int, name: str) -> Start | NoStart | None:
    """The boot loader whose own code stands in a boot sector; None where it is none that is known."""
    where = f"the first sector of {name}"
    volume = "disk" if start_bytes == 0 else name
    if GRUB_MARK in sector:
        legacy = struct.unpack_from("<H", sector, LEGACY_ADDRESS)[0] in LEGACY_ADDRESSES
        is_legacy = legacy and sector[LEGACY_VERSION] == 3
        return _grub_legacy(disk, sector, where) if is_legacy else _grub(disk, sector, where)
    if is_syslinux(sector):
        return _syslinux(disk, sector, start_bytes, where, disk.device(volume))
    if b"isolinux.bin missing or corrupt" in sector:
        return Start("bios", "syslinux", "ISOLINUX of a hybrid ISO", architecture="i386")
    if sector[6:10] == b"LILO":
        return Start("bios", "other", f"LILO in {where}", architecture="i386")
    if any(stub in sector for stub in STUBS):
        return NoStart("bios", f"{where} only prints that it does not boot: no boot loader is there")
    windows = next((file for mark, file in WINDOWS.items() if mark in sector), None)
    return _windows(disk.device(volume), where, windows) if windows else None


def _grub(disk: _Disk, sector: bytes, where: str) -> Start | NoStart:
    if sector[BOOT_DRIVE] not in DRIVES:
        drive = sector[BOOT_DRIVE]
        return NoStart("bios", f"GRUB in {where} reads its core from another disk (drive {drive:#04x})")
    (first,) = struct.unpack_from("<Q", sector, KERNEL_SECTOR)
    try:
        core = read_core(disk.layout.read_at, first, disk.layout.size_bytes)
    except DamagedCoreError as error:
        return NoStart("bios", f"GRUB is in {where}, but {error}", known=not error.repairable)
    return Start(
        "bios",
        "grub",
        f"core.img in {_area(disk.layout, first)}",
        device=_prefix_device(disk, core),
        prefix=core.image.prefix,
        script=core.image.script,
        modules=core.image.modules,
        memdisk=core.image.memdisk,
        architecture="i386",
    )


def _area(layout: DiskLayout, sector: int) -> str:
    """Where a sector is, for people."""
    place = sector * SECTOR_BYTES
    for partition in layout.partitions:
        if partition.start_bytes <= place < partition.start_bytes + partition.size_bytes:
            return f"{partition.name} (sector {sector})"
    return f"the gap before the first partition (sector {sector})"


def _prefix_device(disk: _Disk, core: GrubCore) -> Device | None:
    """The file system that the prefix names, where it is one of this disk; None where it cannot be told."""
    found = PREFIX.match(core.image.prefix)
    if found is None:
        return disk.device("disk" if core.boot_partition is None else f"partition {core.boot_partition}")
    name = found[1]
    if name in {"", "hd0"}:
        return disk.device("disk")
    if name.startswith("lvm/"):
        return next((d for d in disk.devices if d.volume.is_logical and _grub_name(d) == name), None)
    partition = ON_THIS_DISK.fullmatch(name)
    return disk.device(f"partition {int(partition[1])}") if partition else None


def _grub_name(device: Device) -> str:
    """GRUB's name of a logical volume: `lvm/GROUP-VOLUME`, with dashes in either doubled."""
    group, _, name = device.volume.name.partition("/")
    return f"lvm/{group.replace('-', '--')}-{name.replace('-', '--')}"


def _grub_legacy(disk: _Disk, sector: bytes, where: str) -> Start | NoStart:
    (second,) = struct.unpack_from("<I", sector, LEGACY_SECTOR)
    if not any(disk.sector(second * SECTOR_BYTES)):
        return NoStart("bios", f"GRUB legacy is in {where}, but sector {second}, where it goes on, is empty")
    place = f"GRUB legacy in {where} and {_area(disk.layout, second)}"
    return Start("bios", "grub-legacy", place, architecture="i386")


def _syslinux(
    disk: _Disk, sector: bytes, start_bytes: int, where: str, device: Device | None
) -> Start | NoStart:
    try:
        directory = directory_of(disk.layout.read_at, sector, start_bytes, device)
    except GuestReadError as error:
        return NoStart("bios", f"SYSLINUX is in {where}, but {error}")
    return Start(
        "bios", "syslinux", f"SYSLINUX in {where}", device=device, prefix=directory, architecture="i386"
    )


def _windows(device: Device | None, where: str, file: str) -> Start | NoStart:
    if device is None:
        return NoStart(
            "bios", f"{where} starts {file.upper()}, and its file system cannot be read", known=False
        )
    files = LoaderFiles(device)
    found = next((name for name in files.names("/") if name.casefold() == file), None)
    if found is None:
        return NoStart("bios", f"{where} starts {file.upper()}, and there is none on {device.volume.name}")
    return Start(
        "bios", "windows", f"{where}", device=device, path=f"/{printable(found)}", architecture="i386"
    )


def _master_boot_code(disk: _Disk, sector: bytes) -> Start | NoStart:
    """Code of a master boot record: it starts the boot sector of one partition."""
    if b"Missing boot loader" in sector:
        return _freebsd(disk)
    if b"Missing OS" in sector and b"GPT" in sector:
        return _marked_in_gpt(disk)
    if b"Operating system load error" in sector:
        if b"Multiple active partitions" in sector:
            return _active(disk, sector, SYSLINUX_MBR)
        return _numbered(disk, sector[ALTMBR_NUMBER])
    if b"Missing operating system" in sector or b"Invalid partition table" in sector:
        return _active(disk, sector, WINDOWS_MBR)
    return _active(disk, sector, PARTED_MBR if sector.startswith(PARTED) else UNKNOWN_MBR)


def _active(disk: _Disk, sector: bytes, code: _Code) -> Start | NoStart:
    active = _marked(disk, sector)
    doing = f"{code.owner} in the master boot record starts the active partition"
    if not active:
        return NoStart("bios", f"{doing}, and none is marked active", known=code is not UNKNOWN_MBR)
    if len(active) > 1 and code.one_only:
        names = ", ".join(str(number) for number, _ in active)
        return NoStart("bios", f"{doing}, and several are marked active ({names})")
    number, start_bytes = active[0]
    return _boot_sector(disk, f"partition {number}", start_bytes, code)


def _marked(disk: _Disk, sector: bytes) -> list[tuple[int, int]]:
    """Number and start of each partition that the master boot record marks as active."""
    if disk.layout.scheme == "mbr":
        return [(one.number, one.start_bytes) for one in disk.layout.partitions if one.bootable]
    entries = mbr.entries(sector) or ()
    return [
        (number, entry.start * SECTOR_BYTES)
        for number, entry in enumerate(entries, 1)
        if entry.flag == mbr.ACTIVE and entry.type
    ]


def _numbered(disk: _Disk, number: int) -> Start | NoStart:
    found = next((one for one in disk.layout.partitions if one.number == number), None)
    if found is None:
        return NoStart("bios", f"SYSLINUX's altmbr starts partition {number}, and there is none")
    return _boot_sector(disk, found.name, found.start_bytes, SYSLINUX_MBR)


def _marked_in_gpt(disk: _Disk) -> Start | NoStart:
    doing = "SYSLINUX's gptmbr starts the partition with the attribute `legacy BIOS bootable`"
    marked: list[Partition] = []
    if disk.layout.scheme == "gpt":
        marked = [one for one in disk.layout.partitions if one.bootable]
    if len(marked) != 1:
        names = ", ".join(str(one.number) for one in marked)
        return NoStart("bios", f"{doing}, and {f'several have it ({names})' if marked else 'none has it'}")
    return _boot_sector(disk, marked[0].name, marked[0].start_bytes, SYSLINUX_MBR)


def _freebsd(disk: _Disk) -> Start | NoStart:
    """FreeBSD's pmbr runs what stands in the partition of that type."""
    found = next((one for one in disk.layout.partitions if one.type == FREEBSD_BOOT_GUID), None)
    if found is None:
        return NoStart("bios", "FreeBSD's code in the master boot record finds no partition freebsd-boot")
    if not any(disk.sector(found.start_bytes)):
        return NoStart("bios", f"FreeBSD's code in the master boot record starts {found.name}: it is empty")
    return Start("bios", "other", f"FreeBSD's boot program in {found.name}", architecture="i386")


def _boot_sector(disk: _Disk, name: str, start_bytes: int, code: _Code) -> Start | NoStart:
    """The boot sector of a partition that the master boot record starts."""
    sector = disk.sector(start_bytes)
    before = f"{code.owner} in the master boot record starts {name}"
    if len(sector) < SECTOR_BYTES:
        return NoStart("bios", f"{before}, which lies beyond the end of the disk")
    if not any(sector[: mbr.CODE_BYTES]):
        return NoStart("bios", f"{before}, and there is no boot code in its first sector")
    if code.asks_signature and sector[510:512] != mbr.SIGNATURE:
        return NoStart("bios", f"{before}, and its first sector is not marked as a boot sector")
    found = _known_loader(disk, sector, start_bytes, name)
    if found is not None:
        return found
    return NoStart("bios", f"{before}, and the code in its first sector is not known", known=False)
