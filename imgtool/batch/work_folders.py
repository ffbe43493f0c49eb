"""The batch's folder beside the journal: a folder for each task that runs, and what uploads note.

    JOURNAL.work/tasks/KEY/lock         held by whoever works on the task, and by the child itself
    JOURNAL.work/tasks/KEY/tmp/         the child's TMPDIR
    JOURNAL.work/tasks/KEY/output       where the output is to be: beside it there may be half of one
    JOURNAL.work/tasks/KEY/placed.json  what is complete, and is put into its place next
    JOURNAL.work/uploads/               notes of glance/upload_journal.py

A process that is killed leaves them; the next run clears them, when the last child has gone.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imgtool.errors import ToolFailedError, UsageError
from imgtool.glance.upload_journal import Journal
from imgtool.util import locks, waiting
from imgtool.util.text import printable

NOTE = "placed.json"
LAST_SECONDS = 30.0
"""How long a killed run's children may take to be gone. The kernel ends them at once, unless a disk hangs."""


def work_folder(journal: Path) -> Path:
    """Return the folder of the batch that `journal` records."""
    return journal.absolute().with_name(f"{journal.name}.work")


def task_folder(work: Path, key: str) -> Path:
    """Return one task's folder."""
    return work / "tasks" / key


def uploads_folder(work: Path) -> Path:
    """Return the folder for the notes of all tasks' uploads."""
    return work / "uploads"


def make(work: Path) -> None:
    """Raises UsageError."""
    try:
        for folder in (work, work / "tasks", uploads_folder(work)):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        shown = printable(str(work))
        hint = "let the journal be in a folder that you may write to: --journal"
        raise UsageError(f"{shown}: cannot be made: {error.strerror}", hint=hint) from error


@contextmanager
def locked(folder: Path, give_up: Callable[[], bool]) -> Iterator[int]:
    """The lock of a task's folder, which is made. The children that get the descriptor hold it as well.

    Waits while another process has it. Raises ToolFailedError where `give_up` says so.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ToolFailedError(f"{printable(str(folder))}: cannot be made: {error.strerror}") from error
    try:
        if not waiting.until(lambda: locks.take(descriptor), give_up):
            raise ToolFailedError("another process works on it", hint="wait for its end")
        yield descriptor
    finally:
        os.close(descriptor)


def note_output(folder: Path, staging: Path) -> None:
    """Note the output before there is anything at `staging`."""
    (folder / "output").write_bytes(os.fsencode(staging))


def clear(folder: Path, *, keep_note: bool = False) -> None:
    """Remove what is in a task's folder, and what it notes beside the output."""
    with suppress(OSError):
        shutil.rmtree(os.fsdecode((folder / "output").read_bytes()), ignore_errors=True)
    if keep_note:
        shutil.rmtree(folder / "tmp", ignore_errors=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def leftovers(work: Path) -> list[str]:
    """The keys of the tasks that a killed run left folders of."""
    with suppress(OSError):
        return sorted(path.name for path in (work / "tasks").iterdir())
    return []


def clear_leftovers(work: Path, keep: Callable[[str], bool]) -> None:
    """Remove leftovers once their workers are gone, but for the notes of the tasks in `keep`."""
    give_up = waiting.after(LAST_SECONDS)
    for key in leftovers(work):
        folder = task_folder(work, key)
        with locked(folder, give_up):
            clear(folder, keep_note=keep(key))


def forget(work: Path, key: str) -> None:
    """What became of the task is noted: nothing of its folder is needed any more."""
    clear(task_folder(work, key))


def remove(work: Path, give_up: Callable[[], bool]) -> None:
    """Remove the folder at the end, but for what is still in use and what the next run has to know.

    That is: a note of an output whose task was cancelled, and notes of images that could not be deleted.
    """
    for key in leftovers(work):
        folder = task_folder(work, key)
        with suppress(ToolFailedError), locked(folder, give_up):
            clear(folder, keep_note=True)
            if not (folder / NOTE).exists():
                shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # a killed child's
        Journal(uploads_folder(work)).clear_stale_locks()
    for folder in (work / "tasks", uploads_folder(work), work):
        with suppress(OSError):
            folder.rmdir()
