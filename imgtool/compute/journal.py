"""Servers that are not deleted yet, on disk: so that the next run deletes what a killed one left.

One file for each, named like the server, in a folder below that of unfinished uploads. Whoever works with
the server holds a lock on the file (flock(2)), which ends with the process, however that ends. The name is
written down before Nova is asked, since Nova chooses the id.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imgtool.errors import UsageError
from imgtool.util import codec, locks
from imgtool.util.output import sync
from imgtool.util.text import printable

FOLDER = "servers"
_MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ServerNote:
    """A server that may be there."""

    name: str
    address: str
    """Nova's."""
    project_id: str


@contextmanager
def noted(folder: Path, note: ServerNote) -> Iterator[Path]:
    """Write the note, and lock it while the block lasts: who has deleted the server removes that file.

    Raises UsageError where it cannot be written.
    """
    path = folder / FOLDER / f"{note.name}.json"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path.parent, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            os.write(descriptor, codec.to_json(note))
            os.fsync(descriptor)
            sync(path.parent)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise _unusable(path.parent, error) from error
        yield path
    finally:
        os.close(descriptor)


def abandoned(folder: Path, address: str, project_id: str) -> Iterator[tuple[ServerNote, Path]]:
    """Notes of this cloud and project whose process is gone; each is locked while it is given."""
    for path in sorted((folder / FOLDER).glob("*.json")):
        with suppress(OSError), path.open("r+b") as file:
            if not locks.take(file.fileno()):
                continue
            note = _read(file.read(_MAX_BYTES))
            if note is None:
                path.unlink(missing_ok=True)  # killed before it was written, so before Nova was asked
            elif (note.address, note.project_id) == (address, project_id):
                yield note, path


def _read(content: bytes) -> ServerNote | None:
    try:
        return codec.from_json(content, ServerNote)
    except codec.CodecError:
        return None


def _unusable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{printable(str(folder))}: servers cannot be noted there: {error.strerror}",
        hint="set XDG_STATE_HOME to a folder that you may write to",
    )
