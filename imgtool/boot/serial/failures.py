"""The ways in which a boot stops, as rules: what stands in the log, what it means, what to do about it.

The words are those of SeaBIOS, EDK II, GRUB 2.06 and 2.12, Linux 5.10 to 6.12, initramfs-tools, dracut and
systemd; tests/boot/logs has them as recorded.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imgtool.model.boot import Stage

Words = str | Callable[[re.Match[str], Sequence[str]], str]
"""A text, or what makes it of the match and all lines."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to stop. Of several that a log shows, the first in FAILURES is the cause."""

    stage: Stage
    mark: re.Pattern[str]
    cause: Words
    remedy: Words
    final: bool = True
    """Nothing comes after it: no need to wait any longer. Others tell only why it will have stopped."""


INSTALL_LOADER = (
    "install a loader where UEFI looks without an entry in its NVRAM: "
    "`grub-install --target=x86_64-efi --removable --efi-directory=/boot/efi`"
)
INSTALL_GRUB = "`grub-install --target=i386-pc /dev/DISK`, or start the image by UEFI (hw_firmware_type=uefi)"
INSTALL_KERNEL = "install the distribution's kernel package and run `update-grub` (or `grub2-mkconfig`)"
NAME_BOOT = "run `update-grub` and `grub-install` again: they look for a file system that is not on this disk"
REMAKE_INITRAMFS = (
    "make the initramfs again: `update-initramfs -u -k all`, or `dracut --force --regenerate-all`"
)
ADD_DRIVERS = (
    "put virtio_pci, virtio_blk and virtio_scsi into the initramfs: MODULES=most and "
    "`update-initramfs -u -k all`, or `dracut --force --no-hostonly --regenerate-all`"
)
NAME_ROOT = "correct root= on the kernel's command line: `update-grub`, or name what `blkid` shows"
NAME_FSTAB = "correct /etc/fstab by what `blkid` shows, or add nofail to the line's options"
READ_LOG = "read the whole serial log: `imgtool boot IMAGE --keep-log PATH`"

_DISK = re.compile(r"\[(?:vd|sd)[a-z]\]|\b(?:vd|sd)[a-z]: (?:vd|sd)[a-z]\d|Attached SCSI disk")
_LOST_DEVICE = re.compile(
    r"(?:ALERT! +|Warning: \"?|device |Expecting device \S+ - )"
    r"(?P<name>(?:UUID|LABEL|PARTUUID)=[\w-]+|/dev/\S+?)\"?(?: +does not exist|\.\.|$)"
)


def _no_root(_: re.Match[str], lines: Sequence[str]) -> str:
    named = _lost_device(lines)
    if not _saw_disk(lines):
        return (
            f"the initramfs sees no disk at all, and so no root file system{named}: it lacks virtio's drivers"
        )
    return f"the disk is there, but the root file system{named} is not on it"


def _root_remedy(_: re.Match[str], lines: Sequence[str]) -> str:
    return NAME_ROOT if _saw_disk(lines) else ADD_DRIVERS


def _saw_disk(lines: Sequence[str]) -> bool:
    return any(_DISK.search(line) for line in lines)


def _lost_device(lines: Sequence[str]) -> str:
    found = (match["name"] for line in lines if (match := _LOST_DEVICE.search(line)))
    name = next(found, "")
    return f" ({name})" if name else ""


def _unmountable(match: re.Match[str], _: Sequence[str]) -> str:
    return (
        f"the kernel cannot mount the root file system{_on(match)}: it was given no initramfs, or half of one"
    )


def _on(match: re.Match[str]) -> str:
    return f" on {match[1]}" if match[1] else ""


def _panic(match: re.Match[str], _: Sequence[str]) -> str:
    return f"the kernel panics: {match[1]}"


def _named(words: str) -> Words:
    """`words`, with the first group of the match in them."""
    return lambda match, _: words.format(match[1])


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
        _named("the boot loader finds no initramfs: {} is not there"),
        REMAKE_INITRAMFS,
        final=False,
    ),
    _rule(
        "boot-loader",
        r"error: (?:.*: )?file [`'](\S*(?:vmlinu|linux|kernel|[Ii]mage)\S*)' not found",
        _named("the boot loader finds no kernel: {} is not there"),
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
        _named("the boot loader looks for the file system {}, which is not on this disk"),
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
        _named("the kernel cannot unpack the initramfs: {}"),
        REMAKE_INITRAMFS,
        final=False,
    ),
    _rule(
        "kernel",
        r"Kernel panic - not syncing: .*Unable to mount root fs(?: on (\S+))?",
        _unmountable,
        REMAKE_INITRAMFS,
    ),
    _rule(
        "user-space",
        r"Kernel panic - not syncing: (Attempted to kill init.*)",
        _panic,
        REMAKE_INITRAMFS,
    ),
    _rule("kernel", r"Kernel panic - not syncing: (.*)", _panic, READ_LOG),
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
        _no_root,
        _root_remedy,
    ),
    _rule(
        "initramfs",
        r"Gave up waiting for root|Expecting device |[Dd]racut-initqueue.*: timeout",
        _no_root,
        _root_remedy,
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
        _named("systemd waits in vain for the device {} of /etc/fstab"),
        NAME_FSTAB,
        final=False,
    ),
    _rule(
        "user-space",
        r"Failed to mount (?:.* - )?(/\S*?)\.?$",
        _named("systemd cannot mount {}"),
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
        _named("systemd waits for {}"),
        NAME_FSTAB,
        final=False,
    ),
)
