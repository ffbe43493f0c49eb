"""What it means that a boot went no further, where no line of its log says why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from imgtool.boot.diagnosis.rules import ADD_DRIVERS, INSTALL_GRUB, INSTALL_LOADER, READ_LOG
from imgtool.model.boot import Stage
from imgtool.util.text import printable

ADD_CONSOLE = (
    "put console=tty0 console=ttyS0,115200 on the kernel's command line (GRUB_CMDLINE_LINUX in "
    "/etc/default/grub, then `update-grub`): no error can be seen before that"
)
SET_TIMEOUT = (
    "set GRUB_TIMEOUT=1 in /etc/default/grub and run `update-grub`: without a timeout GRUB waits for ever "
    "at its menu, and where it recorded a failed boot too (GRUB_RECORDFAIL_TIMEOUT)"
)
ADD_ENTRY = (
    "put an entry into loader/entries of the EFI system partition, with its kernel and initramfs beside it "
    "(`kernel-install add VERSION /boot/vmlinuz-VERSION`), or a unified kernel image into EFI/Linux"
)
NO_MENU = "give loader/loader.conf of the EFI system partition a `timeout` of some seconds"
MEND_LABEL = (
    "correct DEFAULT, and LINUX and INITRD of its LABEL, in extlinux.conf or syslinux.cfg: paths are taken "
    "from the folder of that file unless they begin with /"
)
NO_PROMPT = "give extlinux.conf or syslinux.cfg `PROMPT 0`, or a TIMEOUT in tenths of a second"
START_AGENT = (
    "install qemu-guest-agent and see that it starts: `apt install qemu-guest-agent`, "
    "`systemctl unmask qemu-guest-agent`; `imgtool check IMAGE` says which it is"
)

LOGIN = re.compile(r"^\S+ login: *(?:$|\[)")
"""The kernel or cloud-init may go on in the same line."""
_MENU = re.compile(r"GNU GRUB +version")
_LOADER_STARTS = re.compile(r"^BdsDxe: starting Boot")
_STARTS_SOON = re.compile(r"\bBoot in \d+ s")
_SETUP_ENTRY = "Reboot Into Firmware Interface"
_SYSLINUX = re.compile(r"^(?:SYS|EXT|ISO|PXE)LINUX \d")
_PROMPT = re.compile(r"^(?:boot: *)+$")
_NOT_LOADED = re.compile(r"^Loading (\S+?)\.\.\..*failed")
_COUNTDOWN = re.compile(r"will be executed automatically in \d+s|^Booting [`'\"]")
_AGENT_FAILED = re.compile(
    r"(?:Failed to start|Dependency failed for) .*(?:QEMU Guest Agent|qemu-guest-agent|qemu-ga)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Standstill:
    """Where it stands, what that means, what to do about it."""

    stage: Stage
    cause: str
    remedy: str
    timed: bool = False
    """It might have gone on."""


def standstill(lines: Sequence[str], latest: Stage | None) -> Standstill:
    """What is to be said of a boot whose time is over, by the latest stage that it reached."""
    if latest is None or latest == "firmware":
        return _in_firmware(lines)
    if latest == "boot-loader":
        return _in_boot_loader(lines)
    if latest == "user-space":
        return _in_user_space(lines)
    if latest == "kernel":
        cause = "the kernel started, and nothing after it: it hangs, or says the rest on another console"
        return Standstill("kernel", cause, ADD_CONSOLE, timed=True)
    cause = "the initramfs was started, and did not come to the root file system in time"
    return Standstill("initramfs", cause, f"{ADD_DRIVERS}; {READ_LOG}", timed=True)


def _in_firmware(lines: Sequence[str]) -> Standstill:
    if not lines:
        cause = "nothing on the serial console: what starts, if anything, says nothing there"
        return Standstill("firmware", cause, ADD_CONSOLE)
    cause = "the firmware started, and nothing after it: no boot loader came up"
    return Standstill("firmware", cause, f"UEFI: {INSTALL_LOADER}; BIOS: {INSTALL_GRUB}")


def _in_boot_loader(lines: Sequence[str]) -> Standstill:
    menu = any(_MENU.search(line) for line in lines)
    if menu and not any(_COUNTDOWN.search(line) for line in lines):
        return Standstill("boot-loader", "GRUB waits at its menu for somebody to choose", SET_TIMEOUT)
    if (found := _in_systemd_boot(lines) or _in_syslinux(lines)) is not None:
        return found
    cause = "the boot loader was the last to say anything: the kernel hangs, or has no serial console"
    return Standstill("kernel", cause, ADD_CONSOLE)


def _in_systemd_boot(lines: Sequence[str]) -> Standstill | None:
    """systemd-boot's menu ends with the firmware's setup (src/boot/efi/boot.c); alone, it starts that."""
    setups = [index for index, line in enumerate(lines) if _SETUP_ENTRY in line]
    if not setups:
        return None
    first = setups[0]
    if first and _LOADER_STARTS.search(lines[first - 1]):
        cause = "systemd-boot finds no system: it offers the firmware's setup alone"
        return Standstill("boot-loader", cause, ADD_ENTRY)
    if any(_STARTS_SOON.search(line) for line in lines[first:]):
        return None
    return Standstill("boot-loader", "systemd-boot waits at its menu for somebody to choose", NO_MENU)


def _in_syslinux(lines: Sequence[str]) -> Standstill | None:
    """Tell SYSLINUX by its prompt, the last word; on a serial console each word may stand twice."""
    said = [line for line in lines if line.strip()]
    if not any(_SYSLINUX.search(line) for line in said) or not _PROMPT.match(said[-1]):
        return None
    if (failed := next(filter(None, map(_NOT_LOADED.search, said)), None)) is not None:
        cause = f"SYSLINUX cannot load {printable(failed[1])}, and waits at its prompt"
        return Standstill("boot-loader", cause, MEND_LABEL)
    return Standstill("boot-loader", "SYSLINUX waits at its prompt for somebody to type", NO_PROMPT)


def _in_user_space(lines: Sequence[str]) -> Standstill:
    failed = next((line for line in lines if _AGENT_FAILED.search(line)), None)
    if failed is not None:
        return Standstill("agent", f"qemu-guest-agent does not start: {failed}", START_AGENT)
    if any(LOGIN.search(line) for line in lines):
        cause = "the system is up, at its login prompt, but qemu-guest-agent does not answer"
        return Standstill("agent", cause, START_AGENT, timed=True)
    cause = "the system was still starting its services when the time was over"
    return Standstill("user-space", cause, f"give it more time (--timeout), or {READ_LOG}", timed=True)
