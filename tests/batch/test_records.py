"""What goes to a child and into the journal comes back as it was."""

import json

from hypothesis import given
from hypothesis import strategies as st
from support.batches import task

from imgtool.batch import records
from imgtool.model.batch import Task, TaskRecord
from imgtool.model.delivery import GlanceTarget
from imgtool.model.image import FileIdentity
from imgtool.util import codec
from imgtool.util.text import escape_bytes

NUMBERS = st.integers(0, 1 << 64)
TARGETS = st.builds(
    GlanceTarget, min_disk_gib=st.none() | NUMBERS, min_ram_mib=NUMBERS, owner=st.none() | st.text()
)
IDENTITIES = st.none() | st.builds(FileIdentity, *[NUMBERS] * 5)
TASKS = st.builds(Task, wanted=TARGETS, retries=NUMBERS)
RECORDS = st.builds(
    TaskRecord,
    attempts=NUMBERS,
    source_identity=IDENTITIES,
    output_identity=IDENTITIES,
    size_before_bytes=st.none() | NUMBERS,
    size_after_bytes=st.none() | NUMBERS,
    exit_status=st.none() | st.integers(-64, 255),
    report=st.none() | st.just({"image": "a"}),
    started=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ended=st.none(),
    seconds=st.floats(0, 1e9),
)


@given(TASKS)
def test_a_task_comes_back(one: Task) -> None:
    text = codec.to_json(one)
    assert b"\n" not in text
    assert text.isascii()
    assert codec.from_json(text, Task) == one


@given(RECORDS)
def test_a_record_comes_back(record: TaskRecord) -> None:
    assert records.from_json(records.to_json(record)) == record


def test_a_record_of_another_version_is_read() -> None:
    text = json.dumps({"key": "a", "state": "done", "of_the_future": 1})
    assert records.from_json(text) == TaskRecord("a", "done")


def test_a_name_that_is_not_utf8_comes_back_and_can_be_stored() -> None:
    source = b"/images/\xff.raw".decode("utf-8", "surrogateescape")
    assert codec.from_json(codec.to_json(task(source=source)), Task).source == source
    assert escape_bytes(source) == "/images/\\udcff.raw"
