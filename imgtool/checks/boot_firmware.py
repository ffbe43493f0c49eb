"""Which firmware can start the image: BIOS, UEFI, or both.

What it checks
    Boot code and a BIOS boot or active partition for BIOS; an EFI system partition with a loader for UEFI.

Why it matters
    Nova boots with BIOS unless hw_firmware_type=uefi is set. An image that boots only by UEFI needs the
    property, and one that boots both ways must not be tied to one of them. A disk that nothing can start
    is no boot image.

How to fix
    BIOS:  grub-install --target=i386-pc /dev/DISK     (GPT: with a small partition of type EF02)
    UEFI:  grub-install --target=x86_64-efi --removable --efi-directory=/boot/efi
"""

from imgtool.checks.check import Check, Verdict, failed, passed, unknown
from imgtool.model.facts import Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.judgement import Severity


def examine(inspection: Inspection) -> Verdict:
    """At least one kind of firmware finds something to start."""
    firmware = inspection.guest.firmware
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


CHECK = Check("boot-firmware", Severity.INFO, examine)
