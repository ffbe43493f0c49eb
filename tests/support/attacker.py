"""A program that changes files under who reads or writes them: `attacker.py HOW PLACE`, until it is killed.

It says a line on stdout once it has begun. Standard library only: it runs as another user too.
"""

import ctypes
import mmap
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

STATES = tuple(random.Random(seed).randbytes(4096) for seed in (1, 2))
"""What the file is full of, in turn."""
AT_FDCWD, RENAME_EXCHANGE = -100, 2
_libc = ctypes.CDLL(None, use_errno=True)
_dice = random.Random(7)


def _rest() -> None:
    time.sleep(_dice.choice([0, 0.001, 0.004, 0.02]))


def rewrite(place: Path) -> Callable[[], None]:
    """All of the file, in place, with its time of modification set back."""
    size, turn = place.stat().st_size, [0]

    def once() -> None:
        turn[0] ^= 1
        before = place.stat()
        file = os.open(place, os.O_WRONLY)
        for start in range(0, size, 1 << 18):
            os.pwrite(file, STATES[turn[0]] * (1 << 6), start)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.close(file)

    return once


def map_it(place: Path) -> Callable[[], None]:
    """The same by a mapping into memory, of which no time tells while it lasts."""
    size, turn = place.stat().st_size, [0]

    def once() -> None:
        turn[0] ^= 1
        with place.open("r+b") as file, mmap.mmap(file.fileno(), size) as memory:
            file.close()
            for start in range(0, size, 1 << 18):
                memory[start : start + (1 << 18)] = STATES[turn[0]] * (1 << 6)
            _rest()

    return once


def exchange(place: Path) -> Callable[[], None]:
    """The folders `good` and `evil` in `place` take each other's name, in one step."""
    good, evil = os.fsencode(place / "good"), os.fsencode(place / "evil")

    def once() -> None:
        _libc.renameat2(AT_FDCWD, good, AT_FDCWD, evil, RENAME_EXCHANGE)

    return once


def link(place: Path) -> Callable[[], None]:
    """Whatever appears in the folder becomes a link to `victim` beside it."""
    victim = place.parent / "victim"

    def once() -> None:
        for name in os.listdir(place):
            try:
                (place / name).unlink()
                (place / name).symlink_to(victim)
            except OSError:
                continue

    return once


HOW = {"rewrite": rewrite, "map": map_it, "exchange": exchange, "link": link}


def main(how: str, place: str) -> None:
    """Again and again."""
    once = HOW[how](Path(place))
    print("begun", flush=True)  # noqa: T201 - whoever started it waits for this
    while True:
        once()
        if how != "link":
            _rest()


if __name__ == "__main__":
    main(*sys.argv[1:])
