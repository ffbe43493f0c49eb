"""The story of one upload: record, bytes, active, verified, named. On any failure the image is deleted."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from imgtool.disk.payload import Payload
from imgtool.errors import CloudError, ImgtoolError, InterruptedByUserError
from imgtool.glance import attempts, finish, images, own_id, standing
from imgtool.glance.cloud import Cloud
from imgtool.glance.failures import GlanceRefusal
from imgtool.glance.journal import Entry, Journal, Page
from imgtool.glance.record import Record
from imgtool.glance.sending import send
from imgtool.glance.standing import Standing
from imgtool.glance.verify import hash_in, verify_arrival
from imgtool.model.delivery import UploadPlan, UploadResult
from imgtool.progress import Progress
from imgtool.text import human_size

DELETE_TRIES = 4
DELETE_PAUSE_SECONDS = 1.0


def execute(
    plan: UploadPlan, payload: Payload, cloud: Cloud, journal: Journal, progress: Progress
) -> UploadResult:
    """Uploads `payload`, which is the plan's image, and proves what arrived.

    Raises CloudError, VerificationError, ImageUnreadableError; the image is not in Glance then, and if it
    could not be deleted the message has its id and the command to do it.
    """
    began = time.monotonic()
    plan = replace(plan, cloud=cloud.name)
    finish.recover(cloud, journal, progress)
    found = standing.look(plan, payload, cloud, progress)
    if found.decision in {"already-there", "skip"}:
        return _not_sent(plan, found, time.monotonic() - began)
    progress.stage("upload", f"{plan.wanted.name} to {cloud.name}: {human_size(payload.size_bytes)}")
    job = _Job(plan, payload, cloud, journal, progress)
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


class _Arrived(NamedTuple):
    record: Record
    algorithm: str
    value: str


def _deliver(job: _Job, found: Standing) -> _Arrived:
    """One attempt, with a record of its own."""
    entry = _entry(job, found)
    own_id.refuse_taken(job.plan.wanted.image_id, job.cloud)
    with job.journal.begin(entry) as page:
        with _all_or_nothing(job.cloud, entry.image_id, page) as making:
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


@dataclass(slots=True)
class _Making:
    """Whether Glance said what became of the record that it was asked for.

    Where it did not, it may be making it yet: that there is no such image now does not mean that none comes.
    """

    answered: bool = False


def _send_and_verify(job: _Job, entry: Entry, making: _Making) -> _Arrived:
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
    return _Arrived(record, algorithm, value)


def _result(
    plan: UploadPlan, found: Standing, arrived: _Arrived, failures: tuple[str, ...], seconds: float
) -> UploadResult:
    replaced = tuple(one.id for one in found.records)
    return UploadResult(
        plan=plan,
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


@contextmanager
def _all_or_nothing(cloud: Cloud, image_id: str, page: Page) -> Iterator[_Making]:
    """Deletes the image if the block fails, by whatever exception, also an interruption."""
    making = _Making()
    try:
        yield making
    except own_id.IdTakenError:
        page.remove()  # what has that id is not ours
        raise
    except BaseException as failure:
        left = _delete(cloud, image_id, may_come=not making.answered)
        if left is None:
            page.remove()
            raise
        raise _with_remains(failure, left) from failure


def _delete(cloud: Cloud, image_id: str, *, may_come: bool) -> str | None:
    """None once the image is gone, else what the user has to know and do.

    Where it `may_come` yet, that it is not there counts only when it is not there for some seconds.
    """
    problem: str | None = "it was interrupted"
    try:
        for attempt in range(DELETE_TRIES):
            time.sleep(attempt * DELETE_PAUSE_SECONDS)
            try:
                was_there = images.delete(cloud, image_id)
            except ImgtoolError as error:
                problem = error.message
                continue
            problem = None
            if was_there or not may_come:
                return None
    except KeyboardInterrupt:
        problem = "it was interrupted"  # a second ^C: stop trying, and say what is left
    return problem and (
        f"image {image_id} could not be deleted from {cloud.name} ({problem}); the next upload tries again, "
        f"or: openstack {cloud.option}image delete {image_id}"
    )


def _with_remains(failure: BaseException, left: str) -> ImgtoolError:
    """`failure` as an error that also tells what was left behind, and that is not tried again."""
    if isinstance(failure, KeyboardInterrupt):
        return InterruptedByUserError(f"interrupted; {left}")
    if isinstance(failure, CloudError):
        return CloudError(f"{failure.message}; {left}", hint=failure.hint)
    if isinstance(failure, ImgtoolError):
        return type(failure)(f"{failure.message}; {left}", hint=failure.hint)
    return CloudError(f"{type(failure).__name__} during the upload; {left}")
