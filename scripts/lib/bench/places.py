"""Where the files are: a temporary folder, an XFS with reflink in a loop file, the page cache."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
DROP_CACHES = Path("/proc/sys/vm/drop_caches")
XFS_OVERHEAD_BYTES = 400 << 20
"""mkfs.xfs makes nothing below 300 MiB, and its log and tables take some of it."""
KEPT_FREE_BYTES = 1 << 30
"""A tmpfs takes memory that the programs need as well."""


@contextmanager
def work_folder(parent: Path | None, needed_bytes: int) -> Iterator[Path]:
    """A folder that goes at the end: in `parent`, on /dev/shm where there is room, or the usual place."""
    chosen = parent or (MEMORY if has_room(MEMORY, needed_bytes) else None)
    with tempfile.TemporaryDirectory(prefix="imgtool-bench-", dir=chosen) as folder:
        yield Path(folder)


def has_room(folder: Path, needed_bytes: int) -> bool:
    """Whether the file system, and the memory behind it, can take so much."""
    if not os.access(folder, os.W_OK):
        return False
    free_bytes = shutil.disk_usage(folder).free
    if file_system(folder) == "tmpfs":
        free_bytes = min(free_bytes, memory_bytes("MemAvailable") - KEPT_FREE_BYTES)
    return free_bytes >= needed_bytes


def memory_bytes(name: str) -> int:
    """A line of /proc/meminfo, which counts in KiB."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))


def file_system(folder: Path) -> str:
    """Its type, as findmnt(8) names it: ext4, xfs, tmpfs."""
    command = ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", str(folder)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    # One line for each of those mounted over one another there: the last is on top.
    return (done.stdout.split() or ["unknown"])[-1]


def can_clone(folder: Path) -> bool:
    """Whether files in it can share blocks: it is tried."""
    with tempfile.TemporaryDirectory(dir=folder) as trial:
        one = Path(trial) / "one"
        one.write_bytes(bytes(1 << 16))
        command = ["cp", "--reflink=always", str(one), f"{trial}/two"]
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


@contextmanager
def xfs_with_reflink(work: Path, size_bytes: int) -> Iterator[Path]:
    """A fresh one, mounted below `work`. Raises PlaceError where this machine or this user cannot."""
    if os.geteuid() != 0:
        raise PlaceError("mounting a file system needs root")
    image, mounted = work / "xfs.img", work / "xfs"
    with ExitStack() as cleaning:
        cleaning.callback(image.unlink, missing_ok=True)
        with image.open("wb") as file:
            file.truncate(size_bytes + XFS_OVERHEAD_BYTES)
        _run("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
        mounted.mkdir()
        cleaning.callback(mounted.rmdir)
        _run("mount", "-o", "loop", str(image), str(mounted))
        cleaning.callback(_run, "umount", str(mounted))
        yield mounted


class PlaceError(Exception):
    """A file system that cannot be had here."""


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    except FileNotFoundError:
        raise PlaceError(f"{command[0]} is not installed") from None
    if done.returncode:
        raise PlaceError(f"{command[0]}: {done.stderr.strip()}")


def warm(path: Path) -> None:
    """Read the allocated part of a file, so that every run finds it in the page cache."""
    with path.open("rb", buffering=0) as file:
        end, position = file.seek(0, os.SEEK_END), 0
        while position < end:
            try:
                start = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                return
            position = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            _read(file.fileno(), start, position)


def _read(descriptor: int, start: int, end: int) -> None:
    for offset in range(start, end, 1 << 20):
        os.pread(descriptor, min(1 << 20, end - offset), offset)


def drop_caches() -> None:
    """Write back, then forget, all that the page cache holds; root only. A tmpfs keeps its content."""
    os.sync()
    DROP_CACHES.write_text("3\n", encoding="ascii")
