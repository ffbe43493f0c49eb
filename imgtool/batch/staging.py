"""An output file is made in a folder of its own beside its place, and put there when all else is done.

Before it is, a note tells what it is, so that who finds it there after everything was killed knows whose it
is. A child that is killed leaves at most that folder, whose name is known beforehand.
"""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from imgtool.batch import records
from imgtool.batch.task_context import TaskContext
from imgtool.errors import ConversionError
from imgtool.formats.source import identify
from imgtool.model.batch import TaskRecord
from imgtool.model.image import FileIdentity
from imgtool.util.output import put_in_place, sync
from imgtool.util.text import printable


def prepare(context: TaskContext) -> Path | None:
    """Where the output is to be made: a new file in a new folder; None without an output.

    Raises ConversionError.
    """
    staging, output = context.staging, context.task.output
    if staging is None or output is None:
        return None
    try:
        staging.mkdir(mode=0o700)
    except OSError as error:
        reason = f"cannot write into {printable(str(output.parent))}: {error.strerror}"
        raise ConversionError(reason, hint="choose a folder that you may write to") from error
    return staging / output.name


def place(staged: Path, context: TaskContext, record: TaskRecord) -> TaskRecord:
    """Put the complete file in its place; the record that tells which it is. Raises UsageError."""
    output = context.task.output
    assert output is not None  # noqa: S101 - who has staged something has an output
    record = replace(record, output_identity=file_identity(staged))
    _write_note(context, record)
    put_in_place(staged, output, overwrite=context.replace_output)
    sync(output.parent)
    return record


def placed(context: TaskContext) -> TaskRecord | None:
    """The record of what an earlier child put in its place, if it is there and this task's still."""
    output = context.task.output
    if output is None:
        return None
    try:
        settings, _, text = context.note.read_text().partition("\n")
        record = records.from_json(text)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    ours = is_there(output, record.output_identity) and settings == context.task.settings_hash
    return record if ours else None


def is_there(path: Path, identity: FileIdentity | None) -> bool:
    """Whether it is that file. Machines that share a file system give it different device numbers."""
    found = file_identity(path)
    return found is not None and identity is not None and replace(found, device=identity.device) == identity


def file_identity(path: Path) -> FileIdentity | None:
    """Return the file's identity as the gate records it; None if there is no file."""
    with suppress(OSError):
        found = os.lstat(path)
        return identify(found, found.st_size).lasting
    return None


def _write_note(context: TaskContext, record: TaskRecord) -> None:
    """Synced, and whole or not there."""
    partial = context.note.with_suffix(".partial")
    with partial.open("w") as file:
        file.write(f"{context.task.settings_hash}\n{records.to_json(record)}")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(context.note)
    sync(context.folder)
