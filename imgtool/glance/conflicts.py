"""What the project has of that name already, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from imgtool.convert.payload import Bytes, Payload
from imgtool.errors import CloudError
from imgtool.glance import converted, images, web_download
from imgtool.glance.body import hash_of
from imgtool.glance.cloud import Cloud
from imgtool.glance.record import Record
from imgtool.glance.verify import hash_in
from imgtool.glance.web_content import WebContent
from imgtool.model.delivery import UploadPlan
from imgtool.util import log
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


def look(plan: UploadPlan, payload: Payload | WebContent, cloud: Cloud, progress: Progress) -> NameConflict:
    """Decide. Raises CloudError where another image has the name and nobody said what to do about it."""
    found = _decide(plan, payload, cloud, progress)
    others = ", ".join(one.id for one in found.records[:MAX_SHOWN])
    log.info(
        __name__,
        f"name {plan.wanted.name!r} in {cloud.name}: {found.decision}{f' {others}' if others else ''}",
        cloud=cloud.name,
        on_conflict=plan.wanted.on_conflict,
        decision=found.decision,
    )
    return found


def _decide(
    plan: UploadPlan, payload: Payload | WebContent, cloud: Cloud, progress: Progress
) -> NameConflict:
    wanted = plan.wanted
    if wanted.on_conflict == "new":
        return NameConflict("upload")
    found = images.named(cloud, wanted.name)
    if there := _same_content(found, plan, payload, progress):
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
        if found and not any(_may_be_same(one, plan) for one in found):
            raise _conflict(cloud, plan.wanted.name, found)


def _may_be_same(record: Record, plan: UploadPlan) -> bool:
    return record.status == "active" and (
        record.disk_format == plan.disk_format or converted.may_be(plan, record)
    )


def _same_content(
    records: Sequence[Record], plan: UploadPlan, payload: Payload | WebContent, progress: Progress
) -> Record | None:
    """The record that has the payload's bytes or, where Glance converts, its disk.

    These are read for their hash only where format and size agree, once for each algorithm there is.
    """
    hashes: dict[tuple[str | None, str], str | None] = {}
    for record in records:
        if isinstance(payload, WebContent) and record.disk_format != plan.disk_format:
            if _may_be_same(record, plan) and web_download.is_made_of(plan, record, payload, progress):
                return record
            continue
        content = _content_as(record.disk_format, plan, payload)
        if not _may_be_same(record, plan) or content is None or record.size_bytes != content.size_bytes:
            continue
        algorithm, value = hash_in(record)
        key = record.disk_format, algorithm
        if key not in hashes:
            progress.stage("hash", f"{printable(record.name)} has the same size: comparing hashes")
            hashes[key] = _hash(content, algorithm, progress)
        if value is not None and hashes[key] == value:
            return record
    return None


def _hash(content: Bytes | WebContent, algorithm: str, progress: Progress) -> str | None:
    if isinstance(content, WebContent):
        return content.hash_by(algorithm, progress)
    with progress.meter("hash", content.size_bytes) as meter:
        return hash_of(content, algorithm, meter)


def _content_as(
    disk_format: str | None, plan: UploadPlan, payload: Payload | WebContent
) -> Bytes | WebContent | None:
    return payload if disk_format == plan.disk_format else payload.disk


def _conflict(cloud: Cloud, name: str, found: Sequence[Record]) -> CloudError:
    shown = ", ".join(f"{one.id} ({one.status})" for one in found[:MAX_SHOWN])
    shown += f" and {len(found) - MAX_SHOWN} more" if len(found) > MAX_SHOWN else ""
    return CloudError(
        f"{cloud.name} has an image named {printable(name)!r} already: {shown}",
        hint="give another --name, or say what to do by --on-conflict skip, replace or new",
    )
