"""Images that are on their way, on disk: so that the next run can finish or undo what was interrupted.

A note for each, `ID.json`, and for each retirement of older versions, in a folder of this user: see
util/notes.py.

`HASH.lock` is there while somebody decides about, and makes, an image of one name in one project. It binds
the runs that share the folder: those of one user on one machine, or of several machines whose home is one
network file system that knows flock(2). Other users, other machines and the tasks of a batch, which has a
folder of its own, have other folders: between them rivals.py decides.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from imgtool.util import codec, locks, notes
from imgtool.util.notes import Notes, Page

Step = Literal["sending", "finishing", "retiring"]
"""sending: what is in Glance is worth nothing yet. finishing: it was verified, only names are to be set.
retiring: it has been there before, and older versions of it go."""

_UPLOADS = "uploads"


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


def _note_name(entry: Entry) -> str:
    """An image is made once, and may stay for many retirements."""
    once_more = f".{uuid.uuid4().hex[:8]}" if entry.step == "retiring" else ""
    return f"{entry.image_id}{once_more}"


class Journal:
    """The folder; it is made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._notes = Notes(folder, _UPLOADS, _parsed)

    def begin(self, entry: Entry) -> AbstractContextManager[Page]:
        """A page for `entry`, which is written. It stays after the block, unless it is removed.

        Raises UsageError where it cannot be written; there is none then.
        """
        return self._notes.begin(_note_name(entry), entry)

    @contextmanager
    def name_lock(
        self, endpoint: str, project_id: str, name: str, give_up: Callable[[], bool]
    ) -> Iterator[bool]:
        """The lock of that name in that project; False where `give_up` ended the wait. Raises UsageError."""
        digest = hashlib.sha256(json.dumps([endpoint, project_id, name]).encode()).hexdigest()
        with ExitStack() as stack:
            with notes.usable(self.folder, _UPLOADS):
                notes.make(self.folder)
                path = self.folder / f"{digest[:32]}.lock"
                taken = stack.enter_context(locks.held(path, give_up))
            yield taken

    def clear_stale_locks(self) -> None:
        """Remove the files of locks that killed runs left, as far as that is possible."""
        with suppress(OSError):
            locks.clear_stale(self.folder, "*.lock")

    def abandoned(
        self, endpoint: str, project_id: str, name: str | None = None
    ) -> Iterator[tuple[Entry, Page]]:
        """Entries of this cloud and project that no process works on; each is locked while it is given.

        One of an image `name` that is locked is waited for, a little: somebody may be cleaning it up.
        """
        for entry, page in self._notes.abandoned(lambda one: one.name == name):
            if (entry.endpoint, entry.project_id) == (endpoint, project_id):
                yield entry, page


def _parsed(line: bytes) -> Entry:
    found = codec.from_json(line, Mapping[str, Any])  # type: ignore[type-abstract]  # the codec knows it
    return codec.from_values({**_ADDED, **found}, Entry)
