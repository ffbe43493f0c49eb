"""One task, attempt by attempt, each in a child of its own; whatever happens to that, a record comes back."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from imgtool.batch import records, staging, work_folders
from imgtool.batch.cloud_query import QUERY_SECONDS, CloudQuery
from imgtool.batch.events import too_hungry
from imgtool.batch.forks import Forks, Request
from imgtool.batch.monitor import Ending, Event, StopLevel, watch
from imgtool.batch.task_context import TaskContext
from imgtool.errors import EXIT_INTERRUPTED, ImgtoolError, ToolFailedError
from imgtool.model.batch import Task, TaskRecord
from imgtool.util import codec, waiting
from imgtool.util.text import human_size, last_line

STOP_SECONDS = 30.0
"""For a child that is to stop: it may have to delete an image in Glance."""
PAUSE_SECONDS = 2.0
"""Before the second attempt; before the third twice that, and so on."""
MAX_PAUSE_SECONDS = 60.0
TRIED_AGAIN = frozenset({4, 5, 6})
"""Exit statuses of what may go well another time: a tool, a conversion, a cloud."""

QUERY_ADDRESS_SPACE_BYTES = 4 << 30

_FORKS = Forks()
"""Of this process; a worker of a cluster has its own."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What all tasks of a batch have in common. It travels to other machines: paths, and no secrets."""

    work: Path
    """The batch's folder, beside the journal; absolute."""
    address_space_bytes: int
    stop_seconds: float = STOP_SECONDS
    pause_seconds: float = PAUSE_SECONDS
    log_level: int | None = None
    """As TaskContext has it."""


def _always_run() -> StopLevel:
    return "run"


def run_task(
    task: Task,
    settings: Settings,
    on_event: Callable[[Event], None] = lambda _event: None,
    *,
    stop_level: Callable[[], StopLevel] = _always_run,
    replace_output: bool = False,
) -> TaskRecord:
    """Do the task; never raises. Nothing of a failed one is left: no process, no file, no half image.

    `on_event` gets what the child tells (events.py), and `{"attempt": n}` where one begins. `stop_level` is
    asked several times a second. `replace_output`: what stands at the output is of an earlier run of this
    batch.
    """
    context = TaskContext(
        task=task,
        folder=work_folders.task_folder(settings.work, task.key),
        uploads=work_folders.uploads_folder(settings.work),
        replace_output=replace_output,
        log_level=settings.log_level,
    )
    latest = time.monotonic() + task.deadline_seconds
    try:
        with work_folders.locked(
            context.folder, lambda: stop_level() != "run" or time.monotonic() > latest
        ) as lock:
            found = staging.placed(context)
            return found or _Attempts(context, settings, on_event, stop_level, lock).run()
    except ImgtoolError as error:
        return TaskRecord(
            task.key, "failed", exit_status=error.exit_status, message=error.message, hint=error.hint
        )


def run_query(
    query: CloudQuery, notice: Callable[[str], None], stop_level: Callable[[], StopLevel]
) -> dict[str, list[str]]:
    """What a child finds in the clouds: the ids of active images, by cloud; nothing where it fails."""
    found: dict[str, list[str]] = {}

    def hear(event: Event) -> None:
        found.update(event.get("there", {}))
        if "stage" in event:
            notice(event["detail"])

    try:
        child = _FORKS.start(Request(codec.to_json(query), QUERY_ADDRESS_SPACE_BYTES, {}))
    except ImgtoolError as error:
        notice(error.message)
        return found
    try:
        ending = watch(
            child,
            deadline_seconds=QUERY_SECONDS,
            stop_seconds=STOP_SECONDS,
            stop_level=stop_level,
            on_event=hear,
        )
    finally:
        child.close()
    if ending.status != 0:
        notice(f"could not query the clouds: {_last_words(ending)}")
    return found


def end_children() -> None:
    """Kill what still runs, and end the process that they were forked from."""
    _FORKS.close()


class _Attempts:
    """The attempts at one task, one after the other."""

    def __init__(
        self,
        context: TaskContext,
        settings: Settings,
        on_event: Callable[[Event], None],
        stop_level: Callable[[], StopLevel],
        lock: int,
    ) -> None:
        self._context = context
        self._settings = settings
        self._on_event = on_event
        self._stop_level = stop_level
        self._lock = lock
        self._last: Event = {}

    def run(self) -> TaskRecord:
        """Try until an attempt succeeds or another would make no sense; return the last record."""
        task = self._context.task
        started = time.time()
        clock = time.monotonic()
        number = 0
        while True:
            number += 1
            self._on_event({"attempt": number})
            record = self._attempt(number)
            last = number > task.retries or not self._last.get("again") or self._stop_level() != "run"
            if last or not self._pause(number):
                break
        return replace(
            record, attempts=number, started=started, ended=time.time(), seconds=time.monotonic() - clock
        )

    def _attempt(self, number: int) -> TaskRecord:
        killed_before = self._context.temporary.exists()
        context = self._context = replace(self._context, recover=number > 1 or killed_before)
        self._last = {"again": True}
        work_folders.clear(context.folder, keep_note=True)
        try:
            context.temporary.mkdir(mode=0o700, parents=True)
            if context.staging is not None:
                work_folders.note_output(context.folder, context.staging)
            ending = self._watched()
        except OSError as error:
            raise ToolFailedError(f"{context.folder}: {error.strerror}") from error
        finally:
            work_folders.clear(context.folder, keep_note=True)
        return self._outcome(ending)

    def _watched(self) -> Ending:
        context = self._context
        child = _FORKS.start(
            Request(
                stdin=codec.to_json(context),
                address_space_bytes=self._settings.address_space_bytes,
                environment={"TMPDIR": str(context.temporary)},
                kept_open=[self._lock],
            )
        )
        try:
            return watch(
                child,
                deadline_seconds=context.task.deadline_seconds,
                stop_seconds=self._settings.stop_seconds,
                stop_level=self._stop_level,
                on_event=self._hear,
            )
        finally:
            child.close()

    def _hear(self, event: Event) -> None:
        if "record" in event:
            self._last = event
        else:
            self._on_event(event)

    def _outcome(self, ending: Ending) -> TaskRecord:
        """Return what the child reported, or how it ended without a report."""
        values = self._last.get("record")
        if values is not None and (ending.why is None or values["state"] == "done"):
            return records.from_values(values)
        if (record := staging.placed(self._context)) is not None:  # it was stopped just after that
            return record
        return _untold(self._context.task, ending, self._settings)

    def _pause(self, number: int) -> bool:
        """Wait before the next attempt; return whether there may be one."""
        is_over = waiting.after(min(self._settings.pause_seconds * number, MAX_PAUSE_SECONDS))
        return not waiting.until(lambda: self._stop_level() != "run", is_over)


def _untold(task: Task, ending: Ending, settings: Settings) -> TaskRecord:
    if ending.why == "stopped":
        return TaskRecord(task.key, "interrupted", exit_status=EXIT_INTERRUPTED, message="interrupted")
    error = _died(ending, settings)
    if ending.why == "deadline":
        error = ToolFailedError(
            f"did not end within its {task.deadline_seconds:g} seconds, and was stopped",
            hint="give it a longer deadline, or run imgtool on this image alone",
        )
    return TaskRecord(
        task.key, "failed", exit_status=error.exit_status, message=error.message, hint=error.hint
    )


def _last_words(ending: Ending) -> str:
    """What the child wrote last on stderr; where it went with its server, what that did."""
    words = last_line(ending.stderr)
    return words or (_FORKS.last_words() if ending.status is None else "")


def _died(ending: Ending, settings: Settings) -> ToolFailedError:
    if ending.error:
        return ToolFailedError(f"cannot start a worker process: {ending.error}")
    words = _last_words(ending)
    if words == MemoryError.__name__:
        return too_hungry(settings.address_space_bytes)
    said = f": {words}" if words else ""
    if ending.status is None:
        return ToolFailedError(
            f"the worker process disappeared{said}", hint="check dmesg and the journal for killed processes"
        )
    if ending.status == -signal.SIGKILL:
        limit = human_size(settings.address_space_bytes)
        return ToolFailedError(
            "its process was killed",
            hint=f"by somebody, or by the kernel for want of memory (its own limit is {limit}): see dmesg",
        )
    if ending.status < 0:
        return ToolFailedError(f"its process was ended by {signal.Signals(-ending.status).name}{said}")
    return ToolFailedError(f"its process ended with status {ending.status} and told no result{said}")
