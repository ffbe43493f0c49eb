"""Refuses tasks that would be in one another's way."""

from collections.abc import Iterator, Sequence

from imgtool.errors import UsageError
from imgtool.model.batch import Task, cloud_label

_NAME_HINT = "give one of them another name; with a pattern, {stem} in it is the file's"
_OUTPUT_HINT = "give one of them another output; with a pattern, {stem} in it is the file's"


def refuse_duplicates(tasks: Sequence[Task]) -> None:
    """Raises UsageError that names both lines."""
    seen: dict[tuple[str, str, str], Task] = {}
    for task in tasks:
        for claim in _claims(task):
            if claim in seen:
                raise _refusal(claim, seen[claim], task)
            seen[claim] = task
        if str(task.output) == task.source:
            raise UsageError(f"{task.where}: output: {task.output} is the source itself")


def _claims(task: Task) -> Iterator[tuple[str, str, str]]:
    """What only one task of a batch can have: kind, place, value."""
    if task.output is not None:
        yield "output", "", str(task.output)
    for cloud in task.clouds:
        yield "name", cloud_label(cloud), task.name
        if task.wanted.image_id:
            yield "id", cloud_label(cloud), task.wanted.image_id


def _refusal(claim: tuple[str, str, str], first: Task, second: Task) -> UsageError:
    kind, place, value = claim
    at = f" in {place or 'the cloud of the OS_* variables'}" if kind != "output" else ""
    line = f"{first.source} at {first.where}"
    hint = {"name": _NAME_HINT, "output": _OUTPUT_HINT}.get(kind, "")
    return UsageError(f"{second.where}: {kind}: {second.source} would be {value}{at}, as {line}", hint=hint)
