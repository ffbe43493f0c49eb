"""What goes to a child and into the journal comes back as it was."""

import json

from hypothesis import given
from hypothesis import strategies as st
from support.batches import task

from imgtool.batch import wire
from imgtool.model.batch import Task, TaskRecord

TASKS = st.builds(Task)
RECORDS = st.builds(
    TaskRecord,
    report=st.none() | st.just({"image": "a"}),
    started=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ended=st.none(),
    seconds=st.floats(0, 1e9),
)


@given(TASKS)
def test_a_task_comes_back(one: Task) -> None:
    text = wire.task_to_json(one)
    assert "\n" not in text
    assert text.isascii()
    assert wire.task_from_json(text) == one


@given(RECORDS)
def test_a_record_comes_back(record: TaskRecord) -> None:
    assert wire.record_from_json(wire.record_to_json(record)) == record


def test_a_record_of_another_version_is_read() -> None:
    text = json.dumps({"key": "a", "state": "done", "of_the_future": 1})
    assert wire.record_from_json(text) == TaskRecord("a", "done")


def test_a_name_that_is_not_utf8_comes_back_and_can_be_stored() -> None:
    source = b"/images/\xff.raw".decode("utf-8", "surrogateescape")
    assert wire.task_from_json(wire.task_to_json(task(source=source))).source == source
    assert wire.safe(source) == "/images/\\udcff.raw"
