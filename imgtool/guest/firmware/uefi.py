"""What UEFI starts from a disk on a new instance: the variables are empty, so only the fallback path counts.

Firmware makes a device of each partition that it sees, reads those with FAT whatever their type, and takes
the first file of the right name that looks like a program. Sources: EDK2 (OVMF, AAVMF),
MdeModulePkg/Library/UefiBootManagerLib/BmBoot.c (BmExpandMediaDevicePath) and BmLoadOption.c; UEFI
specification, 3.5.1.1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from imgtool.guest.bootloader.files import LoaderFiles
from imgtool.guest.bootloader.start import NoStart, Start
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.firmware.efi_loader import SUFFIXES, follow, open_program
from imgtool.guest.firmware.fat_driver import BOOT_SECTOR_BYTES, why_not_read
from imgtool.guest.firmware.portable_executable import NotLoadedError
from imgtool.guest.mounts import Device
from imgtool.guest.volumes import DiskLayout
from imgtool.util.text import enumerated, printable

FALLBACK_LOADERS = {machine: f"BOOT{suffix.upper()}.EFI" for machine, suffix in SUFFIXES.items()}
"""Architecture to EFI/BOOT/...: what firmware starts with an empty NVRAM."""
MAX_DIRECTORIES = 64
"""Directories of EFI in which loaders of vendors are looked for."""


@dataclass(slots=True)
class _Search:
    """What was seen on the way."""

    architecture: str
    refused: list[str] = field(default_factory=list)
    """Fallback loaders that the firmware passes over, and why."""
    unread: list[str] = field(default_factory=list)
    """File systems that could not be read here."""
    decision: Start | NoStart | None = None


@dataclass(frozen=True, slots=True)
class UefiLook:
    """What UEFI starts, and whether anything on the disk is meant for it."""

    start: Start | NoStart
    fallback: str | None
    """The path that it starts, as the specification writes it; None where it starts nothing."""
    meant: bool
    """There is a loader for UEFI, whether it starts or not."""


def look(layout: DiskLayout, devices: Sequence[Device], architecture: str | None = None) -> UefiLook:
    """What UEFI of that architecture (as `uname -m` says it; None: of any) makes of this disk."""
    if architecture is not None and architecture not in FALLBACK_LOADERS:
        return UefiLook(NoStart("uefi", f"there is no UEFI for {architecture}"), None, meant=False)
    fats = [device for device in devices if device.filesystem.type == "vfat" and not device.volume.is_logical]
    vendors = list(_vendor_loaders(fats))
    if layout.faults.uefi is not None:
        reason = f"{layout.faults.uefi}: UEFI sees no partition"
        return UefiLook(NoStart("uefi", reason), None, meant=bool(vendors) or _any_fallback(fats))
    searches = [_search(layout, fats, one) for one in ([architecture] if architecture else FALLBACK_LOADERS)]
    started = next((one for one in searches if isinstance(one.decision, Start)), None)
    if started is not None and started.decision is not None:
        name = f"EFI/BOOT/{FALLBACK_LOADERS[started.architecture]}"
        return UefiLook(started.decision, name, meant=True)
    decided = next((one.decision for one in searches if one.decision is not None), None)
    refused = list(dict.fromkeys(reason for one in searches for reason in one.refused))
    unread = list(dict.fromkeys(reason for one in searches for reason in one.unread))
    start = decided or _nothing(fats, architecture, refused, unread, vendors)
    return UefiLook(start, None, meant=bool(decided or refused or vendors))


def _search(layout: DiskLayout, fats: Sequence[Device], architecture: str) -> _Search:
    """One after the other, until a file decides."""
    search = _Search(architecture)
    for device in fats:
        number = device.partition.number if device.partition is not None else None
        if number in layout.faults.hidden:
            search.refused.append(f"UEFI leaves out {device.volume.name}: its place in the table is wrong")
            continue
        try:
            search.decision = _of_device(search, layout, device)
        except GuestReadError as error:
            search.unread.append(f"{device.volume.name} cannot be read: {error}")
        if search.decision is not None:
            break
    return search


def _of_device(search: _Search, layout: DiskLayout, device: Device) -> Start | NoStart | None:
    """What the firmware starts from here; None where it goes on to the next file system."""
    name = device.volume.name
    files = LoaderFiles(device)
    found = files.find(f"/EFI/BOOT/{FALLBACK_LOADERS[search.architecture]}")
    if found is None:
        return None
    reason = why_not_read(_boot_sector(layout, device))
    if reason is not None:
        search.refused.append(f"UEFI does not read the FAT file system of {name}: {reason}")
        return None
    shown = f"{printable(found.path.lstrip('/'))} on {name}"
    try:
        return follow(open_program(files, found, search.architecture))
    except NotLoadedError as error:
        if error.candidate:
            return NoStart("uefi", f"UEFI does not load {shown}: {error}", shown)
        search.refused.append(f"UEFI does not load {shown}: {error}")
    return None


def _boot_sector(layout: DiskLayout, device: Device) -> bytes:
    """What the firmware finds at the start of the partition: it knows of no RAID around a file system."""
    if device.partition is None:
        return device.volume.open().read(BOOT_SECTOR_BYTES)
    return layout.read_at(device.partition.start_bytes, BOOT_SECTOR_BYTES)


def _nothing(
    fats: Sequence[Device],
    architecture: str | None,
    refused: list[str],
    unread: list[str],
    vendors: list[str],
) -> NoStart:
    names = [FALLBACK_LOADERS[architecture]] if architecture else ["BOOTX64.EFI"]
    if unread:
        return NoStart("uefi", enumerated(unread, "; "), enumerated(refused, "; "), known=False)
    if refused:
        return NoStart("uefi", enumerated(refused, "; "), enumerated(vendors))
    if not fats:
        return NoStart("uefi", "there is no FAT file system, which an EFI system partition has")
    where = enumerated([device.volume.name for device in fats])
    reason = f"no EFI/BOOT/{names[0]} on {where}"
    if vendors:
        machine = f" for {architecture}" if architecture else ""
        reason += f", no fallback loader{machine}; {vendors[0]} needs an entry in the firmware's variables"
    return NoStart("uefi", reason, enumerated(vendors))


def _any_fallback(fats: Sequence[Device]) -> bool:
    return any(True for device in fats for _ in _programs(device, "BOOT"))


def _vendor_loaders(fats: Sequence[Device]) -> Iterator[str]:
    """Loaders beside the fallback path, or there for another machine: they do not start by themselves."""
    for device in fats:
        try:
            names = LoaderFiles(device).names("/EFI")[:MAX_DIRECTORIES]
        except GuestReadError:
            continue
        for directory in names:
            for path in _programs(device, directory):
                yield f"{printable(path)} on {device.volume.name}"


def _programs(device: Device, directory: str) -> Iterator[str]:
    try:
        files = LoaderFiles(device)
        for name in files.names(f"/EFI/{directory}"):
            if name.lower().endswith(".efi") and files.find(f"/EFI/{directory}/{name}"):
                yield f"EFI/{directory}/{name}"
    except GuestReadError:
        return
