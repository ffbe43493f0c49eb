"""Which firmware can start the image: BIOS, UEFI, or both.

What it checks
    BIOS: the code in the first sector, and where it leads: GRUB's core image, which is unpacked; the boot
    sector of the active partition; SYSLINUX's and Windows' own. UEFI: the fallback loader on any FAT file
    system that the firmware reads.

Why it matters
    Nova boots with BIOS unless hw_firmware_type=uefi is set. An image that boots only by UEFI needs the
    property, which imgtool derives; one that boots both ways must not be tied to one of them. A disk that
    neither can start is no boot image: the instance stops before the first line of its console.

How to fix
    BIOS:  grub-install --target=i386-pc /dev/DISK     (GPT: with a small partition of type EF02)
    UEFI:  grub-install --target=x86_64-efi --removable --efi-directory=/boot/efi
"""

from imgtool.checks.check import Check, Verdict, failed, firmware_of, passed, unknown
from imgtool.model.facts import Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity


def examine(inspection: Inspection) -> Verdict:
    """Pass if at least one kind of firmware finds something to start."""
    firmware = firmware_of(inspection.guest)
    if isinstance(firmware, Unknown):
        return unknown(firmware.reason)
    ways = [name for name, boots in (("BIOS", firmware.value.bios), ("UEFI", firmware.value.uefi)) if boots]
    if ways:
        return passed(f"boots by {' and '.join(ways)}", firmware.evidence)
    return failed(
        "neither BIOS nor UEFI finds anything to start",
        firmware.evidence,
        "install a boot loader: `grub-install --removable --target=x86_64-efi --efi-directory=/boot/efi`",
    )


CHECK = Check("boot-firmware", Severity.ERROR, examine)
