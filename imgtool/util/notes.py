"""What is not finished yet, on disk: so that the next run can finish or undo what an interrupted one left.

One file for each note, in a folder of this user. Each line of it is the whole note, synced before the step
that it tells of; the last whole line counts. Whoever works on what it tells of holds a lock on the file
(flock(2)), which ends with the process, however that ends.
"""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from imgtool.errors import UsageError
from imgtool.util import codec, locks, waiting
from imgtool.util.output import sync
from imgtool.util.text import printable

N = TypeVar("N")

_MAX_BYTES = 1 << 20
_LOCK_SECONDS = 5.0
"""How long somebody may take to clean up; who uploads takes longer."""
_EMPTY_SECONDS = 60.0
"""How old an empty file has to be before it is taken for what a run left that was killed at its start."""


class Page:
    """The open file of one note, locked."""

    def __init__(self, descriptor: int, path: Path, what: str) -> None:
        self._descriptor = descriptor
        self._path = path
        self._what = what

    def write(self, note: object) -> None:
        """Add what is true from now on. Raises UsageError where the disk does not take it."""
        line = codec.to_json(note) + b"\n"
        with usable(self._path.parent, self._what):
            while line:
                line = line[os.write(self._descriptor, line) :]
            os.fsync(self._descriptor)

    def age_seconds(self) -> float:
        """Since something was written; by the clock of the file system's machine, and of this one."""
        return max(0.0, time.time() - os.fstat(self._descriptor).st_mtime)

    def remove(self) -> None:
        """Nothing is left to be done. A note that cannot be removed now says so to the next run as well."""
        with suppress(OSError):
            self._path.unlink()


@dataclass(frozen=True, slots=True)
class Notes(Generic[N]):
    """The notes of one folder, which is made when it is needed."""

    folder: Path
    what: str
    """What they are of, as messages call it."""
    parse: Callable[[bytes], N]
    """Reads a line. Raises CodecError."""

    @contextmanager
    def begin(self, name: str, note: N) -> Iterator[Page]:
        """A page for `note`, which is written. It stays after the block, unless it is removed.

        Raises UsageError where it cannot be written; there is none then.
        """
        path = self.folder / f"{name}.json"
        with usable(self.folder, self.what):
            make(self.folder)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            page = Page(descriptor, path, self.what)
            self._first(page, descriptor, note)
            yield page
        finally:
            os.close(descriptor)

    def _first(self, page: Page, descriptor: int, note: N) -> None:
        """Written and synced, or gone again."""
        try:
            with usable(self.folder, self.what):
                locks.take(descriptor)
                page.write(note)
                sync(self.folder)
        except BaseException:
            page.remove()
            raise

    def abandoned(self, waited_for: Callable[[N], bool] = lambda _: False) -> Iterator[tuple[N, Page]]:
        """Give those that no process works on; each is locked while it is given.

        One that is locked and `waited_for` is waited for, a little: somebody may be cleaning it up.
        """
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else ():
            with self._locked(path, waited_for) as descriptor:
                if descriptor is None:
                    continue
                note, page = self._last(descriptor), Page(descriptor, path, self.what)
                if note is not None:
                    yield note, page
                elif page.age_seconds() > _EMPTY_SECONDS:
                    page.remove()

    @contextmanager
    def _locked(self, path: Path, waited_for: Callable[[N], bool]) -> Iterator[int | None]:
        """The file, open; None where it is gone, somebody's, or not ours to open."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            yield None
            return
        try:
            yield descriptor if self._lock(descriptor, waited_for) else None
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int, waited_for: Callable[[N], bool]) -> bool:
        too_late = waiting.after(_LOCK_SECONDS)

        def give_up() -> bool:
            note = self._last(descriptor)
            return note is None or not waited_for(note) or too_late()

        return waiting.until(lambda: locks.take(descriptor), give_up) and os.fstat(descriptor).st_nlink > 0

    def _last(self, descriptor: int) -> N | None:
        """The last whole line; what a crash tore is no line. Raises UsageError where it cannot be read."""
        with usable(self.folder, self.what):
            content = os.pread(descriptor, _MAX_BYTES, 0)
        lines = content.split(b"\n")[:-1]
        for line in reversed(lines):
            with suppress(codec.CodecError):
                return self.parse(line)
        return None


def make(folder: Path) -> None:
    """Make the folder, for this user alone. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def usable(folder: Path, what: str) -> Iterator[None]:
    """Raises UsageError where the system says that the folder, or its disk, cannot be used."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{printable(str(folder))}: {what} cannot be noted there: {error.strerror}",
            hint=_remedy(error.errno),
        ) from error


def _remedy(number: int | None) -> str:
    elsewhere = "set XDG_STATE_HOME (of a batch: --journal) to a folder"
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return f"free space there, or {elsewhere} on another disk"
    if number in {errno.EIO, errno.EROFS}:
        return f"look at that disk (dmesg), or {elsewhere} on another one"
    return f"{elsewhere} that you may write to"
