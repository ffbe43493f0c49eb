from dataclasses import replace
from pathlib import Path

import pytest

from imgtool.batch import staging
from imgtool.batch.task_context import TaskContext
from imgtool.errors import ConversionError, UsageError
from imgtool.model.batch import Task, TaskRecord
from imgtool.model.delivery import GlanceTarget

DONE = TaskRecord("k", "done")


@pytest.fixture
def given(tmp_path: Path) -> TaskContext:
    (tmp_path / "out").mkdir()
    (tmp_path / "own").mkdir()
    task = Task("k", "/s.raw", "a", GlanceTarget("a"), "hash", output=tmp_path / "out" / "a.qcow2")
    return TaskContext(task, tmp_path / "own", tmp_path / "uploads")


def made(given: TaskContext) -> Path:
    staged = staging.prepare(given)
    assert staged is not None
    staged.write_bytes(b"image")
    return staged


def output(given: TaskContext) -> Path:
    assert given.task.output is not None
    return given.task.output


def test_it_is_made_beside_its_place_and_put_there(given: TaskContext) -> None:
    staged = made(given)
    assert staged.parent.parent == output(given).parent
    assert not output(given).exists()
    record = staging.place(staged, given, DONE)
    assert output(given).read_bytes() == b"image"
    assert record.output_identity == staging.file_identity(output(given))
    assert staging.placed(given) == record


def test_a_note_of_something_that_is_not_there_counts_for_nothing(given: TaskContext) -> None:
    staging.place(made(given), given, DONE)
    output(given).unlink()
    assert staging.placed(given) is None
    output(given).write_bytes(b"image")
    assert staging.placed(given) is None


def test_a_note_of_other_settings_counts_for_nothing(given: TaskContext) -> None:
    staging.place(made(given), given, DONE)
    assert staging.placed(replace(given, task=replace(given.task, settings_hash="other"))) is None


@pytest.mark.parametrize("note", ["", "hash", "hash\n", "hash\n{}", "hash\nnull", 'hash\n{"key": 1}'])
def test_a_damaged_note_counts_for_nothing(note: str, given: TaskContext) -> None:
    output(given).write_bytes(b"image")
    given.note.write_text(note)
    assert staging.placed(given) is None


def test_what_appeared_in_between_stays_as_it_is(given: TaskContext) -> None:
    staged = made(given)
    output(given).write_bytes(b"somebody's")
    with pytest.raises(UsageError, match="appeared while the work was under way"):
        staging.place(staged, given, DONE)
    assert output(given).read_bytes() == b"somebody's"
    assert staging.placed(given) is None


def test_what_the_batch_made_before_is_replaced(given: TaskContext) -> None:
    output(given).write_bytes(b"older")
    ours = replace(given, replace_output=True)
    staging.place(made(ours), ours, DONE)
    assert output(given).read_bytes() == b"image"


def test_a_folder_that_is_not_there_is_told(given: TaskContext) -> None:
    elsewhere = replace(given.task, output=Path("/nowhere/a.qcow2"))
    with pytest.raises(ConversionError, match="cannot write into /nowhere"):
        staging.prepare(replace(given, task=elsewhere))


def test_without_an_output_there_is_nothing_to_do(given: TaskContext) -> None:
    none = replace(given, task=replace(given.task, output=None))
    assert staging.prepare(none) is None
    assert staging.placed(none) is None
