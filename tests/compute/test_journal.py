"""A server is noted before Nova is asked; what a killed run noted is given to the next one, once."""

import os
from pathlib import Path

import pytest

from imgtool.compute import journal
from imgtool.compute.journal import ServerNote
from imgtool.errors import UsageError

NOTE = ServerNote("imgtool-boot-1", "https://nova.example", "project")


def left(folder: Path, address: str = NOTE.address, project: str = NOTE.project_id) -> list[ServerNote]:
    return [note for note, _ in journal.abandoned(folder, address, project)]


def test_a_note_is_nobody_else_s_while_its_run_goes_on(tmp_path: Path) -> None:
    with journal.noted(tmp_path, NOTE):
        assert left(tmp_path) == []
    assert left(tmp_path) == [NOTE]


def test_a_note_belongs_to_its_cloud_and_project(tmp_path: Path) -> None:
    with journal.noted(tmp_path, NOTE):
        pass
    assert left(tmp_path, address="https://other.example") == []
    assert left(tmp_path, project="other") == []


def test_who_deleted_the_server_removes_the_note(tmp_path: Path) -> None:
    with journal.noted(tmp_path, NOTE) as page:
        page.remove()
    assert left(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"name":"x"}\n'])
def test_a_note_that_was_not_finished_goes_once_it_is_old(content: bytes, tmp_path: Path) -> None:
    with journal.noted(tmp_path, NOTE):
        pass
    note = tmp_path / journal.FOLDER / f"{NOTE.name}.json"
    note.write_bytes(content)
    assert left(tmp_path) == []
    assert note.exists()
    os.utime(note, (0, 0))
    assert left(tmp_path) == []
    assert not note.exists()


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / journal.FOLDER).write_text("a file is in the way")
    with pytest.raises(UsageError, match="servers cannot be noted there"), journal.noted(tmp_path, NOTE):
        pass
