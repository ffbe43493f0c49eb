"""What is not finished yet, on disk: so that the next run can finish or undo what an interrupted one left.

One file for each image that is on its way, `ID.json`, and for each retirement of older versions, in a folder
of this user. Each line of it is the whole entry, synced before the step that it tells of; the last whole line
counts. Whoever works on the image holds a lock on the file (flock(2)), which ends with the process, however
that ends.

`HASH.lock` is there while somebody decides about, and makes, an image of one name in one project. It binds
the runs that share the folder: those of one user on one machine, or of several machines whose home is one
network file system that knows flock(2). Other users, other machines and the tasks of a batch, which has a
folder of its own, have other folders: between them rivals.py decides.
"""

import errno
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from imgtool.errors import UsageError
from imgtool.util import codec, locks, waiting
from imgtool.util.output import sync
from imgtool.util.text import printable

Step = Literal["sending", "finishing", "retiring"]
"""sending: what is in Glance is worth nothing yet. finishing: it was verified, only names are to be set.
retiring: it has been there before, and older versions of it go."""

_MAX_BYTES = 1 << 20
_LOCK_SECONDS = 5.0
"""How long somebody may take to clean up; who uploads takes longer."""
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
    hides: tuple[str, ...] = ()
    """Ids of older versions that are to be hidden and renamed."""
    deletes: tuple[str, ...] = ()
    """Ids of older versions that are to be deleted then, where nothing needs them."""


_ADDED: Mapping[str, object] = MappingProxyType({"hides": [], "deletes": []})
"""Fields that the notes of an older imgtool do not have."""


def _file_name(entry: Entry) -> str:
    """An image is made once, and may stay for many retirements."""
    once_more = f".{uuid.uuid4().hex[:8]}" if entry.step == "retiring" else ""
    return f"{entry.image_id}{once_more}.json"


class Page:
    """The open file of one entry, locked."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.descriptor = descriptor
        self._path = path

    def write(self, entry: Entry) -> None:
        """Add what is true from now on. Raises UsageError where the disk does not take it."""
        line = codec.to_json(entry) + b"\n"
        with _usable(self._path.parent):
            while line:
                line = line[os.write(self.descriptor, line) :]
            os.fsync(self.descriptor)

    def age_seconds(self) -> float:
        """Since something was written; by the clock of the file system's machine, and of this one."""
        return max(0.0, time.time() - os.fstat(self.descriptor).st_mtime)

    def remove(self) -> None:
        """Nothing is left to be done. A note that cannot be removed now says so to the next run as well."""
        with suppress(OSError):
            self._path.unlink()


class Journal:
    """The folder; it is made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def begin(self, entry: Entry) -> Iterator[Page]:
        """A page for `entry`, which is written. It stays after the block, unless it is removed.

        Raises UsageError where it cannot be written; there is none then.
        """
        path = self.folder / _file_name(entry)
        with _usable(self.folder):
            self._make()
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            page = Page(descriptor, path)
            _first(page, entry, self.folder)
            yield page
        finally:
            os.close(descriptor)

    @contextmanager
    def name_lock(
        self, endpoint: str, project_id: str, name: str, give_up: Callable[[], bool]
    ) -> Iterator[bool]:
        """The lock of that name in that project; False where `give_up` ended the wait. Raises UsageError."""
        digest = hashlib.sha256(json.dumps([endpoint, project_id, name]).encode()).hexdigest()
        with ExitStack() as stack:
            with _usable(self.folder):
                self._make()
                path = self.folder / f"{digest[:32]}.lock"
                taken = stack.enter_context(locks.held(path, give_up))
            yield taken

    def clear_stale_locks(self) -> None:
        """Remove the files of locks that killed runs left, as far as that is possible."""
        with suppress(OSError):
            locks.clear_stale(self.folder, "*.lock")

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

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
                entry = _last(descriptor, path.parent)
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
        yield descriptor if _lock(descriptor, path, name) else None
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, name: str | None) -> bool:
    too_late = waiting.after(_LOCK_SECONDS)

    def give_up() -> bool:
        entry = _last(descriptor, path.parent)
        return entry is None or entry.name != name or too_late()

    return waiting.until(lambda: locks.take(descriptor), give_up) and os.fstat(descriptor).st_nlink > 0


def _last(descriptor: int, folder: Path) -> Entry | None:
    """The last whole line; what a crash tore is no line. Raises UsageError where it cannot be read."""
    with _usable(folder):
        content = os.pread(descriptor, _MAX_BYTES, 0)
    lines = content.split(b"\n")[:-1]
    for line in reversed(lines):
        with suppress(codec.CodecError):
            return _parsed(line)
    return None


def _parsed(line: bytes) -> Entry:
    found = codec.from_json(line, Mapping[str, Any])  # type: ignore[type-abstract]  # the codec knows it
    return codec.from_values({**_ADDED, **found}, Entry)


def _drop_if_old(descriptor: int, path: Path) -> None:
    if time.time() - os.fstat(descriptor).st_mtime > _EMPTY_SECONDS:
        Page(descriptor, path).remove()


def _first(page: Page, entry: Entry, folder: Path) -> None:
    """Written and synced, or gone again."""
    try:
        with _usable(folder):
            locks.take(page.descriptor)
            page.write(entry)
            sync(folder)
    except BaseException:
        page.remove()
        raise


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    """Raises UsageError where the system says that the folder, or its disk, cannot be used."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{printable(str(folder))}: uploads cannot be noted there: {error.strerror}",
            hint=_remedy(error.errno),
        ) from error


def _remedy(number: int | None) -> str:
    elsewhere = "set XDG_STATE_HOME (of a batch: --journal) to a folder"
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return f"free space there, or {elsewhere} on another disk"
    if number in {errno.EIO, errno.EROFS}:
        return f"look at that disk (dmesg), or {elsewhere} on another one"
    return f"{elsewhere} that you may write to"
