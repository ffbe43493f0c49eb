"""The same tasks on the workers of a dask.distributed cluster (extra `imgtool[cluster]`).

Paths travel, never image bytes or credentials: the workers see sources, outputs and the batch's folder on
shared storage, and have clouds.yaml or the OS_* variables of their own. Each worker forks its children as
this machine would: they die with it, and the scheduler gives its tasks to another.
"""

import importlib
import ipaddress
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from imgtool.batch.attempt import Settings, run_task
from imgtool.batch.watching import Event, Wish
from imgtool.batch.wishes import Wishes
from imgtool.errors import ToolFailedError, ToolMissingError, UsageError
from imgtool.model.batch import Task, TaskRecord
from imgtool.text import printable

DISK = "disk"
"""The resource of a worker of which each task takes one: `dask worker --resources disk=1` has one task at a
time for its disk. Used where each worker has it."""
CONNECT_SECONDS = 30

OnEvent = Callable[[Task, Event], None]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The workers behind one scheduler."""

    jobs: int
    """Threads of all workers: as many as there are when it is asked."""
    client: Any
    executor: Executor
    settings: Settings
    topic: str
    known: dict[str, Task]
    """What was submitted, by key."""

    def submit(self, task: Task, *, replace_output: bool) -> "Future[TaskRecord]":
        """Impure: the same task given twice is done twice."""
        self.known[task.key] = task
        return self.executor.submit(do_task, task, self.settings, replace_output, self.topic)

    def close(self) -> None:
        """What still runs is cancelled: the workers end its children."""
        self.executor.shutdown(wait=False)
        self.client.close()


def connect(address: str, settings: Settings, wishes: Wishes, on_event: OnEvent) -> Cluster:
    """Raises UsageError where the address is not safe, ToolMissingError, ToolFailedError."""
    check_address(address)
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ToolFailedError(
            f"{printable(address)}: no scheduler answers: {printable(str(error))}",
            hint="is it running, and with the certificates of the same authority?",
        ) from error
    topic = f"imgtool-{uuid.uuid4()}"
    known: dict[str, Task] = {}
    client.subscribe_topic(topic, lambda entry: _hear(entry, known, on_event))
    workers = list(client.scheduler_info(n_workers=-1)["workers"].values())
    executor = client.get_executor(pure=False, **_resources(workers))
    return Cluster(sum(worker["nthreads"] for worker in workers), client, executor, settings, topic, known)


def check_address(address: str) -> None:
    """Raises UsageError for what others on the network could read or use: tasks are code."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme == "tls" or (parts.scheme == "tcp" and _is_loopback(parts.hostname or "")):
        return
    raise UsageError(
        f"{printable(address)}: neither TLS nor this machine",
        hint="start the cluster with --protocol tls, and name it by tls://HOST:PORT",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def do_task(task: Task, settings: Settings, replace_output: bool, topic: str) -> TaskRecord:  # noqa: FBT001
    """Runs in a thread of a worker."""
    worker = _distributed().get_worker()
    key = worker.get_current_task()

    def wish() -> Wish:
        """A task that was cancelled runs on, as far as its worker is concerned; its children must not."""
        known = worker.state.tasks.get(key)
        return "run" if known is not None and known.state in {"executing", "long-running"} else "stop"

    def tell(event: Event) -> None:
        worker.log_event(topic, {"key": task.key, **event})

    return run_task(task, settings, tell, wish=wish, replace_output=replace_output)


def _hear(entry: Any, known: dict[str, Task], on_event: OnEvent) -> None:
    """`entry`: the time, and what `do_task` told."""
    message = dict(entry[-1])
    task = known.get(message.pop("key", ""))
    if task is not None:
        on_event(task, message)


def _resources(workers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    everywhere = bool(workers) and all(worker.get("resources", {}).get(DISK) for worker in workers)
    return {"resources": {DISK: 1}} if everywhere else {}


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise ToolMissingError(
            "dask.distributed is not installed; it is needed for --scheduler",
            hint="pip install 'imgtool[cluster]'",
        ) from error
