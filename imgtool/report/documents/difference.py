"""What `imgtool diff` prints as JSON."""

from typing import Literal

from typing_extensions import TypedDict

from imgtool.model.difference import How, Kind


class Change(TypedDict):
    """One thing that differs; null is what an image does not have."""

    name: str
    how: How
    old: str | None
    new: str | None


class KindDifference(TypedDict):
    """What differs of one kind, or why that is not told."""

    kind: Kind
    changes: list[Change]
    unknown: str | None
    not_compared: str | None


class Difference(TypedDict):
    """What differs between two images."""

    schema_version: Literal[1]
    old: str
    new: str
    same: bool
    kinds: list[KindDifference]
