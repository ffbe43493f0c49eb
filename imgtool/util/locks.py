"""Locks on files, flock(2): they end with the process that has them, however that ends."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from imgtool.util import interrupts, waiting


def take(descriptor: int) -> bool:
    """Take the lock for oneself alone, without waiting; False where another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_locked(path: Path) -> int | None:
    """The file at `path`, made where it is missing, open and locked; None where another process has it.

    Who has it removes the file before the lock ends (`release`): a file that has lost its name meanwhile is
    not taken. Raises OSError.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            taken = take(descriptor)
            if taken and os.fstat(descriptor).st_nlink > 0:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if not taken:
            return None


def release(path: Path, descriptor: int) -> None:
    """End the lock of `open_locked`. The file goes first, so that whoever takes it sees that it is stale.

    On a file system that cannot be written to any more the file stays, and says nothing.
    """
    with suppress(OSError):
        path.unlink()
    os.close(descriptor)


@contextmanager
def held(path: Path, give_up: Callable[[], bool]) -> Iterator[bool]:
    """The lock of the file at `path` for as long as the block lasts; False where `give_up` ended the wait.

    No file is left, whatever ends the block or the wait; a process that is killed leaves one, which is taken
    by the next or cleared by `clear_stale`. Raises OSError.
    """
    with ExitStack() as stack:
        yield waiting.until(lambda: _held(path, stack), give_up)


def _held(path: Path, stack: ExitStack) -> bool:
    with interrupts.deferred():
        descriptor = open_locked(path)
        if descriptor is not None:
            stack.callback(release, path, descriptor)
    return descriptor is not None


def clear_stale(folder: Path, pattern: str) -> None:
    """Remove the files of locks that processes left which were killed. Raises OSError."""
    for path in folder.glob(pattern):
        with held(path, lambda: True):
            pass


def is_taken(path: Path) -> bool:
    """Whether a process of this machine has the lock of that file now."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
