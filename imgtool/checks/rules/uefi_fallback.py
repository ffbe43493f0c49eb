"""UEFI finds a loader without an entry in its NVRAM.

What it checks
    Where a loader for UEFI is on the disk: EFI/BOOT/BOOTX64.EFI on x86_64, EFI/BOOT/BOOTAA64.EFI on aarch64,
    and so on for the guest's architecture, on a FAT file system that the firmware reads, whatever the
    partition's type. The file is a whole program for that machine, and what it starts in its turn is there
    (shim: the loader beside it, or what the CSV file names).

Why it matters
    Installers write the name of their loader (EFI/debian/shimx64.efi) into the firmware's NVRAM. A new
    instance has an empty NVRAM, and then firmware starts the fallback loader, or nothing at all.

How to fix
    grub-install --target=x86_64-efi --removable --efi-directory=/boot/efi
    Debian, Ubuntu, for all later updates too:
        echo 'grub-efi-amd64 grub2/force_efi_extra_removable boolean true' | debconf-set-selections
    systemd-boot:  bootctl --esp-path=/boot/efi --no-variables install
"""

from imgtool.checks.check import Check, Verdict, failed, firmware_of, passed, skipped, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity

TARGETS = {"x86_64": "x86_64-efi", "aarch64": "arm64-efi", "riscv64": "riscv64-efi", "i686": "i386-efi"}
"""grub-install's names."""


def examine(inspection: Inspection) -> Verdict:
    """The fallback loader is there, or nothing on the disk is for UEFI."""
    firmware = firmware_of(inspection.guest)
    if isinstance(firmware, Unknown):
        return unknown(firmware.reason)
    if firmware.value.uefi:
        return passed(f"{firmware.value.fallback_loader} starts with an empty NVRAM", firmware.evidence)
    if not firmware.value.uefi_problem:
        return skipped("nothing on this disk starts by UEFI (boot-firmware judges what does)")
    return failed(
        f"UEFI starts nothing on a new instance: {firmware.value.uefi_problem}",
        firmware.evidence,
        f"grub-install --target={_target(inspection)} --removable --efi-directory=/boot/efi",
    )


def _target(inspection: Inspection) -> str:
    linux = inspection.guest.linux
    architecture = linux.architecture if linux is not None else None
    name = architecture.value if isinstance(architecture, Known) else "x86_64"
    return TARGETS.get(name, "x86_64-efi")


CHECK = Check("uefi-fallback", Severity.ERROR, examine)
