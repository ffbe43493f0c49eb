"""The log of a serial console as plain lines, and the stage of the boot that each line belongs to.

The words are those of SeaBIOS (src/boot.c), EDK II (BdsDxe), GRUB 2, Linux (init/main.c), initramfs-tools,
dracut and systemd. The guest wrote the log: it is not to be trusted.
"""

import re

from imgtool.model.boot import STAGES, Stage
from imgtool.util.text import printable

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
    """Return for each line the latest stage reached by then; None before the first that shows one."""
    found: list[Stage | None] = []
    latest: Stage | None = None
    for line in lines:
        stage = stage_of(line)
        if stage is not None and (latest is None or later(stage, latest)):
            latest = stage
        found.append(latest)
    return found


MAX_CHARACTERS = 4 << 20
"""Of a log its first and its last half of this are read: a guest can write without end."""
MAX_LINE_CHARACTERS = 400

_CURSOR = re.compile(r"\x1b\[[0-9;]{0,16}[Hf]")
"""Menus put each row in its place (ECMA-48, CUP and HVP): a new row is a new line."""
_ESCAPE = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI: colours, clearing
    r"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # OSC, DCS and the like: titles
    r"|\x1b[ -/]{0,4}[0-~]"  # character sets, reset
)
_DROPPED = dict.fromkeys(map(ord, "\0\b\x1b"))
"""Also what is left of an escape sequence that systemd cut in two to shorten a line."""
_WORD = re.compile(r"[A-Za-z]{2}")
"""The rest are blanks, the frames of menus, and what a console shows before its speed is set."""
_BREAK = re.compile(r"[\r\n]+")


def plain_lines(log: str) -> list[str]:
    """The lines with a word in them, in order, without escape sequences, printable, none very long."""
    if len(log) > MAX_CHARACTERS:
        log = f"{log[: MAX_CHARACTERS // 2]}\n{log[-MAX_CHARACTERS // 2 :]}"
    text = _ESCAPE.sub("", _CURSOR.sub("\n", log)).replace("\t", " ").translate(_DROPPED)
    lines = (line.strip()[:MAX_LINE_CHARACTERS] for line in _BREAK.split(text))
    return [printable(line) for line in lines if _WORD.search(line)]
