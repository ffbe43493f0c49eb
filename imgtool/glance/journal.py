"""What is not finished yet, on disk: so that the next run can finish or undo what an interrupted one left.

One file for each image that is on its way, `ID.json`, in a folder of this user. Each line of it is the whole
entry, synced before the step that it tells of; the last whole line counts. Whoever works on the image holds a
lock on the file (flock(2)), which ends with the process, however that ends.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from imgtool import locks
from imgtool.errors import UsageError
from imgtool.text import printable

Step = Literal["sending", "finishing"]
"""sending: what is in Glance is worth nothing yet. finishing: it was verified, only names are to be set."""

_MAX_BYTES = 1 << 20
_LOCK_SECONDS = 5.0
"""How long somebody may take to clean up; who uploads takes longer."""
_POLL_SECONDS = 0.05
_EMPTY_SECONDS = 60.0
"""How old an empty file has to be before it is taken for what a run left that was killed at its start."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One image that is on its way, and what it is to become."""

    image_id: str
    endpoint: str
    project_id: str
    name: str
    step: Step = "sending"
    hidden: bool = False
    protected: bool = False
    members: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    """Ids of the images that have the name now."""


class Page:
    """The open file of one entry, locked."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    def write(self, entry: Entry) -> None:
        """Add what is true from now on."""
        line = json.dumps(asdict(entry)).encode() + b"\n"
        os.write(self._descriptor, line)
        os.fsync(self._descriptor)

    def age_seconds(self) -> float:
        """Since something was written; by the clock of the file system's machine, and of this one."""
        return max(0.0, time.time() - os.fstat(self._descriptor).st_mtime)

    def remove(self) -> None:
        """Nothing is left to be done."""
        self._path.unlink(missing_ok=True)


class Journal:
    """The folder; it is made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def begin(self, entry: Entry) -> Iterator[Page]:
        """A page for `entry`, which is written. It stays after the block, unless it is removed."""
        path = self.folder / f"{entry.image_id}.json"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            shown = printable(str(self.folder))
            raise UsageError(
                f"{shown}: uploads cannot be noted there: {error.strerror}",
                hint="set XDG_STATE_HOME to a folder that you may write to",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            page = Page(descriptor, path)
            page.write(entry)
            _sync(self.folder)
            yield page
        finally:
            os.close(descriptor)

    def abandoned(
        self, endpoint: str, project_id: str, name: str | None = None
    ) -> Iterator[tuple[Entry, Page]]:
        """Entries of this cloud and project that no process works on; each is locked while it is given.

        One of an image `name` that is locked is waited for, a little: somebody may be cleaning it up.
        """
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else ():
            with _locked(path, name) as descriptor:
                if descriptor is None:
                    continue
                entry = _last(descriptor)
                if entry is None:
                    _drop_if_old(descriptor, path)
                elif (entry.endpoint, entry.project_id) == (endpoint, project_id):
                    yield entry, Page(descriptor, path)


@contextmanager
def _locked(path: Path, name: str | None) -> Iterator[int | None]:
    """The file, open; None where it is gone, somebody's, or not ours to open."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        yield None
        return
    try:
        yield descriptor if _lock(descriptor, name) else None
    finally:
        os.close(descriptor)


def _lock(descriptor: int, name: str | None) -> bool:
    deadline = time.monotonic() + _LOCK_SECONDS
    while not locks.take(descriptor):
        entry = _last(descriptor)
        if entry is None or entry.name != name or time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return os.fstat(descriptor).st_nlink > 0


def _last(descriptor: int) -> Entry | None:
    """The last whole line; what a crash tore is no line."""
    lines = os.pread(descriptor, _MAX_BYTES, 0).split(b"\n")[:-1]
    for line in reversed(lines):
        try:
            return _entry(json.loads(line))
        except (ValueError, TypeError, KeyError):
            continue
    return None


def _entry(document: dict[str, Any]) -> Entry:
    tuples = {key: tuple(map(str, document[key])) for key in ("members", "replaces")}
    return Entry(**{**document, **tuples})


def _drop_if_old(descriptor: int, path: Path) -> None:
    if time.time() - os.fstat(descriptor).st_mtime > _EMPTY_SECONDS:
        path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
