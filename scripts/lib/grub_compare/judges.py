"""Who runs a variant: GRUB itself, and imgtool. Both print the lines that are compared."""

import contextlib
import os
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

from support.grub import Disk, environment_block
from support.memory_filesystem import Content, Link

from grub_compare.variants import Variant
from imgtool.guest.bootloader.grub import commands  # noqa: F401 - it fills the table of commands
from imgtool.guest.bootloader.grub.disks import Disks
from imgtool.guest.bootloader.grub.errors import Err, GrubError, Stop, Undecided
from imgtool.guest.bootloader.grub.machine import Machine
from imgtool.guest.bootloader.grub.modules import Modules
from imgtool.guest.bootloader.grub.run import begin
from imgtool.guest.bootloader.grub.script import parses
from imgtool.guest.bootloader.run import LoaderFile
from imgtool.guest.filesystems.base import Kind

TREE: Mapping[str, Content] = {
    "d/f": "content\n",
    "d/empty": "",
    "d/.hidden": "x",
    "link": Link("d/f"),
    "dirlink": Link("d"),
    "dangling": Link("nowhere"),
    "sourced.cfg": 'echo "@@sourced $v"\nset w=sourced\n# comment\'\nset x1="a b"\n',
    "env": environment_block(envone="one 1", envtwo="a\\\\b"),
}
"""The files that variants look at; `$top` is where they are."""
COLUMNS = 70
SECONDS_EACH = 0.2
SECONDS_AT_MOST = 20
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")
_DEVICES = re.compile(r"\(proc\) \(host\)|\(hd0\)")
"""What a lone `*` stands for."""
_BEGIN = "@@@begin "
_ENDS = (f"{_BEGIN}-1".encode(), b"Failed to boot both default and fallback entries")
"""The last file is read; a menu's default and all its fallbacks were tried, so that it waits for a key."""
_TAIL = 1 << 13


def lay(folder: Path) -> None:
    """Writes TREE to the disk, for GRUB."""
    for name, content in TREE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.target)
        else:
            path.write_text(str(content))


def by_grub(variants: Sequence[Variant], folder: Path) -> dict[int, list[str]]:
    """Number to the lines that grub-emu prints; those it did not come to are missing.

    A menu may wait for a key for ever: then what it printed before that is its result.
    """
    outer = [f"set root=host\nset top={folder}\nexport top\n"]
    for one in variants:
        (folder / f"{one.number}.cfg").write_text(one.text)
        outer.append(f"echo\necho '{_BEGIN}{one.number}'\nconfigfile {folder}/{one.number}.cfg\n")
    (folder / "grub.cfg").write_text("".join(outer) + f"echo\necho '{_BEGIN}-1'\nhalt\n")
    ends = _ENDS if variants[0].is_menu else _ENDS[:1]
    found = _by_number(_ESCAPES.sub("", _output(folder, _seconds(variants), ends)))
    if -1 not in found and found and len(variants) > 1:
        del found[max(found)]  # it hung in this one
    return found


def _seconds(variants: Sequence[Variant]) -> float:
    """Long enough for a busy machine; only where GRUB waits for a key does it last as long."""
    return SECONDS_AT_MOST + SECONDS_EACH * len(variants)


def _output(folder: Path, seconds: float, ends: Sequence[bytes]) -> str:
    """What GRUB prints at a keyboard that nobody touches: an end of its input would be a key for it.

    It is read up to one of `ends`: what comes then is no part of the result.
    """
    command = ["stdbuf", "-o0", "grub-emu", "--directory", str(folder), "--root", "host"]
    hand, keyboard = os.openpty()
    until = time.monotonic() + seconds
    output = b""
    try:
        with subprocess.Popen(
            command, stdin=keyboard, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as emu:
            assert emu.stdout is not None  # noqa: S101 - it is a pipe
            while not any(end in output[-_TAIL:] for end in ends):
                left = until - time.monotonic()
                if left <= 0 or not select.select([emu.stdout], [], [], left)[0]:
                    break
                piece = os.read(emu.stdout.fileno(), 1 << 12)
                if not piece:
                    break
                output += piece
            emu.kill()
    finally:
        os.close(keyboard)
        os.close(hand)
    return output.decode("utf-8", "replace")


def _by_number(output: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for part in output.split(_BEGIN)[1:]:
        number, *lines = part.split("\n")
        found[int(number)] = _compared(lines)
    return found


def by_imgtool(variant: Variant, folder: Path) -> list[str]:
    """The lines that imgtool's interpreter prints."""
    disk = _disk(str(folder))
    start = disk.start(prefix=f"(hd0,gpt3){folder}", modules=_EVERYTHING)
    machine = _OnHostfs(start, Disks(start, disk.devices, disk.layout), Modules("i386-pc", _EVERYTHING))
    disk.root.tree[f"{folder}/grub.cfg".lstrip("/")] = (
        # Its disks have a root.
        f"set top={folder}\nexport top\nconfigfile $top/v.cfg\n"  # type: ignore[index]  # set by then
    )
    # Its disks have a root.
    disk.root.tree[f"{folder}/v.cfg".lstrip("/")] = variant.text  # type: ignore[index]  # set by then
    with contextlib.suppress(Stop, Undecided):
        begin(machine)
    return _compared("".join(machine.output).split("\n"))


class _OnHostfs(Machine):
    """Errors of the file system by which grub-emu reads the host's files (grub-core/kern/emu/hostfs.c).

    Where those of disks find no file it says that the name is bad. A directory it opens, and cannot read.
    """

    _NUMBERS: ClassVar[Mapping[int, int]] = {
        Err.FILE_NOT_FOUND: Err.BAD_FILENAME,
        Err.BAD_FILE_TYPE: Err.FILE_READ,
    }

    def file(self, path: str) -> LoaderFile:
        try:
            return super().file(path)
        except GrubError as error:
            error.number = self._NUMBERS.get(error.number, error.number)
            raise

    def has_file(self, path: str) -> bool:
        """A directory that is opened has a size."""
        try:
            return self.lookup(path).node.kind is Kind.DIRECTORY or super().has_file(path)
        except GrubError:
            return False


def _compared(lines: list[str]) -> list[str]:
    """What is compared of each line: a terminal of 80 columns, with tabs, goes on with the next one."""
    shown = (_DEVICES.sub("(disks)", line.expandtabs(8)) for line in lines if line.startswith("@@"))
    return [line[:COLUMNS].rstrip() for line in shown]


def same(theirs: list[str], ours: list[str]) -> bool:
    """Whether both print the same lines; GRUB breaks a long one at a blank within an argument."""
    return len(theirs) == len(ours) and all(
        left == right or (len(right) > COLUMNS - 10 and right.startswith(f"{left} "))
        for left, right in zip(theirs, ours, strict=True)
    )


class _Everything(frozenset[str]):
    """Every module is built into grub-emu."""

    def __contains__(self, name: object) -> bool:
        return name not in {"nosuchmodule", "blscfg", "increment"}


_EVERYTHING = _Everything()


@cache
def _disk(folder: str) -> Disk:
    """In the order in which the directory lists its files: wildcards give them so."""
    order = [
        str(path.relative_to(folder))
        for path in (Path(folder), Path(folder) / "d")
        for path in path.iterdir()
    ]
    names = sorted(TREE, key=lambda name: order.index(name) if name in order else -1)
    return Disk({**_around(folder), **{f"{folder}/{name}".lstrip("/"): TREE[name] for name in names}})


def _around(folder: str) -> dict[str, Content]:
    """The host's directories beside the folder's: a script that lost a variable's name lists them."""
    top = folder.split("/")[1]
    return {f"{path.name}/x": "" for path in Path("/").iterdir() if path.is_dir() and path.name != top}


def syntax_differs(variant: Variant, path: Path) -> str | None:
    """How grub-script-check and imgtool's parser disagree on mistakes; None where they agree."""
    path.write_text(variant.text)
    command = ["grub-script-check", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    theirs = "yntax error" not in done.stderr and "ncorrect command" not in done.stderr
    ours = parses(variant.text)
    return (
        None
        if ours == theirs
        else f"grub-script-check: {theirs}, imgtool: {ours}: {done.stderr.strip()[:100]}"
    )
