"""Tasks and records as JSON and back: what goes to a child and into the journal.

Only a process of the same imgtool reads a task; a journal may be of an older one, so keys that a record lacks
have their defaults, and keys that nobody knows any more are passed over.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from imgtool.model.batch import Task, TaskRecord
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.model.image import FileIdentity

_TUPLES_OF_WANTED = ("tags", "members", "stores")
_IDENTITIES = ("source_identity", "output_identity")


def to_json(value: Mapping[str, Any]) -> str:
    """One line of ASCII: names that are not UTF-8 come through as they are."""
    return json.dumps(value)


def from_json(text: str) -> Mapping[str, Any]:
    """What `to_json` made. Raises ValueError."""
    found: Mapping[str, Any] = json.loads(text)
    return found


def safe(text: str) -> str:
    """What SQLite and a terminal can hold: bytes of a name that are not UTF-8 are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def task_to_json(task: Task) -> str:
    """One line."""
    return json.dumps({**asdict(task), "output": str(task.output) if task.output else None})


def task_from_json(text: str) -> Task:
    """What `task_to_json` made. Raises ValueError, KeyError or TypeError where it is something else."""
    values = json.loads(text)
    wanted = values["wanted"]
    values["wanted"] = GlanceTarget(**{**wanted, **{key: tuple(wanted[key]) for key in _TUPLES_OF_WANTED}})
    values["clouds"] = tuple(CloudName(**cloud) for cloud in values["clouds"])
    values["output"] = Path(values["output"]) if values["output"] else None
    return Task(**values)


def record_to_json(record: TaskRecord) -> str:
    """One line."""
    return json.dumps(asdict(record))


def record_from_json(text: str) -> TaskRecord:
    """What `record_to_json` made. Raises ValueError, KeyError or TypeError where it is something else."""
    return record_from_values(json.loads(text))


def record_from_values(values: Mapping[str, Any]) -> TaskRecord:
    """Return the record that this parsed JSON describes."""
    known = {field.name: values[field.name] for field in fields(TaskRecord) if field.name in values}
    for key in _IDENTITIES:
        if known.get(key) is not None:
            known[key] = FileIdentity(**known[key])
    return TaskRecord(**known)
