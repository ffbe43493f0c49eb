"""Which stage of a boot a line of the serial log belongs to.

The words are those of SeaBIOS (src/boot.c), EDK II (BdsDxe), GRUB 2, Linux (init/main.c), initramfs-tools,
dracut and systemd.
"""

import re

from imgtool.model.boot import STAGES, Stage

_MARKS: tuple[tuple[Stage, re.Pattern[str]], ...] = (
    (
        "user-space",
        re.compile(
            r"Run /(?:usr/)?s?bin/\S* as init process|Switching root|switch_root"
            r"|Reached target (?:\S+ - )?Multi-User System|cloud-init\[\d+\]:"
            r"|^INIT: version|^\s*OpenRC |^Welcome to (?!.*(?:[Ii]nitramfs|dracut))(?!GRUB)"
            r"|^\S+ login: *(?:$|\[)"
        ),
    ),
    (
        "initramfs",
        re.compile(
            r"Run /(?:init|linuxrc) as init process|^Loading, please wait|^Begin: |dracut[:[-]|dracut-\w+\["
            r"|[Rr]unning in (?:initrd|initial RAM)|^Welcome to .*(?:[Ii]nitramfs|dracut)|^\(initramfs\)"
        ),
    ),
    ("kernel", re.compile(r"Linux version \d|^\[ *\d+\.\d{6}\]|^EFI stub: ")),
    (
        "boot-loader",
        re.compile(
            r"GNU GRUB|Welcome to GRUB|^GRUB loading|^grub(?: rescue)?>|^Booting [`'\"]|^Loading Linux"
            r"|^BdsDxe: starting Boot(?!.*(?:Shell|PXE|HTTP))|^(?:SYS|ISO|EXT|PXE)LINUX \d|^Boot in \d+ s"
        ),
    ),
)
"""The latest stage first: a line of user space may have the kernel's time before it.

systemd runs in dracut's initramfs too, where it sets the host name and reaches basic.target as well."""

_ORDER = {stage: number for number, stage in enumerate(STAGES)}


def stage_of(line: str) -> Stage | None:
    """The stage that a plain line shows to have begun; None where it tells nothing."""
    return next((stage for stage, mark in _MARKS if mark.search(line)), None)


def later(one: Stage, other: Stage) -> bool:
    """`one` comes after `other`."""
    return _ORDER[one] > _ORDER[other]


def reached(lines: list[str]) -> list[Stage | None]:
    """For each line the latest stage that was reached by then; None before the first line that tells one."""
    found: list[Stage | None] = []
    latest: Stage | None = None
    for line in lines:
        stage = stage_of(line)
        if stage is not None and (latest is None or later(stage, latest)):
            latest = stage
        found.append(latest)
    return found
