"""What nobody can want of one image: found out before any cloud is asked."""

import uuid
from collections.abc import Callable

from imgtool.errors import UsageError
from imgtool.model.delivery import GlanceTarget
from imgtool.util.text import printable

VISIBILITIES = ("private", "shared", "community", "public")
MAX_TAG = 255
"""Glance's bound, in characters."""


def refuse(wanted: GlanceTarget) -> None:
    """Raise UsageError."""
    for check in _CHECKS:
        check(wanted)


def _visibility(wanted: GlanceTarget) -> None:
    if wanted.visibility not in VISIBILITIES:
        raise UsageError(
            f"Glance has no visibility {printable(wanted.visibility)!r}",
            hint=f"use one of {', '.join(VISIBILITIES)}",
        )
    if wanted.members and wanted.visibility != "shared":
        raise UsageError(
            f"an image that is {wanted.visibility} has no members",
            hint="leave out --member, or give --visibility shared",
        )


def _stores(wanted: GlanceTarget) -> None:
    if wanted.all_stores and wanted.stores:
        raise UsageError("--store and --all-stores exclude each other", hint="give one of them")
    if wanted.method == "direct" and (wanted.all_stores or len(wanted.stores) > 1):
        raise UsageError(
            "the bytes can go directly into one store only", hint="use --method import, or one --store"
        )


def _id(wanted: GlanceTarget) -> None:
    if wanted.image_id is None:
        return
    try:
        uuid.UUID(wanted.image_id)
    except ValueError:
        raise UsageError(f"{printable(wanted.image_id)!r} is no UUID", hint="leave --id out") from None


def _tags(wanted: GlanceTarget) -> None:
    for tag in wanted.tags:
        if not 1 <= len(tag) <= MAX_TAG or printable(tag) != tag:
            raise UsageError(
                f"Glance takes no tag like {printable(tag[:MAX_TAG])!r}",
                hint=f"use 1 to {MAX_TAG} printable characters",
            )


def _sizes(wanted: GlanceTarget) -> None:
    if min(wanted.min_ram_mib, wanted.min_disk_gib or 0) < 0:
        raise UsageError("a flavor has no negative size", hint="correct --min-disk and --min-ram")


_CHECKS: tuple[Callable[[GlanceTarget], None], ...] = (_visibility, _stores, _id, _tags, _sizes)
