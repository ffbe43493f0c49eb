"""Servers that are not deleted yet, on disk: so that the next run deletes what a killed one left.

A note for each, named like the server, in a folder below that of unfinished uploads: see util/notes.py. The
name is written down before Nova is asked, since Nova chooses the id.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from imgtool.util import codec
from imgtool.util.notes import Notes, Page

FOLDER = "servers"


@dataclass(frozen=True, slots=True)
class ServerNote:
    """A server that may be there."""

    name: str
    address: str
    """Nova's."""
    project_id: str


def noted(folder: Path, note: ServerNote) -> AbstractContextManager[Page]:
    """The note's page, locked while the block lasts: who has deleted the server removes it.

    Raises UsageError where it cannot be written.
    """
    return _notes(folder).begin(note.name, note)


def abandoned(folder: Path, address: str, project_id: str) -> Iterator[tuple[ServerNote, Page]]:
    """Notes of this cloud and project whose process is gone; each is locked while it is given."""
    for note, page in _notes(folder).abandoned():
        if (note.address, note.project_id) == (address, project_id):
            yield note, page


def _notes(folder: Path) -> Notes[ServerNote]:
    return Notes(folder / FOLDER, "servers", _parsed)


def _parsed(line: bytes) -> ServerNote:
    return codec.from_json(line, ServerNote)
