"""What becomes of the versions of an image that came before the one of today."""

from dataclasses import dataclass
from typing import Literal

Fate = Literal[
    "current", "kept", "deleted", "needed", "protected", "foreign", "unfinished", "unknown", "failed"
]
"""What happens to one version, or would in a dry run.

current: it is what the name stands for. kept: among the newest that are to stay. needed: something in the
cloud uses it. foreign: imgtool did not make it. unfinished: an upload that is under way, or was never ended.
unknown: whether it is needed could not be found out. failed: Glance refused it. All but `deleted` stay.
"""
STAYS_UNASKED = frozenset({"unknown", "failed"})
"""Fates that nobody asked for: the command did not do all that it was to do."""


@dataclass(frozen=True, slots=True)
class Version:
    """One image of a name, and what becomes of it."""

    image_id: str
    name: str
    created_at: str
    """ISO 8601 in UTC; empty where Glance does not tell."""
    size_bytes: int
    fate: Fate
    reason: str
    hides: bool = False
    """It is, or would be, hidden and renamed by this run."""


@dataclass(frozen=True, slots=True)
class RetirementRequest:
    """Which versions of which image are to stay."""

    name: str
    """A name, or the id of an image: then the versions of that image's name, and it may be retired whoever
    made it."""
    keep: int
    """The newest that stay, the current one included; at least one."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """What was done with the versions of one name in one cloud, or would be."""

    cloud: str
    name: str
    keep: int
    versions: tuple[Version, ...]
    """The current one first, then from the newest to the oldest."""
    notes: tuple[str, ...] = ()
    """Services that could not be asked, or not for all projects."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RetirementFailure:
    """Why nothing was done with a name in a cloud."""

    cloud: str
    name: str
    message: str
    hint: str
    code: str
