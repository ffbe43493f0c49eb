"""File systems that the kernel filled, and half of which it deleted: that stands in their blocks still."""

import hashlib
import os
import random
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imgtool.guest.free.disk import find_free_blocks
from imgtool.model.free_blocks import FreeBlocks
from imgtool.util.ranges import Ranges, Run, from_text

MARKER = b"what was deleted must not be published\n"
MIB = 1 << 20
EDGE = 64 << 10
Tree = dict[str, tuple[object, ...]]
"""By the path: what of a file has to stay as it is."""


def command(*arguments: str | Path) -> str:
    """What a program prints."""
    done = subprocess.run(arguments, capture_output=True, encoding="utf-8", errors="replace", check=False)
    assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def empty(path: Path, size_bytes: int) -> Path:
    """A file of zeros."""
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def mount_of_a_file(options: str, volume: Path, folder: Path) -> None:
    """Mount it; once more where another process took the loop device that was free a moment ago."""
    for left in reversed(range(5)):
        try:
            command("mount", "-o", options, volume, folder)
        except AssertionError as error:
            if not left or "already mounted or mount point busy" not in str(error):
                raise
        else:
            return


@contextmanager
def mounted(volume: Path, options: str = "defaults", start: int = 0, size: int = 0) -> Iterator[Path]:
    """The file system in a file, or in a part of it, mounted (root)."""
    folder = volume.with_name(f"{volume.name}.mounted")
    folder.mkdir(exist_ok=True)
    place = f",offset={start}" + (f",sizelimit={size}" if size else "")
    mount_of_a_file(f"loop{place},{options}", volume, folder)
    try:
        yield folder
    finally:
        # All of it is written then, also where the namespace of another test has a copy of the mount. FUSE
        # has no such thing, and needs none.
        subprocess.run(["mount", "-o", "remount,ro", folder], capture_output=True, check=False)
        command("umount", folder)


def fill(top: Path, seed: int, *, attributes: bool = True, budget: int = 12 * MIB) -> None:
    """Files of many kinds, half of which are deleted, all of whose content is the marker."""
    chance = random.Random(seed)
    deleted = []
    for path in _paths(top, chance):
        length = min(int(chance.paretovariate(0.4) * 60), budget // 4)
        budget -= length
        if chance.random() < 0.5:
            deleted.append(path)
            _write_marker(path, length)
        else:
            _write(path, chance, length)
            if attributes:
                _describe(path, chance)
    for path in deleted:
        path.unlink()
    _fill_and_empty(top / "gone", chance)


def _paths(top: Path, chance: random.Random) -> Iterator[Path]:
    """Names of files to be, in folders that are there."""
    folders = [top]
    for number in range(chance.randrange(20, 120)):
        path = chance.choice(folders) / f"{number}-{'n' * chance.randrange(1, 120)}"
        if chance.random() < 0.15:
            path.mkdir()
            folders.append(path)
        else:
            yield path


def _write_marker(path: Path, length: int) -> None:
    """The marker, and so that it stands on the disk before it is deleted."""
    with path.open("wb") as file:
        file.write(MARKER * (length // len(MARKER) + 1))
        file.flush()
        os.fdatasync(file.fileno())


def _fill_and_empty(gone: Path, chance: random.Random) -> None:
    """A folder that grew large, and is deleted with all that is in it."""
    gone.mkdir()
    for number in range(chance.randrange(300)):
        (gone / f"{number}-in-a-large-folder-of-the-deleted").touch()
    for path in list(gone.iterdir()):
        path.unlink()
    gone.rmdir()


def _write(path: Path, chance: random.Random, length: int) -> None:
    content = chance.randbytes(min(length, 4096)) * (length // 4096 + 1)
    with path.open("wb") as file:
        position = 0
        while position < length:
            step = min(length - position, chance.randrange(1, 1 << 18))
            file.write(content[:step])
            position += step
            if chance.random() < 0.2:
                file.seek(chance.randrange(1 << 20), os.SEEK_CUR)
        if chance.random() < 0.2:
            file.truncate(file.tell() + 12345)
        if chance.random() < 0.2:
            file.flush()
            with suppress(OSError):  # ext2 cannot
                os.posix_fallocate(file.fileno(), file.tell(), 1 << 17)


def _describe(path: Path, chance: random.Random) -> None:
    for number in range(chance.randrange(3)):
        try:
            os.setxattr(path, f"user.{number}", chance.randbytes(chance.choice((3, 100, 1500))))
        except OSError:
            return
    if chance.random() < 0.2:
        path.with_name(f"{path.name[:80]}.link").symlink_to("x" * chance.choice((10, 200)))
    if chance.random() < 0.1:
        os.link(path, path.with_name(f"{path.name[:80]}.hard"))
    if chance.random() < 0.1:
        os.mkfifo(path.with_name(f"{path.name[:80]}.fifo"))


def tree(top: Path) -> Tree:
    """All that is in a mounted file system: kinds, modes, owners, times, contents, extended attributes."""
    found: Tree = {}
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        kind = stat.S_IFMT(status.st_mode)
        content: object = None
        if stat.S_ISREG(kind):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        elif stat.S_ISLNK(kind):
            content = path.readlink()
        names = os.listxattr(path, follow_symlinks=False)
        attributes = {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
        numbers = status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns
        found[str(path.relative_to(top))] = (*numbers, content, sorted(attributes.items()))
    return found


def free_blocks(disk: Path) -> FreeBlocks:
    """What is free on a raw disk."""
    with disk.open("rb", buffering=16 << 10) as file:
        return find_free_blocks(file, disk.stat().st_size)


def runs(found: FreeBlocks, disk: Path) -> Ranges:
    """Where that is."""
    return from_text(found.runs, disk.stat().st_size)


def without_free(disk: Path, target: Path) -> FreeBlocks:
    """A copy of a raw disk, with other bytes at the edges of what is free: what needs them comes to light."""
    found = free_blocks(disk)
    free = runs(found, disk)
    size = disk.stat().st_size
    with disk.open("rb") as source, empty(target, size).open("r+b") as copy:
        for start, end in Ranges(data_extents(disk)).without(free):
            for place in range(start, end, MIB):
                source.seek(place)
                copy.seek(place)
                copy.write(source.read(min(MIB, end - place)))
        for start, end in free:
            for first, last in ((start, min(end, start + EDGE)), (max(start, end - EDGE), end)):
                copy.seek(first)
                copy.write(b"\xa5" * (last - first))
    return found


def marked_and_unmarked(disk: Path, copy: Path, times: int = 2) -> tuple[bool, bool]:
    """Whether what was deleted is on the disk, and in the copy."""
    return _has(disk, MARKER * times), _has(copy, MARKER * times)


def _has(path: Path, wanted: bytes) -> bool:
    with path.open("rb") as file:
        for start, end in data_extents(path):
            file.seek(start)
            if wanted in file.read(end - start):
                return True
    return False


def data_extents(path: Path) -> list[Run]:
    """Where a sparse file has data."""
    found: list[Run] = []
    size, end = path.stat().st_size, 0
    with path.open("rb") as file, suppress(OSError):  # lseek(2): no more data
        while end < size:
            start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            found.append((start, end))
    return found
