"""The same tasks on the workers of a dask.distributed cluster (the extra `cluster`): the parent's side.

The workers see sources, outputs and the batch's folder on shared storage. Each forks its children as this
machine would: they die with it, and the scheduler gives its tasks to another.
"""

import importlib
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from imgtool.batch import dask_checks, records
from imgtool.batch.dask_worker import TOPIC, Assignment, Home, do_task, home_of
from imgtool.batch.monitor import Event
from imgtool.batch.task_runner import Settings
from imgtool.errors import ToolFailedError, ToolMissingError
from imgtool.model.batch import Task, TaskRecord
from imgtool.util import codec
from imgtool.util.text import printable

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 10.0
MAX_DEATHS = 3
"""Workers that may die while they do one task; it may be what kills them."""

OnEvent = Callable[[Task, Event], None]


@dataclass(slots=True)
class _Submission:
    """A task that was submitted."""

    task: Task
    text: str
    future: "Future[TaskRecord]"
    begun: int = 0
    """Times that a worker began it."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The workers behind one scheduler."""

    jobs: int
    """What the workers can do at once: as many as there are when it is asked."""
    client: Any
    executor: Executor
    home: Home
    batch: str
    on_event: OnEvent
    submissions: dict[str, _Submission]
    """By the task's key."""
    log_level: int | None = None
    """As TaskContext has it."""

    def submit(self, task: Task, *, replace_output: bool) -> "Future[TaskRecord]":
        """Impure: the same task given twice is done twice. Cancelled, its child is ended."""
        assigned = Assignment(self.home, self.batch, task, replace_output, self.log_level)
        query = _Submission(task, codec.to_json(assigned).decode(), Future())
        self.submissions[task.key] = query
        self._send(query)
        return query.future

    def close(self) -> None:
        """What still runs is cancelled: the workers end its children."""
        with suppress(Exception):  # the scheduler may be gone
            self.executor.shutdown(wait=False)
        with suppress(Exception):
            self.client.close(timeout=CLOSE_SECONDS)

    def hear(self, entry: Any) -> None:
        """`entry`: the time, and what `do_task` told. In the thread of the client."""
        message = dict(entry[-1])
        query = self.submissions.get(message.pop("key", ""))
        if message.pop("batch", "") != self.batch or query is None or query.future.done():
            return
        query.begun += message.get("attempt") == 1
        self.on_event(query.task, message)

    def _send(self, query: _Submission) -> None:
        theirs = self.executor.submit(do_task, query.text)
        theirs.add_done_callback(lambda done: self._ended(query, done))
        query.future.add_done_callback(lambda _ours: theirs.cancel())

    def _ended(self, query: _Submission, theirs: "Future[str]") -> None:
        """Called once for each time that it was sent, in the thread of the client, or of who cancels it."""
        error = _gone() if theirs.cancelled() else theirs.exception()
        if not query.future.cancelled() and _is_killed_worker(error):
            if query.begun < MAX_DEATHS:  # dask counts also workers where it only waited for its turn
                self._send(query)
                return
            error = ToolFailedError(f"{query.begun} workers died while they worked on it")
        if not query.future.set_running_or_notify_cancel():
            return
        if error is not None:
            query.future.set_exception(error)
        else:
            query.future.set_result(records.from_json(theirs.result()))


def connect(address: str, settings: Settings, on_event: OnEvent) -> Cluster:
    """Raises UsageError where the cluster is not safe, ToolMissingError, ToolFailedError."""
    dask_checks.check_address(address)
    client = _client(address)
    try:
        workers = dask_checks.usable(address, client.scheduler_info(n_workers=-1))
        home = home_of(settings.work)
        dask_checks.check_fit(client, workers, home)
        executor = client.get_executor(pure=False, resources={dask_checks.DISK: 1})
        jobs = dask_checks.at_once(workers)
        cluster = Cluster(jobs, client, executor, home, f"{uuid.uuid4()}", on_event, {}, settings.log_level)
        client.subscribe_topic(TOPIC, cluster.hear)
    except BaseException:
        client.close(timeout=CLOSE_SECONDS)
        raise
    return cluster


def _client(address: str) -> Any:
    """Connect with TLS as dask's own configuration sets it."""
    distributed = _distributed()
    _silence()
    made: SimpleQueue[Any] = SimpleQueue()
    # In a thread that nobody waits for: dask's own timeout does not cover one that accepts and is silent.
    Thread(target=_make_client, args=(distributed, address, made), daemon=True).start()
    try:
        client = made.get(timeout=CONNECT_SECONDS + 1)
    except Empty:
        client = TimeoutError(f"it was silent for {CONNECT_SECONDS:g} seconds")
    if isinstance(client, Exception):
        raise ToolFailedError(
            f"{printable(address)}: no scheduler answers: {printable(str(client))}",
            hint="is it running, and with the certificates of the same authority?",
        ) from client
    return client


def _make_client(distributed: Any, address: str, made: "SimpleQueue[Any]") -> None:
    try:
        made.put(distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False))
    except Exception as error:
        made.put(error)


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise ToolMissingError(
            "dask.distributed is not installed; it is needed for --scheduler",
            hint="pipx inject openstack-imgtool distributed; or pip install it beside imgtool",
        ) from error


def _silence() -> None:
    """What goes wrong is said by imgtool; dask gives each of its loggers a level and a stream of its own."""
    for name in [*logging.root.manager.loggerDict, "distributed"]:
        if name.partition(".")[0] in {"distributed", "tornado"}:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _is_killed_worker(error: BaseException | None) -> bool:
    return type(error).__name__ == "KilledWorker"


def _gone() -> ToolFailedError:
    return ToolFailedError("the scheduler is gone", hint="start it again, and run the same command")
