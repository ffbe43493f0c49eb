"""What one child is given: its task, and the places that are its own. It travels as JSON (util/codec.py)."""

from dataclasses import dataclass
from pathlib import Path

from imgtool.batch import work_folders
from imgtool.model.batch import Task


@dataclass(frozen=True, slots=True)
class TaskContext:
    """One task, and where it may leave what."""

    task: Task
    folder: Path
    """Of this task only, in the batch's folder: the parent removes it."""
    uploads: Path
    """Where uploads are noted until they are finished; all tasks of the batch share it."""
    replace_output: bool = False
    """What stands at the task's output is of an earlier run of this batch."""

    log_level: int | None = None
    """The level from which the child's log goes to the parent; None where nobody listens."""

    recover: bool = False
    """An earlier child of this task may have left half an image in the clouds."""

    @property
    def temporary(self) -> Path:
        """The child's TMPDIR."""
        return self.folder / "tmp"

    @property
    def note(self) -> Path:
        """The record of what is complete in `staging`, and goes to its place next."""
        return self.folder / work_folders.NOTE

    @property
    def staging(self) -> Path | None:
        """A folder beside the output, where it is made; it has to be on the same file system."""
        output = self.task.output
        return None if output is None else output.parent / f".imgtool-batch-{self.task.key}"
