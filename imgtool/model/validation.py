"""Targets in Glance that contradict themselves, or that no cloud takes: found before any is asked."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from imgtool.errors import UsageError
from imgtool.model.delivery import VISIBILITIES, GlanceTarget
from imgtool.util.text import printable

MAX_TAG = 255
"""Glance's bound, in characters."""

Names = Mapping[str, str]
"""How a front end calls the fields of GlanceTarget, where it does not call them so itself."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field, or with several together."""

    fields: tuple[str, ...]
    """Of GlanceTarget; the first is to be corrected."""
    message: str
    """Both texts name a field only as `{field}`, for the front end to fill in."""
    hint: str

    def error(self, names: Names) -> UsageError:
        """Return the problem in the words of a front end."""
        words = {field: names.get(field, field) for field in self.fields}
        return UsageError(self.message.format(**words), hint=self.hint.format(**words))


def validate(target: GlanceTarget) -> Iterator[Problem]:
    """Find all problems, without asking a cloud."""
    for check in _CHECKS:
        yield from check(target)


def require_valid(target: GlanceTarget, names: Names = MappingProxyType({})) -> None:
    """Raise UsageError for the first problem, in the words of `names`."""
    for problem in validate(target):
        raise problem.error(names)


def _quoted(text: str) -> str:
    """Show `text` in a message, in which braces would stand for a field."""
    return repr(printable(text)).replace("{", "{{").replace("}", "}}")


def _visibility(target: GlanceTarget) -> Iterator[Problem]:
    if target.visibility not in VISIBILITIES:
        message = f"Glance has no visibility {_quoted(target.visibility)}"
        yield Problem(("visibility",), message, f"use one of {', '.join(VISIBILITIES)}")
    elif target.members and target.visibility != "shared":
        yield Problem(
            ("members", "visibility"),
            f"an image that is {target.visibility} has no members",
            "leave out {members}, or give {visibility} shared",
        )


def _stores(target: GlanceTarget) -> Iterator[Problem]:
    if target.all_stores and target.stores:
        yield Problem(
            ("stores", "all_stores"), "{stores} and {all_stores} exclude each other", "give one of them"
        )
    if target.method == "direct" and (target.all_stores or len(target.stores) > 1):
        yield Problem(
            ("stores", "method"),
            "the bytes can go directly into one store only",
            "use {method} import, or name one store only",
        )


def _id(target: GlanceTarget) -> Iterator[Problem]:
    if target.image_id is None:
        return
    try:
        uuid.UUID(target.image_id)
    except ValueError:
        yield Problem(("image_id",), f"{_quoted(target.image_id)} is no UUID", "leave {image_id} out")


def _tags(target: GlanceTarget) -> Iterator[Problem]:
    for tag in target.tags:
        if not 1 <= len(tag) <= MAX_TAG or printable(tag) != tag:
            message = f"Glance takes no tag like {_quoted(tag[:MAX_TAG])}"
            yield Problem(("tags",), message, f"use 1 to {MAX_TAG} printable characters")


def _sizes(target: GlanceTarget) -> Iterator[Problem]:
    if min(target.min_ram_mib, target.min_disk_gib or 0) < 0:
        yield Problem(
            ("min_disk_gib", "min_ram_mib"),
            "a flavor has no negative size",
            "correct {min_disk_gib} and {min_ram_mib}",
        )


def _keep_last(target: GlanceTarget) -> Iterator[Problem]:
    if target.keep_last is not None and target.keep_last < 1:
        yield Problem(
            ("keep_last",),
            f"{target.keep_last} versions cannot be kept",
            "give {keep_last} 1 or more: what is uploaded stays",
        )


_CHECKS: tuple[Callable[[GlanceTarget], Iterator[Problem]], ...] = (
    _visibility, _stores, _id, _tags, _sizes, _keep_last,
)  # fmt: skip
