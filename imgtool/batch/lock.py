"""One run at a time for each journal: a lock that ends with the process, however that ends.

It is on a file of its own, since closing a second descriptor of the database would drop SQLite's own locks
(https://www.sqlite.org/howtocorrupt.html, 2.2).
"""

import fcntl
import os
from pathlib import Path

from imgtool.errors import UsageError
from imgtool.text import printable


class Lock:
    """For the journal at `journal`; beside it, under its name and `.lock`, and gone when it is released."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._path = journal.with_name(f"{journal.name}.lock")
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises UsageError where another process has it, or there is no place for it."""
        try:
            while not self._taken():
                pass  # who had it removed the file between our two steps
        except BlockingIOError as error:
            raise UsageError(
                f"{printable(str(self._journal))}: another run of this batch is going on",
                hint=f"watch it: imgtool batch --status {self._journal}",
            ) from error
        except OSError as error:
            raise UsageError(f"{printable(str(self._path))}: cannot be made: {error.strerror}") from error

    def release(self) -> None:
        """The file goes first: who waits for the lock sees that it is not the one with that name."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def is_taken(self) -> bool:
        """Whether a process of this machine runs the batch now."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _taken(self) -> bool:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(descriptor)
            raise
        if os.fstat(descriptor).st_nlink == 0:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True
