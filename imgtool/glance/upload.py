"""One upload: record, bytes, active, verified, named. On any failure the image is deleted."""

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from imgtool.convert.payload import Payload
from imgtool.glance import (
    attempts,
    concurrency,
    conflicts,
    finalize,
    images,
    names,
    retention,
    rollback,
    verify,
)
from imgtool.glance.cloud import Cloud
from imgtool.glance.conflicts import NameConflict
from imgtool.glance.failures import GlanceRefusal
from imgtool.glance.plan import PREFIX, image_hash
from imgtool.glance.record import Record
from imgtool.glance.rollback import Making
from imgtool.glance.sending import send
from imgtool.glance.upload_journal import Entry, Journal
from imgtool.glance.verify import Proof, hash_in
from imgtool.glance.web_content import WebContent
from imgtool.model.delivery import Property, UploadPlan, UploadResult
from imgtool.model.retirement import Retirement
from imgtool.util.notes import Page
from imgtool.util.progress import Progress
from imgtool.util.text import human_size

Late = Callable[[], tuple[Property, ...]]
"""Properties that are found out while the bytes are sent; it may wait for them."""


def execute(  # noqa: PLR0913 - what a delivery consists of, named one by one
    plan: UploadPlan,
    payload: Payload | WebContent,
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
    job = _Job(replace(plan, cloud=cloud.name), payload, cloud, journal, progress, late)
    with concurrency.alone(job.plan, cloud, journal, progress):
        return _execute(job, time.monotonic())


def _execute(job: "_Job", began: float) -> UploadResult:
    """While nobody else decides about this name, in as far as that is known here."""
    plan, payload, cloud, journal, progress, _ = job
    finalize.recover(cloud, journal, progress, plan.wanted.name)
    found = conflicts.look(plan, payload, cloud, progress)
    if found.decision in {"already-there", "skip"}:
        result = _not_sent(plan, found, time.monotonic() - began)
        return result if found.decision == "skip" else _rotated(job, result)
    progress.stage("upload", f"{plan.wanted.name} to {cloud.name}: {_size(payload)}")
    if plan.wanted.image_id is None:
        arrived, failures = attempts.until_done(lambda: _deliver(job, found), cloud, progress)
    else:  # Glance never takes an id a second time
        arrived, failures = _deliver(job, found), ()
    return _result(plan, arrived, failures, time.monotonic() - began)


def _size(payload: Payload | WebContent) -> str:
    return human_size(payload.size_bytes) if payload.size_bytes else "size not known"


class _Job(NamedTuple):
    plan: UploadPlan
    payload: Payload | WebContent
    cloud: Cloud
    journal: Journal
    progress: Progress
    late: Late


class _Arrived(NamedTuple):
    record: Record
    proof: Proof
    late: tuple[Property, ...]
    rivals: tuple[Record, ...] = ()
    """Younger images of the same name that came meanwhile."""
    replaced: tuple[str, ...] = ()
    retired: Retirement | None = None
    notes: tuple[str, ...] = ()


def _deliver(job: _Job, found: NameConflict) -> _Arrived:
    """One attempt, with a record of its own."""
    entry = _entry(job, found)
    images.refuse_taken(job.plan.wanted.image_id, job.cloud)
    with job.journal.begin(entry) as page:
        with rollback.all_or_nothing(job.cloud, entry.image_id, page) as making:
            arrived = _send_and_verify(job, entry, making)
            finalize.share(entry, job.cloud)
            if job.plan.wanted.visibility == "shared":
                images.require_only(job.cloud, entry.image_id, entry.members)
            came = _rivals(job, entry, arrived.record)
            if entry.replaces:
                entry = _replacing(entry, came)
            decided = retention.decided(job.plan.wanted, entry, job.cloud)
            page.write(replace(decided.entry, step="finishing"))
        arrived = _finish(job, entry, arrived, page)
        try:
            retired = decided.carried_out(job.cloud, job.progress)
        finally:
            page.remove()  # the image is complete, whatever becomes of older ones
    return arrived._replace(rivals=came, replaced=entry.replaces, retired=retired, notes=decided.notes)


def _rotated(job: _Job, there: UploadResult) -> UploadResult:
    """The image was there already; older versions go all the same, where they are to."""
    wanted, image_id = job.plan.wanted, there.image_id
    retired, notes = retention.of_what_is_there(wanted, image_id, job.cloud, job.journal, job.progress)
    return replace(there, retired=retired, notes=(*there.notes, *notes))


def _finish(job: _Job, entry: Entry, arrived: _Arrived, page: Page) -> _Arrived:
    """What comes when the image is verified: its name, where another one has it, and its protection."""
    record = arrived.record
    if entry.replaces:
        record = finalize.take_name(entry, job.cloud)
        try:
            came = _rivals(job, entry, record)
        except concurrency.OvertakenError:
            with rollback.all_or_nothing(job.cloud, entry.image_id, page):
                raise
        if came:
            record = finalize.take_name(_replacing(entry, came), job.cloud)
    if entry.protected:
        record = finalize.protect(entry, job.cloud)
    return arrived._replace(record=record)


def _rivals(job: _Job, entry: Entry, record: Record) -> tuple[Record, ...]:
    """Younger images of the name that came meanwhile. Raises OvertakenError where there is an older one."""
    if job.plan.wanted.on_conflict == "new":
        return ()
    return concurrency.younger(job.cloud, record, entry.name, entry.replaces)


def _replacing(entry: Entry, more: tuple[Record, ...]) -> Entry:
    """These too are replaced."""
    return replace(entry, replaces=(*entry.replaces, *(one.id for one in more)))


def _entry(job: _Job, found: NameConflict) -> Entry:
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
    name = names.temporary_name(entry.name, entry.image_id) if entry.replaces else entry.name
    hidden = cloud.hides and (entry.hidden or bool(entry.replaces))
    try:
        record = images.create_own(cloud, entry.image_id, plan, name=name, hidden=hidden)
    except GlanceRefusal as error:
        making.answered = error.status < 500  # a gateway's 504 says nothing about Glance
        raise
    making.answered = True
    verify.require(plan, record, project_id=cloud.project_id, name=name, hidden=hidden)
    _rivals(job, entry, record)
    record, proof = send(plan, entry.image_id, job.payload, cloud, job.progress)
    what = "what was sent" if proof.disk_format == plan.disk_format else f"its disk as {proof.disk_format}"
    job.progress.stage(
        "verify", f"{entry.image_id} is {record.status}, its {proof.algorithm} is that of {what}"
    )
    plan = replace(plan, disk_format=proof.disk_format)
    late = (*job.late(), *_own_hash(plan, proof))
    if late:
        record = images.patch(cloud, entry.image_id, {one.name: one.value for one in late})
    verify.require(plan, record, project_id=cloud.project_id, name=name, hidden=hidden)
    return _Arrived(record, proof, late)


def _own_hash(plan: UploadPlan, proof: Proof) -> tuple[Property, ...]:
    """Part of where the image came from, and set where that is."""
    tells = any(one.name.startswith(PREFIX) for one in plan.properties)
    return (image_hash(proof.algorithm, proof.value),) if tells else ()


def _result(plan: UploadPlan, arrived: _Arrived, failures: tuple[str, ...], seconds: float) -> UploadResult:
    replaced = arrived.replaced
    properties = sorted((*plan.properties, *arrived.late), key=lambda one: one.name)
    return UploadResult(
        plan=replace(plan, properties=tuple(properties)),
        image_id=arrived.record.id,
        status=arrived.record.status,
        size_bytes=arrived.record.size_bytes or 0,
        hash_algorithm=arrived.proof.algorithm,
        hash_value=arrived.proof.value,
        seconds=seconds,
        ending="replaced" if replaced else "uploaded",
        stored_format=arrived.proof.disk_format,
        stores=arrived.record.stores,
        replaced=replaced,
        notes=(
            *(f"an attempt failed: {one}" for one in failures),
            *verify.differences(plan, arrived.record),
            *(concurrency.note(one) for one in arrived.rivals if one.id not in replaced),
            *arrived.notes,
        ),
        retired=arrived.retired,
    )


def _not_sent(plan: UploadPlan, found: NameConflict, seconds: float) -> UploadResult:
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
        stored_format=record.disk_format or plan.disk_format,
        seconds=seconds,
        ending="already-there" if there else "skipped",
        stores=record.stores,
        notes=verify.differences(plan, record) if there else (),
    )
