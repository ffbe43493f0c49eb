"""What the sealed machine runs, as one script, and what it said, read again. Pure.

Each line of ours begins with a mark that nobody else knows; what stands between is the guest's own.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imgtool.model.fix import Repair
from imgtool.util.text import printable

SCRIPT_BYTES = 256 << 10
"""The size of the disk that the script stands on, filled up with line ends."""
MARK = "@imgtool"
LOCAL = "ext2,ext3,ext4,xfs,btrfs,vfat"
KEPT_LINES = 20
DISKS = "/dev/[hsv]d[a-z]"
"""What Linux calls a disk depends on its controller: each is known by its first bytes."""
_LOOK_BYTES = 64
_BEGIN = """\
if [ -e /etc/initrd-release ] || [ ! -d /var/lib ]; then echo "$mark:lost"; exit 0; fi
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C HOME=/root TERM=dumb SYSTEMD_OFFLINE=1 DEBIAN_FRONTEND=noninteractive
mount -o remount,rw / || mount -o remount,rw none / || { echo "$mark:read-only"; exit 0; }
[ -e /proc/mounts ] || mount -t proc proc /proc
[ -d /sys/class ] || mount -t sysfs sysfs /sys
[ -e /dev/null ] || mount -t devtmpfs devtmpfs /dev
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
disk= packages=
for one in DISKS; do
    case $(dd if="$one" bs=LOOK count=1 2> /dev/null | tr -c 'a-z0-9:@=' ' ') in
    "mark=$mark "*) ;;
    "$mark "*) packages=$one ;;
    *) disk=${disk:-$one} ;;
    esac
done
mount -t tmpfs tmpfs /tmp
[ -d /run/lock ] || mkdir -p /run/lock
mount -a -t LOCAL
# What systemd mounts though no fstab names it: systemd-gpt-auto-generator(8).
for part in "$disk"[0-9]*; do
    place=
    case $(blkid -p -s PART_ENTRY_TYPE -o value "$part" 2> /dev/null) in
    c12a7328-f81f-11d2-ba4b-00a0c93ec93b) place=/efi; [ -d /efi ] || place=/boot ;;
    bc13c2ff-59e6-4262-a352-b275fd6f7172) place=/boot ;;
    esac
    if [ -d "$place" ] && [ -z "$(ls -A "$place")" ] && ! grep -q "^$part " /proc/mounts; then
        mount "$part" "$place"
    fi
done
echo "$mark:ready"
"""
_END = """\
cd /
umount /tmp
sync
points=
while read -r device point type rest; do
    case $type in ext2 | ext3 | ext4 | xfs | btrfs | vfat) [ "$point" = / ] || points="$point $points" ;; esac
done < /proc/mounts
for point in $points; do umount "$point"; done
{ mount -o remount,ro / || mount -o remount,ro none /; } && echo "$mark:clean"
sync
echo "$mark:end"
echo o > /proc/sysrq-trigger
sleep 30
poweroff -f
exit 0
"""


def script(repairs: Sequence[Repair], nonce: str) -> bytes:
    """The content of the script's disk: the shell reads a block device as it reads a file.

    A repair finds the disk that it is to repair in $disk, and the one with packages in $packages. Raises
    ValueError where it has no room.
    """
    begin = _BEGIN.replace("LOCAL", LOCAL).replace("DISKS", DISKS).replace("LOOK", str(_LOOK_BYTES))
    parts = [f"{_first_line(nonce)}\n", begin]
    for number, repair in enumerate(repairs):
        # Not in a condition: there the shell would go on after a command that fails.
        body = f"(\nset -e\n{repair.script}) < /dev/null 2>&1\n"
        parts.append(f'echo "$mark:begin:{number}"\n{body}echo "$mark:end:{number}:$?"\n')
    content = "".join((*parts, _END)).encode()
    if len(content) > SCRIPT_BYTES:
        raise ValueError("the repairs are longer than the script's disk")
    return content.ljust(SCRIPT_BYTES, b"\n")


def label(nonce: str) -> str:
    """What the disk with packages begins with, and what stands before each message."""
    return f"{MARK}:{nonce}"


def start_line(nonce: str) -> str:
    """What a shell is told, so that it runs the script, on whatever disk that is."""
    first = _first_line(nonce)
    look = f"dd if=$d bs={len(first)} count=1 2>/dev/null"  # an initramfs has dd, and may have no head
    return f"for d in {DISKS};do [ \"$({look})\" = '{first}' ]&&sh $d;done"


def _first_line(nonce: str) -> str:
    return f"mark={label(nonce)}"


@dataclass(frozen=True, slots=True)
class Said:
    """What the console has shown so far."""

    ready: bool
    ended: bool
    clean: bool
    lost: str | None
    """Why the script could not begin, or None."""
    statuses: tuple[int | None, ...]
    """Of each repair; None where it has not ended."""
    outputs: tuple[tuple[str, ...], ...]
    """The last lines of each, printable."""
    current: int | None
    """The repair that is being done."""


_WORDS = frozenset({"ready", "end", "clean", "lost", "read-only"})
_LOST = {
    "lost": "its initramfs did not give way to the root file system",
    "read-only": "its root file system cannot be written to",
}


class Reader:
    """What the console says of `count` repairs, line after line. Whatever else stands there is output."""

    def __init__(self, nonce: str, count: int) -> None:
        self._prefix = f"{label(nonce)}:"
        self._words: set[str] = set()
        self._statuses: list[int | None] = [None] * count
        self._outputs = [deque[str](maxlen=KEPT_LINES) for _ in range(count)]
        self._current: int | None = None

    def take(self, lines: Iterable[str]) -> Said:
        """Take more lines; return what all that were taken say."""
        for line in lines:
            self._take(line)
        return Said(
            ready="ready" in self._words,
            ended="end" in self._words,
            clean="clean" in self._words,
            lost=next((_LOST[word] for word in _LOST if word in self._words), None),
            statuses=tuple(self._statuses),
            outputs=tuple(map(tuple, self._outputs)),
            current=self._current,
        )

    def _take(self, line: str) -> None:
        before, found, told = line.partition(self._prefix)
        shown = before.rstrip().rpartition("\r")[2]  # a line that was written over shows its end only
        if self._current is not None and shown.strip():
            self._outputs[self._current].append(printable(shown))
        if not found:
            return
        kind, *numbers = told.strip().split(":")
        if kind in _WORDS:
            self._words.add(told.strip())
        number = int(numbers[0]) if numbers and numbers[0].isdecimal() else len(self._statuses)
        if number >= len(self._statuses):
            return
        self._current = number if kind == "begin" else None
        if kind == "end" and len(numbers) == 2 and numbers[1].isdecimal():
            self._statuses[number] = int(numbers[1])
