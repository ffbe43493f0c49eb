"""The records of tasks as JSON and back: what a worker tells, what the journal keeps, what a note says.

The JSON may be of an older imgtool: keys that a record lacks have their defaults, and keys that nobody knows
any more are passed over.
"""

import json
from collections.abc import Mapping
from typing import Any

from imgtool.model.batch import TaskRecord
from imgtool.util import codec

_REQUIRED = ("key", "state")
_EMPTY: Mapping[str, Any] = codec.to_values(TaskRecord("", "waiting"))


def to_json(record: TaskRecord) -> str:
    """Return the record as one line."""
    return codec.to_json(record).decode()


def from_json(text: str) -> TaskRecord:
    """Return the record that `to_json` made this of. Raises ValueError, KeyError or TypeError."""
    return from_values(json.loads(text))


def from_values(values: Mapping[str, Any]) -> TaskRecord:
    """Return the record that this parsed JSON describes. Raises ValueError, KeyError or TypeError."""
    required = {key: values[key] for key in _REQUIRED}
    known = {key: values[key] for key in _EMPTY if key in values}
    return codec.from_values({**_EMPTY, **known, **required}, TaskRecord)
