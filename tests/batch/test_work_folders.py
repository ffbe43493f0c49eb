import os
import subprocess
import sys
from pathlib import Path

import pytest

from imgtool.batch import work_folders
from imgtool.errors import ToolFailedError, UsageError


@pytest.fixture
def work(tmp_path: Path) -> Path:
    found = work_folders.work_folder(tmp_path / "m.journal")
    work_folders.make(found)
    return found


def left_behind(work: Path, key: str) -> tuple[Path, Path]:
    """By a task that was killed: its folder, and the one beside its output."""
    folder = work_folders.task_folder(work, key)
    staging = work.parent / f".imgtool-batch-{key}"
    (folder / "tmp" / "deep").mkdir(parents=True)
    (folder / "tmp" / "deep" / "file").touch()
    staging.mkdir()
    (staging / "half").touch()
    work_folders.note_output(folder, staging)
    return folder, staging


def test_all_of_a_killed_run_is_cleared(work: Path, tmp_path: Path) -> None:
    for key in ("a", "b"):
        left_behind(work, key)
    work_folders.clear_leftovers(work, lambda _key: False)
    assert work_folders.leftovers(work) == []
    work_folders.remove(work, lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_the_note_of_a_placed_output_stays_for_who_goes_on(work: Path) -> None:
    folder, staging = left_behind(work, "a")
    (folder / work_folders.NOTE).write_text("note")
    work_folders.clear_leftovers(work, "a".__eq__)
    assert (folder / work_folders.NOTE).read_text() == "note"
    assert not staging.exists()
    assert not (folder / "tmp").exists()
    work_folders.remove(work, lambda: True)
    assert (folder / work_folders.NOTE).exists()
    work_folders.forget(work, "a")
    assert not folder.exists()


def test_notes_of_uploads_that_are_not_finished_stay(work: Path) -> None:
    note = work_folders.uploads_folder(work) / "id.json"
    note.write_text("{}")
    work_folders.remove(work, lambda: True)
    assert note.exists()


def test_a_child_that_still_lives_is_waited_for(work: Path) -> None:
    folder = work_folders.task_folder(work, "a")
    with work_folders.locked(folder, lambda: True) as descriptor:
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[descriptor]
        )
    with child:
        assert child.stdin is not None
        lock = work_folders.locked(folder, lambda: True)
        with pytest.raises(ToolFailedError, match="another process works on it"), lock:
            pass
        work_folders.remove(work, lambda: True)
        assert folder.exists()
        child.stdin.close()
    with work_folders.locked(folder, lambda: True):
        pass


def test_names_that_are_no_text_are_kept(work: Path) -> None:
    folder = work_folders.task_folder(work, "a")
    folder.mkdir()
    staging = work.parent / os.fsdecode(b"\xff\n")
    staging.mkdir()
    work_folders.note_output(folder, staging)
    work_folders.clear(folder)
    assert not staging.exists()


def test_no_place_for_the_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"m\.journal\.work: cannot be made: No such file"):
        work_folders.make(work_folders.work_folder(tmp_path / "none" / "m.journal"))
