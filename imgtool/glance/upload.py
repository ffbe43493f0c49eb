"""The story of one upload: record, bytes, active, verified, named. On any failure the image is deleted."""

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from imgtool.disk.payload import Payload
from imgtool.glance import attempts, finish, images, own_id, standing, undo
from imgtool.glance.cloud import Cloud
from imgtool.glance.failures import GlanceRefusal
from imgtool.glance.journal import Entry, Journal
from imgtool.glance.record import Record
from imgtool.glance.sending import send
from imgtool.glance.standing import Standing
from imgtool.glance.undo import Making
from imgtool.glance.verify import hash_in, verify_arrival
from imgtool.model.delivery import Property, UploadPlan, UploadResult
from imgtool.progress import Progress
from imgtool.text import human_size

Late = Callable[[], tuple[Property, ...]]
"""Properties that are found out while the bytes are sent; it may wait for them."""


def execute(  # noqa: PLR0913 - what a delivery consists of, named one by one
    plan: UploadPlan,
    payload: Payload,
    cloud: Cloud,
    journal: Journal,
    progress: Progress,
    *,
    late: Late = tuple,
) -> UploadResult:
    """Uploads `payload`, which is the plan's image, and proves what arrived.

    Raises CloudError, VerificationError, ImageUnreadableError; the image is not in Glance then, and if it
    could not be deleted the message has its id and the command to do it.
    """
    began = time.monotonic()
    plan = replace(plan, cloud=cloud.name)
    finish.recover(cloud, journal, progress, plan.wanted.name)
    found = standing.look(plan, payload, cloud, progress)
    if found.decision in {"already-there", "skip"}:
        return _not_sent(plan, found, time.monotonic() - began)
    progress.stage("upload", f"{plan.wanted.name} to {cloud.name}: {human_size(payload.size_bytes)}")
    job = _Job(plan, payload, cloud, journal, progress, late)
    if plan.wanted.image_id is None:
        arrived, failures = attempts.until_done(lambda: _deliver(job, found), cloud, progress)
    else:  # Glance never takes an id a second time
        arrived, failures = _deliver(job, found), ()
    return _result(plan, found, arrived, failures, time.monotonic() - began)


class _Job(NamedTuple):
    plan: UploadPlan
    payload: Payload
    cloud: Cloud
    journal: Journal
    progress: Progress
    late: Late


class _Arrived(NamedTuple):
    record: Record
    algorithm: str
    value: str
    late: tuple[Property, ...]


def _deliver(job: _Job, found: Standing) -> _Arrived:
    """One attempt, with a record of its own."""
    entry = _entry(job, found)
    own_id.refuse_taken(job.plan.wanted.image_id, job.cloud)
    with job.journal.begin(entry) as page:
        with undo.all_or_nothing(job.cloud, entry.image_id, page) as making:
            arrived = _send_and_verify(job, entry, making)
            finish.share(entry, job.cloud)
            page.write(replace(entry, step="finishing"))
        if entry.replaces or entry.protected:
            finish.take_name(entry, job.cloud)
        page.remove()
    return arrived


def _entry(job: _Job, found: Standing) -> Entry:
    wanted = job.plan.wanted
    return Entry(
        image_id=wanted.image_id or str(uuid.uuid4()),
        endpoint=job.cloud.endpoint,
        project_id=job.cloud.project_id,
        name=wanted.name,
        hidden=wanted.hidden,
        protected=wanted.protected,
        members=wanted.members,
        replaces=tuple(one.id for one in found.records) if found.decision == "replace" else (),
    )


def _send_and_verify(job: _Job, entry: Entry, making: Making) -> _Arrived:
    """While an older image has the name the new one has another, and is in no default list."""
    cloud, plan = job.cloud, job.plan
    name = finish.temporary_name(entry.name, entry.image_id) if entry.replaces else entry.name
    try:
        own_id.create(cloud, entry.image_id, plan, name=name, hidden=entry.hidden or bool(entry.replaces))
    except GlanceRefusal as error:
        making.answered = error.status < 500  # a gateway's 504 says nothing about Glance
        raise
    making.answered = True
    record, body = send(plan, entry.image_id, job.payload, cloud, job.progress)
    algorithm, value = verify_arrival(plan, record, body)
    job.progress.stage(
        "verify", f"{entry.image_id} is {record.status}, its {algorithm} is that of what was sent"
    )
    late = job.late()
    if late:
        images.patch(cloud, entry.image_id, {one.name: one.value for one in late})
    return _Arrived(record, algorithm, value, late)


def _result(
    plan: UploadPlan, found: Standing, arrived: _Arrived, failures: tuple[str, ...], seconds: float
) -> UploadResult:
    replaced = tuple(one.id for one in found.records)
    properties = sorted((*plan.properties, *arrived.late), key=lambda one: one.name)
    return UploadResult(
        plan=replace(plan, properties=tuple(properties)),
        image_id=arrived.record.id,
        status=arrived.record.status,
        size_bytes=arrived.record.size_bytes or 0,
        hash_algorithm=arrived.algorithm,
        hash_value=arrived.value,
        seconds=seconds,
        ending="replaced" if replaced else "uploaded",
        stores=arrived.record.stores,
        replaced=replaced,
        notes=tuple(f"an attempt failed: {one}" for one in failures),
    )


def _not_sent(plan: UploadPlan, found: Standing, seconds: float) -> UploadResult:
    """The image that has the name: the same bytes, or others that are to stay."""
    record = found.records[0]
    algorithm, value = hash_in(record)
    there = found.decision == "already-there"
    return UploadResult(
        plan=plan,
        image_id=record.id,
        status=record.status,
        size_bytes=record.size_bytes or 0,
        hash_algorithm=algorithm,
        hash_value=value or "",
        seconds=seconds,
        ending="already-there" if there else "skipped",
        stores=record.stores,
        notes=standing.differences(plan, record) if there else (),
    )
