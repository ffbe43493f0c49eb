"""The ways in which a boot stops, as rules: what stands in the log, what it means, what to do about it.

The words are those of SeaBIOS, EDK II, GRUB 2.06 and 2.12, Linux 5.10 to 6.12, initramfs-tools, dracut and
systemd (src/core/device.c, mount.c, job.c); tests/boot/logs has them as recorded.

A later line can take back what one says: a device came after all, a mount went well the second time.
systemd says that it waits before it says that it has what it waited for, and on a slow machine it says so of
much that comes: a first mention is no cause.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from imgtool.model.boot import Stage

STALE_INT3 = (
    "the kernel met a breakpoint (int3) that it had removed: QEMU's emulation of several CPUs went wrong, "
    "not the image"
)
"""The kernel patches its code by a breakpoint for a moment; QEMU's TCG may run that from its cache later."""

SIGNED = "install the distribution's signed shim, GRUB and kernel, or start without Secure Boot"

Words = str | Callable[[re.Match[str], Sequence[str]], str]
"""A text, or what makes it of the match and all lines."""

_DISK = re.compile(r"\[(?:vd|sd)[a-z]\]|\b(?:vd|sd)[a-z]: (?:vd|sd)[a-z]\d|Attached SCSI disk")
_LOST_DEVICE = re.compile(
    r"(?:ALERT! +|Warning: \"?|(?<!Found )device |Expecting device \S+ - )"
    r"(?P<name>(?:UUID|LABEL|PARTUUID)=[\w-]+|/dev/\S+?)\"?(?: +does not exist|\.\.|$)"
)


def no_root(_: re.Match[str], lines: Sequence[str]) -> str:
    """The initramfs found no root: because it saw no disk, or because the root is not on it."""
    named = _lost_device(lines)
    if not _saw_disk(lines):
        return (
            f"the initramfs sees no disk at all, and so no root file system{named}: it lacks virtio's drivers"
        )
    return f"the disk is there, but the root file system{named} is not on it"


def root_remedy(_: re.Match[str], lines: Sequence[str]) -> str:
    """The drivers, or the name of the root."""
    return NAME_ROOT if _saw_disk(lines) else ADD_DRIVERS


def _saw_disk(lines: Sequence[str]) -> bool:
    return any(_DISK.search(line) for line in lines)


def _lost_device(lines: Sequence[str]) -> str:
    found = (match["name"] for line in lines if (match := _LOST_DEVICE.search(line)))
    name = next(found, "")
    return f" ({name})" if name else ""


def unmountable(match: re.Match[str], _: Sequence[str]) -> str:
    """The kernel itself was to mount the root."""
    return (
        f"the kernel cannot mount the root file system{_on(match)}: it was given no initramfs, or half of one"
    )


def _on(match: re.Match[str]) -> str:
    return f" on {match[1]}" if match[1] else ""


def panic(match: re.Match[str], _: Sequence[str]) -> str:
    """Return the reason of a panic in the kernel's own words."""
    return f"the kernel panics: {match[1]}"


def named(words: str) -> Words:
    """`words`, with the first group of the match in them."""
    return lambda match, _: words.format(match[1])


NAME_INIT = "install an init (`apt install systemd-sysv`), or take init= off the kernel's command line"
INSTALL_LOADER = (
    "install a loader where UEFI looks without an entry in its NVRAM: "
    "`grub-install --target=x86_64-efi --removable --efi-directory=/boot/efi`"
)
INSTALL_GRUB = "`grub-install --target=i386-pc /dev/DISK`, or start the image by UEFI (hw_firmware_type=uefi)"
INSTALL_SYSLINUX = "run `extlinux --install FOLDER` in the guest, with the folder of its configuration"
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
EMULATE_ONE_CPU = "start it with one CPU (--cpus 1), or by KVM"
READ_LOG = "read the whole serial log: `imgtool boot IMAGE --keep-log PATH`"


Withdrawal = Callable[[re.Match[str], str], bool]
"""Whether a later line takes back what the match says."""

OF_NO_MOUNT = r"dev-(?:tty|hvc|console|virtio)|/dev/(?:tty|hvc|console|virtio-ports|vport|rtc|net)"
"""Devices for which a login prompt, an agent or a clock waits: no boot stops for want of one."""

_FOUND = re.compile(r"\bFound device (?P<what>.*)")
_ROOT = re.compile(
    r"Mounted (?:.*- )?/sysroot|Mounted .*[Rr]oot|Reached target .*(?:Initrd Root |initrd-root-)"
    r"|Starting .*[Ss]witch [Rr]oot|EXT4-fs \(\S+\): mounted|XFS \(\S+\): (?:Ending clean|Mounting)"
)
_DONE = re.compile(r"\b(?:Started|Finished|Mounted|Found device|Reached target|Listening on|Set up) ")
_DEVICE = re.compile(r"/dev/\S+")


def may_take_back(line: str) -> bool:
    """Whether any of the rules below could say so of the line."""
    return _DONE.search(line) is not None or _ROOT.search(line) is not None


def device_found(match: re.Match[str], line: str) -> bool:
    """The device came: systemd names it, or, where its hardware has a name, by that alone."""
    found = _FOUND.search(line)
    if found is None:
        return False
    named = _DEVICE.findall(found["what"])
    return not named or any(one.rstrip(".") == match[1].rstrip(".") for one in named)


def root_found(match: re.Match[str], line: str) -> bool:
    """The root file system was found or mounted, whatever was said of it before."""
    named = _DEVICE.findall(match.string)
    found = _FOUND.search(line)
    if found is not None:
        there = _DEVICE.findall(found["what"])
        return (
            not named
            or not there
            or any(one.rstrip(".") in {two.rstrip(".") for two in there} for one in named)
        )
    return _ROOT.search(line) is not None


def done_later(match: re.Match[str], line: str) -> bool:
    """The job that was waited for, or that failed, was done: the same words, after one that says so."""
    return match[1] in line and _DONE.search(line) is not None


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
    withdrawn: Withdrawal | None = None
    """What a later line says where it was got over all the same; None where that cannot be."""
    timed: bool = False
    """The guest waited for something, and its patience ended."""


def _rule(stage: Stage, mark: str, cause: Words, remedy: Words, **more: Any) -> Rule:
    return Rule(stage, re.compile(mark), cause, remedy, **more)


FAILURES: tuple[Rule, ...] = (
    _rule("firmware", r"No bootable device", "BIOS finds nothing to start on the disk", INSTALL_GRUB),
    _rule(
        "firmware",
        r"BdsDxe: failed to (?:load|start) Boot\w+ .*(?:Security Violation|Access Denied)",
        "Secure Boot refuses the image's loader: its signature is not trusted",
        SIGNED,
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
        r"Verification failed: \(0x1A\) Security Violation",
        "Secure Boot: shim refuses the boot loader: nobody whom it knows signed it, or its generation is old",
        SIGNED,
    ),
    _rule(
        "boot-loader",
        r"error: (?:.*: )?(?:bad shim signature|prohibited by secure boot policy|verification requested but)",
        "Secure Boot: GRUB does not start the kernel: nobody whom shim knows signed it",
        SIGNED,
        final=False,
    ),
    _rule(
        "boot-loader",
        r'BdsDxe: failed to start Boot\w+ "(?![^"]*(?:Shell|PXE|HTTP))(?!.*(?:Security Viol|Access Den))',
        "the boot loader gave up: it handed back to UEFI, which has nothing else to start",
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
        r"Failed to load ldlinux\.c32",
        "SYSLINUX stops: it does not find ldlinux.c32, without which it can do nothing",
        INSTALL_SYSLINUX,
    ),
    _rule(
        "boot-loader",
        r"No configuration file found|No DEFAULT or UI configuration directive found",
        "SYSLINUX waits at its prompt: it finds no configuration, or none with a DEFAULT",
        "put extlinux.conf or syslinux.cfg, with DEFAULT and its LABEL, into the folder of ldlinux.c32",
        final=False,
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
        "initramfs",
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
        timed=True,
    ),
    _rule(
        "initramfs",
        r"Gave up waiting for root|Expecting device |[Dd]racut-initqueue.*: timeout",
        no_root,
        root_remedy,
        final=False,
        withdrawn=root_found,
        timed=True,
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
        r"^(?:\S*/)?sh: 0: can't access tty",
        "a shell was started in place of an init: there is none, or init= names the shell",
        NAME_INIT,
    ),
    _rule(
        "user-space",
        r"Timed out waiting for device "
        rf"(?!.*(?:{OF_NO_MOUNT})).*?(?:- )?(/dev/\S+?|[^ -]\S*?)\.?$",
        named("systemd waits in vain for the device {}, which /etc/fstab or a unit asks for"),
        NAME_FSTAB,
        final=False,
        withdrawn=device_found,
        timed=True,
    ),
    _rule(
        "user-space",
        r"Failed to mount (?:.* - )?(/\S*?)\.?$",
        named("systemd cannot mount {}"),
        NAME_FSTAB,
        final=False,
        withdrawn=done_later,
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
        withdrawn=done_later,
        timed=True,
    ),
)
