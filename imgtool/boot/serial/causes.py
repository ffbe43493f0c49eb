"""What stands in a log, made into a cause: by the line that tells, and by all others."""

import re
from collections.abc import Callable, Sequence

from imgtool.boot.serial.remedies import ADD_DRIVERS, NAME_ROOT

STALE_INT3 = (
    "the kernel met a breakpoint (int3) that it had removed: QEMU's emulation of several CPUs went wrong, "
    "not the image"
)
"""The kernel patches its code by a breakpoint for a moment; QEMU's TCG may run that from its cache later."""

Words = str | Callable[[re.Match[str], Sequence[str]], str]
"""A text, or what makes it of the match and all lines."""

_DISK = re.compile(r"\[(?:vd|sd)[a-z]\]|\b(?:vd|sd)[a-z]: (?:vd|sd)[a-z]\d|Attached SCSI disk")
_LOST_DEVICE = re.compile(
    r"(?:ALERT! +|Warning: \"?|device |Expecting device \S+ - )"
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
    """In the kernel's own words."""
    return f"the kernel panics: {match[1]}"


def named(words: str) -> Words:
    """`words`, with the first group of the match in them."""
    return lambda match, _: words.format(match[1])
