"""What a run that was killed leaves behind: found by its name, known to be dead by its lock, and removed.

The writer of a file, or the owner of a folder, holds its lock, flock(2), which ends with the process. Names
are looked up in an open folder and never followed, so that nobody who may write there can point elsewhere.
"""

import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from imgtool.util import locks

MAX_ENTRIES = 20_000
"""Names that are looked at in a folder: more takes long, and leftovers only cost room."""
MAX_REMOVED = 100
OLD_SECONDS = 24 * 3600.0
"""After it, what an earlier version left is dead: it took no lock."""

_FILE = r"\.imgtool-[0-9a-f]{32}\.partial"
_UNLOCKED_FILE = r"\.imgtool-[0-9a-f]{16}\.partial"
_FOLDER = r"imgtool-run-[0-9a-f]{16}"
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
_NEW_FILE = _FLAGS | os.O_RDWR | os.O_CREAT | os.O_EXCL
_OLD_FILE = _FLAGS | os.O_RDWR | os.O_NONBLOCK
_AS_FOLDER = _FLAGS | os.O_RDONLY | os.O_DIRECTORY


def file_name() -> str:
    """A name for a file that is not complete."""
    return f".imgtool-{os.urandom(16).hex()}.partial"


def new_file(directory: int, mode: int = 0o600) -> tuple[str, int]:
    """A new file in the folder that is open as `directory`: its name, and a descriptor that has its lock.

    To be called where interruptions are deferred until both are noted for the clean-up. Raises OSError.
    """
    while True:
        name = file_name()
        descriptor = os.open(name, _NEW_FILE, mode, dir_fd=directory)
        if _is_held(directory, name, descriptor):
            return name, descriptor
        os.close(descriptor)  # another run met it before it had its lock


def new_folder(directory: int) -> tuple[str, int]:
    """A new folder of this user only, in that which is open as `directory`; the same. Raises OSError."""
    while True:
        name = f"imgtool-run-{os.urandom(8).hex()}"
        os.mkdir(name, 0o700, dir_fd=directory)
        with suppress(FileNotFoundError):
            descriptor = os.open(name, _AS_FOLDER, dir_fd=directory)
            if _is_held(directory, name, descriptor):
                return name, descriptor
            os.close(descriptor)


def remove_stale(directory: int) -> int:
    """Remove the partial files of runs that are dead, in the folder open as `directory`; how many they were.

    Those of this user only. What cannot be looked at or removed stays: this never fails.
    """
    with suppress(OSError):
        found = (name for name in _names(directory) if re.fullmatch(_FILE, name) or _is_old(directory, name))
        return sum(_removed_file(directory, name) for name in islice(found, MAX_REMOVED))
    return 0


def remove_stale_folders(directory: int) -> int:
    """Remove stale temporary folders with all that is in them."""
    with suppress(OSError):
        found = (name for name in _names(directory) if re.fullmatch(_FOLDER, name))
        return sum(_removed_folder(directory, name) for name in islice(found, MAX_REMOVED))
    return 0


def _names(directory: int) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in islice(entries, MAX_ENTRIES):
            if "imgtool-" in entry.name:
                yield entry.name


def _is_old(directory: int, name: str) -> bool:
    if not re.fullmatch(_UNLOCKED_FILE, name):
        return False
    with suppress(OSError):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        return found.st_mtime + OLD_SECONDS < time.time()
    return False


def _removed_file(directory: int, name: str) -> bool:
    with suppress(OSError):
        descriptor = os.open(name, _OLD_FILE, dir_fd=directory)
        try:
            if _is_ours(descriptor, stat.S_IFREG) and _is_held(directory, name, descriptor):
                os.unlink(name, dir_fd=directory)
                return True
        finally:
            os.close(descriptor)
    return False


def _removed_folder(directory: int, name: str) -> bool:
    with suppress(OSError):
        descriptor = os.open(name, _AS_FOLDER, dir_fd=directory)
        try:
            if _is_ours(descriptor, stat.S_IFDIR) and _is_held(directory, name, descriptor):
                import shutil  # noqa: PLC0415 - loads each compressor that there is

                shutil.rmtree(name, dir_fd=directory)  # by descriptors: it follows no link
                return True
        finally:
            os.close(descriptor)
    return False


def _is_ours(descriptor: int, kind: int) -> bool:
    """It is of this user, and of that kind; a folder is one that nobody else could write into."""
    found = os.fstat(descriptor)
    private = kind == stat.S_IFREG or not found.st_mode & 0o077
    return stat.S_IFMT(found.st_mode) == kind and found.st_uid == os.geteuid() and private


def _is_held(directory: int, name: str, descriptor: int) -> bool:
    """Whether we have its lock now, and it still has that name."""
    if not locks.take(descriptor):
        return False
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))
