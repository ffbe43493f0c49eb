"""What the project has of that name already, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from imgtool.convert.payload import Payload
from imgtool.errors import CloudError
from imgtool.glance import images
from imgtool.glance.body import hash_of
from imgtool.glance.cloud import Cloud
from imgtool.glance.record import Record
from imgtool.glance.verify import hash_in
from imgtool.model.delivery import UploadPlan
from imgtool.util.progress import Progress
from imgtool.util.text import printable

MAX_SHOWN = 5
"""Images of one name that a message lists."""

Decision = Literal["upload", "replace", "already-there", "skip"]


@dataclass(frozen=True, slots=True)
class NameConflict:
    """What to do, and the images of that name: those that are replaced, or the one that is there already."""

    decision: Decision
    records: tuple[Record, ...] = ()


def look(plan: UploadPlan, payload: Payload, cloud: Cloud, progress: Progress) -> NameConflict:
    """Decide. Raises CloudError where another image has the name and nobody said what to do about it."""
    wanted = plan.wanted
    if wanted.on_conflict == "new":
        return NameConflict("upload")
    found = images.named(cloud, wanted.name)
    same = [one for one in found if _may_be_same(one, plan, payload)]
    if there := _same_bytes(same, payload, progress):
        return NameConflict("already-there", (there,))
    if not found:
        return NameConflict("upload")
    if wanted.on_conflict == "fail":
        raise _conflict(cloud, wanted.name, found)
    return NameConflict("skip" if wanted.on_conflict == "skip" else "replace", found)


def refuse_conflict(plan: UploadPlan, cloud: Cloud) -> None:
    """What `look` would refuse for the name alone, before anything is converted. Raises CloudError.

    An image of the same format may turn out to be the same, and is left to `look`.
    """
    if plan.wanted.on_conflict == "fail":
        found = images.named(cloud, plan.wanted.name)
        if found and not any(_active(one, plan) for one in found):
            raise _conflict(cloud, plan.wanted.name, found)


def _active(record: Record, plan: UploadPlan) -> bool:
    return record.status == "active" and record.disk_format == plan.disk_format


def _may_be_same(record: Record, plan: UploadPlan, payload: Payload) -> bool:
    """Cheap to tell: only where all of this agrees the bytes are read for their hash."""
    return _active(record, plan) and record.size_bytes == payload.size_bytes


def _same_bytes(records: list[Record], payload: Payload, progress: Progress) -> Record | None:
    """The record whose hash is the payload's, which is read once for each algorithm there is."""
    hashes: dict[str, str | None] = {}
    for record in records:
        algorithm, value = hash_in(record)
        if algorithm not in hashes:
            progress.stage("hash", f"{printable(record.name)} has the same size: comparing hashes")
            with progress.meter("hash", payload.size_bytes) as meter:
                hashes[algorithm] = hash_of(payload, algorithm, meter)
        if value is not None and hashes[algorithm] == value:
            return record
    return None


def _conflict(cloud: Cloud, name: str, found: Sequence[Record]) -> CloudError:
    shown = ", ".join(f"{one.id} ({one.status})" for one in found[:MAX_SHOWN])
    shown += f" and {len(found) - MAX_SHOWN} more" if len(found) > MAX_SHOWN else ""
    return CloudError(
        f"{cloud.name} has an image named {printable(name)!r} already: {shown}",
        hint="give another --name, or say what to do by --on-conflict skip, replace or new",
    )
