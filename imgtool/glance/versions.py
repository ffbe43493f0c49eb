"""Which images are versions of one name, and which of them stay. Pure.

A version has the name, or has lost it to a newer one (`NAME (replaced 5e6f7a8b)`); imgtool made it, as its
provenance tells. Nova copies the properties of an image to the snapshots of its servers: what was made from
a server is no version, whatever its properties say.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from imgtool.glance.names import former_name
from imgtool.glance.plan import IMAGE_HASH, PREFIX
from imgtool.glance.record import Record
from imgtool.model.retirement import Fate, Version

MADE_BY = f"{PREFIX}version"
"""The property that imgtool gives to what it uploads."""
_OF_A_SERVER = ("base_image_ref", "instance_uuid")
FINISHED = frozenset({"active", "deactivated"})
"""States of an image that has its bytes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for."""

    name: str
    keep: int
    named: Collection[str] = ()
    """Ids of images that may be retired whoever made them."""
    current: str | None = None
    """Id of what has, or is about to get, the name; None: the newest that has it and is not hidden."""
    can_hide: bool = True
    """Glance knows hidden images."""


def decide(records: Iterable[Record], wanted: Wanted) -> tuple[Version, ...]:
    """Return all images of the name: the current one, then the others from the newest to the oldest.

    What imgtool may not touch takes no place among those that are kept.
    """
    called = [one for one in records if _is_called(one, wanted)]
    ordered = sorted(called, key=_age, reverse=True)
    ours = [one for one in ordered if _untouchable(one, wanted) is None]
    current = _current(ours, wanted)
    ranked = [*([current] if current else []), *(one for one in ours if one is not current)]
    decided = [_ranked(one, rank, current, wanted) for rank, one in enumerate(ranked)]
    return (*decided, *_others(ordered, wanted))


def is_set_aside(record: Record, name: str, *, can_hide: bool) -> bool:
    """Whether it has given its name to another image, and is in no default list where Glance hides images."""
    return record.name == former_name(name, record.id) and (record.hidden or not can_hide)


def _is_called(record: Record, wanted: Wanted) -> bool:
    names = {wanted.name, former_name(wanted.name, record.id)}
    return record.id == wanted.current or record.name in names


def _age(record: Record) -> tuple[str, str]:
    """Nothing that a retirement changes counts, or the next one would go on: a name does not."""
    return record.created_at or "", record.id


def _untouchable(record: Record, wanted: Wanted) -> tuple[Fate, str] | None:
    if record.status not in FINISHED:
        return "unfinished", f"its state is {record.status}"
    if record.id in wanted.named or record.id == wanted.current:
        return None
    if any(record.properties.get(key) for key in _OF_A_SERVER) or _is_snapshot(record):
        return "foreign", "it was made from a server"
    if MADE_BY not in record.properties:
        return "foreign", f"imgtool did not make it: it has no property {MADE_BY}"
    own = record.properties.get(IMAGE_HASH)
    if own is not None and own != f"{record.hash_algorithm}:{record.hash_value}":
        return "foreign", f"its bytes are not those that imgtool uploaded: {IMAGE_HASH} names others"
    return None


def _is_snapshot(record: Record) -> bool:
    return record.properties.get("image_type") in {"snapshot", "backup"}


def _current(ours: list[Record], wanted: Wanted) -> Record | None:
    if wanted.current is not None:
        return next((one for one in ours if one.id == wanted.current), None)
    called = (one for one in ours if one.name == wanted.name and one.status == "active")
    return next((one for one in called if not one.hidden), None)


def _ranked(record: Record, rank: int, current: Record | None, wanted: Wanted) -> Version:
    version = _version(record, "kept", f"one of the newest {wanted.keep}")
    if record is current:
        return replace(version, fate="current", reason="it has the name")
    if current is not None or rank >= wanted.keep:  # without one, nobody else has the name
        version = replace(version, hides=not is_set_aside(record, wanted.name, can_hide=wanted.can_hide))
    if rank < wanted.keep:
        return version
    if record.protected:
        return replace(version, fate="protected", reason="it is protected from deletion")
    return replace(version, fate="deleted", reason=f"older than the newest {wanted.keep}")


def _others(ordered: Iterable[Record], wanted: Wanted) -> Iterator[Version]:
    for record in ordered:
        if (why := _untouchable(record, wanted)) is not None:
            yield _version(record, *why)


def _version(record: Record, fate: Fate, reason: str) -> Version:
    return Version(record.id, record.name, record.created_at or "", record.size_bytes or 0, fate, reason)
