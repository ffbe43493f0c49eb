"""The ways in which a boot stops, as rules: what stands in the log, what it means, what to do about it.

The words are those of SeaBIOS, EDK II, GRUB 2.06 and 2.12, Linux 5.10 to 6.12, initramfs-tools, dracut and
systemd; tests/boot/logs has them as recorded.
"""

import re
from dataclasses import dataclass

from imgtool.boot.serial.causes import STALE_INT3, Words, named, no_root, panic, root_remedy, unmountable
from imgtool.boot.serial.remedies import (
    EMULATE_ONE_CPU,
    INSTALL_GRUB,
    INSTALL_KERNEL,
    INSTALL_LOADER,
    NAME_BOOT,
    NAME_FSTAB,
    READ_LOG,
    REMAKE_INITRAMFS,
)
from imgtool.model.boot import Stage


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to stop. Of several that a log shows, the first in FAILURES is the cause."""

    stage: Stage
    mark: re.Pattern[str]
    cause: Words
    remedy: Words
    final: bool = True
    """Nothing comes after it: no need to wait any longer. Others tell only why it will have stopped."""
    or_later: bool = False
    """It may happen in later stages too. Others were got over when a later stage is reached."""


def _rule(stage: Stage, mark: str, cause: Words, remedy: Words, *, final: bool = True) -> Rule:
    return Rule(stage, re.compile(mark), cause, remedy, final)


FAILURES: tuple[Rule, ...] = (
    _rule("firmware", r"No bootable device", "BIOS finds nothing to start on the disk", INSTALL_GRUB),
    _rule(
        "firmware",
        r"BdsDxe: failed to (?:load|start) Boot\w+ .*(?:Security Violation|Access Denied)",
        "Secure Boot refuses the image's loader: its signature is not trusted",
        "install the distribution's signed shim and GRUB, or start without Secure Boot",
        final=False,
    ),
    _rule(
        "firmware",
        r"BdsDxe: No bootable option|UEFI Interactive Shell|^Shell>|Start (?:PXE|HTTP) over"
        r"|BdsDxe: starting .*Shell",
        "UEFI finds no loader to start on the disk",
        INSTALL_LOADER,
    ),
    _rule(
        "boot-loader",
        r"error: (?:.*: )?file [`'](\S*init(?:rd|ramfs)\S*)' not found",
        named("the boot loader finds no initramfs: {} is not there"),
        REMAKE_INITRAMFS,
        final=False,
    ),
    _rule(
        "boot-loader",
        r"error: (?:.*: )?file [`'](\S*(?:vmlinu|linux|kernel|[Ii]mage)\S*)' not found",
        named("the boot loader finds no kernel: {} is not there"),
        INSTALL_KERNEL,
        final=False,
    ),
    _rule(
        "boot-loader",
        r"error: (?:.*: )?(?:invalid magic number|premature end of file|not a linux image)",
        "the boot loader cannot read the kernel: its file is damaged",
        INSTALL_KERNEL,
        final=False,
    ),
    _rule(
        "boot-loader",
        r"error: (?:.*: )?no such device: ([\w-]+)",
        named("the boot loader looks for the file system {}, which is not on this disk"),
        NAME_BOOT,
        final=False,
    ),
    _rule(
        "boot-loader",
        r"^(?:Entering rescue mode|grub rescue>)",
        "GRUB stops in its rescue mode: it finds neither its modules nor its configuration",
        NAME_BOOT,
    ),
    _rule(
        "boot-loader",
        r"^grub>|Minimal BASH-like line editing",
        "GRUB stops at its prompt: it finds no configuration",
        NAME_BOOT,
    ),
    _rule(
        "boot-loader",
        r"error: (?:.*: )?you need to load the kernel first|Failed to boot both default and fallback",
        "the boot loader has no kernel that it could start",
        INSTALL_KERNEL,
    ),
    _rule(
        "initramfs",
        r"[Ii]nitramfs unpacking failed: (.*)",
        named("the kernel cannot unpack the initramfs: {}"),
        REMAKE_INITRAMFS,
        final=False,
    ),
    _rule(
        "kernel",
        r"Kernel panic - not syncing: .*Unable to mount root fs(?: on (\S+))?",
        unmountable,
        REMAKE_INITRAMFS,
    ),
    _rule(
        "user-space",
        r"Kernel panic - not syncing: (Attempted to kill init.*)",
        panic,
        REMAKE_INITRAMFS,
    ),
    Rule("kernel", re.compile(r"\bint3: 0000 \[#\d+\]"), STALE_INT3, EMULATE_ONE_CPU, or_later=True),
    Rule("kernel", re.compile(r"Kernel panic - not syncing: (.*)"), panic, READ_LOG, or_later=True),
    _rule(
        "initramfs",
        r"[Mm]ount(?:ing|: mounting) (\S+) on /(?:root|sysroot) failed"
        r"|Failed to mount (\S+) as root file system",
        lambda match, _: f"the initramfs cannot mount the root file system {match[1] or match[2]}",
        "put the root file system's driver into the initramfs, or repair the file system: "
        + REMAKE_INITRAMFS,
        final=False,
    ),
    _rule(
        "initramfs",
        r"ALERT! .*does not exist",
        no_root,
        root_remedy,
    ),
    _rule(
        "initramfs",
        r"Gave up waiting for root|Expecting device |[Dd]racut-initqueue.*: timeout",
        no_root,
        root_remedy,
        final=False,
    ),
    _rule(
        "initramfs",
        r"[Dd]racut [Ee]mergency [Ss]hell|^\(initramfs\)|Entering emergency mode"
        r"|Generating \"/run/initramfs/rdsosreport",
        "the initramfs stops in its emergency shell",
        REMAKE_INITRAMFS,
    ),
    _rule(
        "user-space",
        r"Timed out waiting for device .*?(?:- )?(/dev/\S+?|[^ -]\S*?)\.?$",
        named("systemd waits in vain for the device {} of /etc/fstab"),
        NAME_FSTAB,
        final=False,
    ),
    _rule(
        "user-space",
        r"Failed to mount (?:.* - )?(/\S*?)\.?$",
        named("systemd cannot mount {}"),
        NAME_FSTAB,
        final=False,
    ),
    _rule(
        "user-space",
        r"[Yy]ou are in (?:emergency|rescue) mode|Give root password for maintenance"
        r"|Cannot open access to console, the root account is locked",
        "systemd stops in emergency mode",
        READ_LOG,
    ),
    _rule(
        "user-space",
        r"A start job is running for ([^(]*?) *\(",
        named("systemd waits for {}"),
        NAME_FSTAB,
        final=False,
    ),
)
