"""What runs on the workers of a cluster: one task, in a child of the worker, as on the parent's own machine.

A task travels as JSON: paths, names and settings. The bytes of images and the credentials of clouds never
do; a worker has clouds.yaml or the OS_* variables of its own.
"""

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgtool import __version__
from imgtool.batch import records
from imgtool.batch.monitor import Event, StopLevel
from imgtool.batch.schedule import address_space_bytes
from imgtool.batch.task_runner import Settings, run_task
from imgtool.errors import ToolFailedError
from imgtool.model.batch import Task, TaskRecord
from imgtool.util import codec
from imgtool.util.text import printable

TOPIC = "imgtool"
"""Of dask's events; all batches share it, since a scheduler keeps each topic for as long as it lives."""

_WORKING = frozenset({"running", "paused"})
"""States of a worker that goes on with what it does; a paused one only begins nothing."""
_BEING_DONE = frozenset({"executing", "long-running"})
"""States of a task that somebody still waits for."""


@dataclass(frozen=True, slots=True)
class Home:
    """What a worker must have in common with the process that keeps the journal."""

    work: Path
    """The batch's folder; absolute."""
    inode: int
    """Of that folder. Machines that share a file system give it different device numbers, but one inode."""
    version: str = __version__


def home_of(work: Path) -> Home:
    """Return the home of the batch whose folder this is."""
    return Home(work, work.stat().st_ino)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker is to do."""

    home: Home
    batch: str
    """A name that no other batch of the scheduler has."""
    task: Task
    replace_output: bool
    """What stands at the task's output is of an earlier run of this batch."""
    log_level: int | None = None
    """As TaskContext has it."""


def unfit(home: Mapping[str, Any]) -> str:
    """Why this process cannot work for that batch; empty where it can.

    `home`: a Home as parsed JSON, of whichever version of imgtool.
    """
    if home["version"] != __version__:
        return f"it has imgtool {__version__}, and not {printable(home['version'])}"
    try:
        inode = Path(home["work"]).stat().st_ino
    except OSError as error:
        return f"it cannot see {printable(home['work'])}: {error.strerror}"
    if inode != home["inode"]:
        return f"it sees another folder at {printable(home['work'])}"
    return ""


HINT = (
    "let all workers have the same imgtool, and the same storage under the same paths, the journal's included"
)


def do_task(text: str) -> str:
    """Runs in a thread of a worker: an Assignment as JSON -> the record, as JSON.

    Raises Reschedule where the worker is about to end: another is to do the task.
    """
    distributed = importlib.import_module("distributed")
    worker = distributed.get_worker()
    key = worker.get_current_task()
    values = json.loads(text)
    if why := unfit(values["home"]):  # one that came when the batch had begun
        return _refused(values["task"]["key"], f"worker {_name(worker)}: {why}")
    assigned = codec.from_values(values, Assignment)
    task = assigned.task

    def stop_level() -> StopLevel:
        """A task that was cancelled runs on, as far as its worker is concerned; its child must not."""
        known = worker.state.tasks.get(key)
        wanted = known is not None and known.state in _BEING_DONE
        return "run" if wanted and worker.status.name in _WORKING else "stop"

    def send(event: Event) -> None:
        about = {"batch": assigned.batch, "key": task.key}
        worker.log_event(TOPIC, {**about, **event})
        if "attempt" in event:
            worker.log_event(TOPIC, {**about, "stage": "worker", "detail": _name(worker)})

    settings = Settings(assigned.home.work, address_space_bytes(), log_level=assigned.log_level)
    record = run_task(task, settings, send, stop_level=stop_level, replace_output=assigned.replace_output)
    if record.state == "interrupted" and stop_level() != "run":
        raise distributed.Reschedule
    return records.to_json(record)


def _name(worker: Any) -> str:
    return printable(str(worker.name))


def _refused(key: str, message: str) -> str:
    status = ToolFailedError.exit_status
    return records.to_json(TaskRecord(key, "failed", exit_status=status, message=message, hint=HINT))
