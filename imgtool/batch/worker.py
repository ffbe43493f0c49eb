"""The child's main: what to do as JSON on stdin; what happens, and what became of it, as JSON on stdout.

The exit status is the one of the imgtool command that does the same.
"""

import json
import os
import resource
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType

from imgtool.batch import cloud_query, records, task
from imgtool.batch.cloud_query import CloudQuery
from imgtool.batch.events import EventWriter, too_hungry
from imgtool.batch.task_context import TaskContext
from imgtool.errors import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    EXIT_OK,
    ConversionError,
    FetchError,
    ImageUnreadableError,
    ImgtoolError,
    ToolFailedError,
    UnsafeImageError,
    VerificationError,
)
from imgtool.fetch import download
from imgtool.fetch.urls import is_url, without_query
from imgtool.glance.failures import BAD_MOMENTS, GlanceRefusal, NoAnswer
from imgtool.model.batch import TaskRecord
from imgtool.pipeline.judge import refusal
from imgtool.util import codec, interrupts, leases
from imgtool.util.memory import is_out_of_memory

STDIN, STDOUT = 0, 1
WriteBugReport = Callable[[BaseException, Sequence[str]], str]
"""Writes the file that a user attaches; its path, or nothing."""


def main(render: task.Render, write_bug_report: WriteBugReport) -> int:
    """Do what stdin says; return the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with leases.enabled():
        return _main(render, write_bug_report)


def _main(render: task.Render, write_bug_report: WriteBugReport) -> int:
    events = EventWriter(STDOUT)
    try:
        values = json.loads(_read_all(STDIN))
        if "task" not in values:
            events.send({"there": cloud_query.look(codec.from_values(values, CloudQuery), events)})
            return EXIT_OK
        context = codec.from_values(values, TaskContext)
        if context.log_level is not None:
            from imgtool.batch import log_events  # noqa: PLC0415 - loaded only where there is a log

            log_events.send_from(context.log_level, events)
        record, again = _attempt(context, events, render, write_bug_report)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    text = _with_the_url(records.to_json(record), context)
    events.send({"record": json.loads(text), "again": again})
    return EXIT_BUG if record.exit_status is None else record.exit_status


def _attempt(
    context: TaskContext, events: EventWriter, render: task.Render, write_bug_report: WriteBugReport
) -> tuple[TaskRecord, bool]:
    """The record, and whether another attempt may go well."""
    key = context.task.key
    try:
        return task.perform(context, render, events), False
    except (ImageUnreadableError, UnsafeImageError) as error:
        if is_out_of_memory(error):
            return _failed(key, _too_hungry()), False
        report = render(refusal(context.task.source, error))
        return replace(_failed(key, error), state="refused", report=report), False
    except ImgtoolError as error:
        return _failed(key, error), _worth_another(error)
    except KeyboardInterrupt:
        return interrupted(key), False
    except Exception as error:  # a bug that one image shows does not end the batch
        hungry = is_out_of_memory(error)
        return _failed(key, _too_hungry()) if hungry else _bug(key, error, write_bug_report), False


def _worth_another(error: ImgtoolError) -> bool:
    """Whether it may have hit a bad moment. An upload was tried again already, but at once."""
    if isinstance(error, GlanceRefusal):  # no status is known where the image could not be deleted either
        return error.status in BAD_MOMENTS or not error.status
    fleeting = (NoAnswer, FetchError, ConversionError, VerificationError, ToolFailedError)
    return isinstance(error, fleeting)


def interrupted(key: str) -> TaskRecord:
    """Return the record of a task that was stopped."""
    return TaskRecord(key, "interrupted", exit_status=EXIT_INTERRUPTED, message="interrupted")


def _failed(key: str, error: ImgtoolError) -> TaskRecord:
    return TaskRecord(key, "failed", exit_status=error.exit_status, message=error.message, hint=error.hint)


def _bug(key: str, error: Exception, write_bug_report: WriteBugReport) -> TaskRecord:
    path = write_bug_report(error, [key])
    return TaskRecord(
        key,
        "failed",
        exit_status=EXIT_BUG,
        message=f"internal error: {type(error).__name__}: {error}",
        hint=f"this is a bug in imgtool; please report it{f' with {path}' if path else ''}",
    )


def _too_hungry() -> ToolFailedError:
    return too_hungry(resource.getrlimit(resource.RLIMIT_AS)[0])


def _with_the_url(text: str, context: TaskContext) -> str:
    """JSON that speaks of what was fetched by where it came from: the file is gone when it is read."""
    if not is_url(context.task.source):
        return text
    file = json.dumps(str(download.target(context.task.source, context.temporary)))[1:-1]
    return text.replace(file, json.dumps(without_query(context.task.source))[1:-1])


def _read_all(descriptor: int) -> str:
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        return stream.read().decode()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Interrupt once: the clean-up that follows is not torn apart, and what lasts too long is killed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    interrupts.interrupt()
