"""The story of a batch, run in this process with real children."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.images import create, qemu_io

from imgtool.batch import run, task_runner
from imgtool.batch.journal import read_journal
from imgtool.batch.monitor import Event
from imgtool.errors import UsageError
from imgtool.model.batch import BatchOptions, BatchPlan, Task, TaskRecord
from imgtool.model.delivery import GlanceTarget


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    yield
    task_runner.end_children()


class Notes:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.tasks = 0
        self.ends: dict[str, TaskRecord] = {}
        self.stages: Counter[str] = Counter()
        self.notices: list[str] = []

    def begin(self, tasks: int, jobs: int) -> None:
        self.tasks = tasks

    def event(self, task: Task, event: Event) -> None:
        self.stages[event.get("stage", "")] += 1

    def ended(self, task: Task, record: TaskRecord) -> None:
        self.ends[task.key] = record

    def notice(self, message: str) -> None:
        self.notices.append(message)


@pytest.fixture
def plan(tmp_path: Path) -> BatchPlan:
    """Two disks and a text."""
    (tmp_path / "out").mkdir()
    tasks = []
    for key in ("a", "b", "text"):
        source = tmp_path / f"{key}.raw"
        if key == "text":
            source.write_text("no disk\n" * 100)
        else:
            qemu_io(create(source, "raw", "8M"), ["write -P 5 1M 1M"], "raw")
        output = tmp_path / "out" / f"{key}.qcow2"
        tasks.append(Task(key, str(source), key, GlanceTarget(key), "hash", output=output, retries=0))
    return BatchPlan(tmp_path / "m.yaml", tuple(tasks))


@pytest.fixture
def options(tmp_path: Path) -> BatchOptions:
    return BatchOptions(tmp_path / "journal", jobs=2, metrics=tmp_path / "metrics.prom")


def test_each_end_is_told_and_noted_in_the_plan_s_order(plan: BatchPlan, options: BatchOptions) -> None:
    notes = Notes()
    records = run.run(plan, options, notes)
    assert [(one.key, one.state) for one in records] == [("a", "done"), ("b", "done"), ("text", "refused")]
    assert (notes.tasks, set(notes.ends)) == (3, {"a", "b", "text"})
    assert notes.stages["convert"] == 2
    with read_journal(options.journal) as journal:
        assert [one.state for one in journal.records()] == [one.state for one in records]
        assert {stage.stage for stage in journal.stages() if stage.key == "a"} & {"convert", "verify"}
    assert options.metrics is not None
    assert "imgtool_batch" in options.metrics.read_text()


def test_the_log_has_the_records_of_the_children(
    plan: BatchPlan, options: BatchOptions, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "imgtool")
    run.run(plan, options, Notes())
    found = [(one.name, one.levelname, one.__dict__["fields"]) for one in caplog.records]
    of_a = [(name, level) for name, level, fields in found if fields.get("image") == "a"]
    assert of_a[0] == of_a[-1] == (run.__name__, "INFO")
    assert {
        ("imgtool.stage", "INFO"),
        ("imgtool.convert.convert", "INFO"),
        ("imgtool.process.programs", "DEBUG"),
    } < set(of_a)
    (refused,) = [fields for name, level, fields in found if (name, level) == (run.__name__, "WARNING")]
    assert (refused["image"], refused["state"], refused["status"]) == ("text", "refused", 3)


def test_the_next_run_skips_what_is_done(plan: BatchPlan, options: BatchOptions) -> None:
    run.run(plan, options, Notes())
    notes = Notes()
    assert [one.state for one in run.run(plan, options, notes)] == ["skipped", "skipped", "refused"]
    assert notes.stages["convert"] == 0


def test_other_settings_are_done_anew_over_our_own_output(plan: BatchPlan, options: BatchOptions) -> None:
    # A task's key has its settings in it.
    run.run(plan, options, Notes())
    changed = replace(
        plan, tasks=tuple(replace(one, key=f"{one.key}2", settings_hash="2") for one in plan.tasks)
    )
    assert [one.state for one in run.run(changed, options, Notes())] == ["done", "done", "refused"]


def test_a_task_that_is_no_longer_in_the_plan_is_not_told(plan: BatchPlan, options: BatchOptions) -> None:
    run.run(plan, options, Notes())
    fewer = replace(plan, tasks=plan.tasks[:1])
    assert [one.key for one in run.run(fewer, options, Notes())] == ["a"]


def test_two_runs_on_one_journal_are_one_too_many(plan: BatchPlan, options: BatchOptions) -> None:
    class Second(Notes):
        def begin(self, tasks: int, jobs: int) -> None:
            with pytest.raises(UsageError, match="another run of this batch"):
                run.run(plan, options, Notes())

    assert len(run.run(plan, options, Second())) == 3


def test_the_first_failure_keeps_others_from_being_begun(plan: BatchPlan, options: BatchOptions) -> None:
    """The same command goes on with them."""
    broken = replace(plan.tasks[2], key="0", source=str(Path(plan.tasks[2].source).with_name("missing")))
    plan = replace(plan, tasks=(*plan.tasks[:2], broken))
    options = replace(options, jobs=1, fail_fast=True)
    notes = Notes()
    (Path(plan.tasks[0].source)).write_text("no disk either, and the largest: it is the first\n" * 1_000_000)
    records = run.run(plan, options, notes)
    assert [one.state for one in records] == ["refused", "waiting", "waiting"]
    assert [one for one in notes.notices if "2 images did not begin" in one]
    again = run.run(replace(plan, tasks=plan.tasks[1:2]), options, Notes())
    assert [one.state for one in again] == ["done"]
