"""One task by real children: what a record says of each way to end, and that nothing is left."""

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.images import create, qemu_img, qemu_io

from imgtool.batch import schedule, task_runner, work_folders
from imgtool.batch.monitor import Event, StopSignal
from imgtool.batch.task_runner import Settings, run_task
from imgtool.model.batch import Task
from imgtool.model.delivery import GlanceTarget


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    yield
    task_runner.end_children()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    work = tmp_path / "work"
    work_folders.make(work)
    return Settings(work, schedule.address_space_bytes(), stop_seconds=20, pause_seconds=0)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    source = create(tmp_path / "a.raw", "raw", "8M")
    qemu_io(source, ["write -P 5 1M 1M"], "raw")
    (tmp_path / "out").mkdir()
    return Task("k", str(source), "a", GlanceTarget("a"), "hash", output=tmp_path / "out" / "a.qcow2")


@pytest.fixture
def hanging(task: Task) -> Iterator[Task]:
    """Its source is a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield replace(task, source=f"http://127.0.0.1:{silent.getsockname()[1]}/x", sha256="0" * 64)


def assert_nothing_left(task: Task, settings: Settings) -> None:
    assert task.output is not None
    folder = work_folders.task_folder(settings.work, task.key)
    assert list(task.output.parent.iterdir()) == []
    assert not (folder / "tmp").exists()


def test_a_good_one_is_in_its_place_with_its_record(task: Task, settings: Settings) -> None:
    events: list[Event] = []
    record = run_task(task, settings, events.append)
    assert (record.state, record.exit_status, record.attempts) == ("done", 0, 1), record
    assert [event for event in events if "log" in event] == []
    assert task.output is not None
    assert "identical" in qemu_img("compare", "-f", "raw", "-F", "qcow2", task.source, task.output)
    assert events[0] == {"attempt": 1}
    assert "convert" in [event.get("stage") for event in events]
    assert [path.name for path in task.output.parent.iterdir()] == ["a.qcow2"]
    assert run_task(task, settings) == replace(record, attempts=0, started=None, ended=None, seconds=0.0)


def test_one_that_the_gate_refuses_is_not_tried_again(task: Task, settings: Settings) -> None:
    Path(task.source).write_text("no disk\n" * 100)
    record = run_task(replace(task, retries=5), settings)
    assert (record.state, record.exit_status, record.attempts) == ("refused", 3, 1)
    assert record.report is not None
    assert_nothing_left(task, settings)


def test_one_that_cannot_be_fetched_is_tried_again(task: Task, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/x"
    record = run_task(replace(task, source=url, sha256="0" * 64, retries=2), settings)
    assert (record.state, record.exit_status, record.attempts) == ("failed", 3, 3)
    assert_nothing_left(task, settings)


def test_a_wrong_checksum_of_a_file_is_found_before_anything_is_made(task: Task, settings: Settings) -> None:
    record = run_task(replace(task, sha256="0" * 64, retries=0), settings)
    assert (record.state, record.exit_status) == ("failed", 5)
    assert "its SHA-256 is" in record.message
    assert_nothing_left(task, settings)


def test_one_that_hangs_is_stopped_at_its_deadline(hanging: Task, settings: Settings) -> None:
    record = run_task(replace(hanging, deadline_seconds=1.0, retries=0), settings)
    assert (record.state, record.exit_status) == ("failed", 4)
    assert "did not end within its 1 seconds" in record.message
    assert_nothing_left(hanging, settings)


def test_one_that_is_killed_fails_alone_and_clearly(hanging: Task, settings: Settings) -> None:
    def kill(event: Event) -> None:
        if event.get("stage") == "fetch":
            os.kill(child_of(settings, hanging), signal.SIGKILL)

    record = run_task(replace(hanging, retries=0), settings, kill)
    assert (record.state, record.exit_status, record.message) == ("failed", 4, "its process was killed")
    assert "dmesg" in record.hint
    assert_nothing_left(hanging, settings)


def child_of(settings: Settings, task: Task) -> int:
    """The process that holds the lock besides this one and the server."""
    lock = work_folders.task_folder(settings.work, task.key) / "lock"
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            held = [os.readlink(one) for one in (entry / "fd").iterdir()]  # noqa: PTH115 - the text, as it is
        except OSError:
            continue
        if str(lock) in held and int(entry.name) != os.getpid():
            return int(entry.name)
    raise AssertionError("no child")


def test_one_that_eats_its_memory_fails_alone_and_clearly(task: Task, settings: Settings) -> None:
    hungry = replace(settings, address_space_bytes=64 << 20)  # Python alone has more
    record = run_task(replace(task, retries=0), hungry)
    assert (record.state, record.exit_status, record.attempts) == ("failed", 4, 1), record
    assert record.message == "needed more memory than its limit of 64.0 MiB", record
    assert_nothing_left(task, settings)
    assert run_task(task, settings).state == "done"


def test_one_that_is_to_stop_cleans_up(hanging: Task, settings: Settings) -> None:
    stop_signal = StopSignal()

    def stop(event: Event) -> None:
        if event.get("stage") == "fetch":
            stop_signal.interrupt()

    record = run_task(hanging, settings, stop, stop_level=stop_signal.get)
    assert (record.state, record.exit_status, record.attempts) == ("interrupted", 130, 1)
    assert_nothing_left(hanging, settings)
