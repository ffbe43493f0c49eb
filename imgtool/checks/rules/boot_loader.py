"""The boot loader starts a kernel, with nobody at the keyboard.

What it checks
    The way from the firmware to the kernel, as the programs themselves go it: what BIOS or UEFI starts
    (BIOS where both start something, as Nova does), where that loader finds its configuration, and what its
    script comes to. GRUB's language is run, systemd-boot's and SYSLINUX's rules are followed. It fails where
    the loader waits for a key, or longer than five minutes, ends at its prompt, names a file that is not
    there, or loads what is no kernel.

Why it matters
    Nobody sits at the console of an instance. A menu without a timeout waits for ever; a configuration that
    looks for a file system which is gone ends at `grub rescue>`; the entry that was tested is of no use where
    another one is the default.

How to fix
    GRUB:          set GRUB_TIMEOUT in /etc/default/grub, then update-grub, or
                   grub2-mkconfig -o /boot/grub2/grub.cfg; grub-install where its core looks elsewhere
    systemd-boot:  bootctl set-default ENTRY, and `timeout 3` in loader/loader.conf
    EXTLINUX:      TIMEOUT 10 in extlinux.conf, and a DEFAULT that is there
"""

from imgtool.checks.check import Check, Verdict, failed, passed, skipped, unknown
from imgtool.model.boot_path import FIRMWARES, BootPath, BootStep
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity

STEPS = ("loader", "entry", "kernel")
REMEDY = (
    "mend the boot loader's configuration: `update-grub` or `grub2-mkconfig -o /boot/grub2/grub.cfg`, with "
    "GRUB_TIMEOUT=1 in /etc/default/grub; `imgtool inspect IMAGE` shows where the boot stops"
)


def examine(inspection: Inspection) -> Verdict:
    """The path that Nova takes goes on to a kernel."""
    guest = inspection.guest
    path = guest.boot_path
    if path is None:
        return unknown(guest.reason)
    steps = [step for step in path.steps if step.name in STEPS and step.outcome != "not-reached"]
    if not steps:
        return skipped("the firmware starts nothing (boot-firmware judges that)")
    stop = next((step for step in steps if step.outcome != "goes-on"), None)
    by = FIRMWARES[path.firmware]
    if stop is None:
        return passed(f"by {by}: {steps[-1].summary}", _evidence(steps))
    if stop.outcome == "unknown":
        return unknown(f"by {by}: {stop.summary}")
    return failed(f"by {by} {_stops(stop)}{_other(guest.boot_paths)}", _evidence(steps), REMEDY)


def _stops(step: BootStep) -> str:
    return f"the boot {'waits' if step.outcome == 'waits' else 'stops'} at the {step.name}: {step.summary}"


def _other(paths: tuple[BootPath, ...]) -> str:
    """Where the other firmware comes further: its name, and how to have it used."""
    other = next((path for path in paths if not path.used), None)
    steps = [step for step in other.steps if step.name in STEPS] if other is not None else []
    if other is None or not steps or any(step.outcome != "goes-on" for step in steps):
        return ""
    return f" (by {FIRMWARES[other.firmware]} it goes on: hw_firmware_type={other.firmware})"


def _evidence(steps: list[BootStep]) -> str:
    return "; ".join(step.place for step in steps if step.place)


CHECK = Check("boot-loader", Severity.ERROR, examine)
