"""The story of one upload: record, bytes, active, verified. On any failure the image is deleted again."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from imgtool.errors import CloudError, ImgtoolError, InterruptedByUserError
from imgtool.formats.gate import open_admitted
from imgtool.glance import images
from imgtool.glance.body import Body
from imgtool.glance.cloud import Cloud
from imgtool.glance.images import Record
from imgtool.glance.verify import verify_arrival
from imgtool.model.delivery import UploadPlan, UploadResult
from imgtool.progress import Progress
from imgtool.text import human_size

ACTIVE_SECONDS = 600.0
"""How long an image may stay `saving` after its bytes were taken: stores such as Ceph finish later."""
POLL_SECONDS = 0.5
DELETE_TRIES = 4
DELETE_PAUSE_SECONDS = 1.0

_ON_THE_WAY = {"queued", "saving"}


def execute(plan: UploadPlan, cloud: Cloud, progress: Progress) -> UploadResult:
    """Uploads the plan's image and proves what arrived.

    Raises CloudError, VerificationError, ImageUnreadableError; the image is not in Glance then, and if it
    could not be deleted the message has its id and the command to do it.
    """
    began = time.monotonic()
    cloud.refuse_name_conflict(plan.wanted.name)
    plan = replace(plan, cloud=cloud.name)
    image_id = str(uuid.uuid4())
    progress.stage("upload", f"{plan.wanted.name} to {cloud.name}: {human_size(plan.image.file_size_bytes)}")
    with _all_or_nothing(cloud, image_id):
        # The file is compared with what the gate saw when it is opened, and again when this block ends.
        with open_admitted(plan.image) as source:
            images.create(cloud, image_id, plan)
            with progress.meter("upload", source.size_bytes) as meter:
                body = Body(source, meter)
                images.send(cloud, image_id, body)
            progress.stage("verify", f"image {image_id}")
            record = _wait_until_active(cloud, image_id)
            algorithm, value = verify_arrival(plan, record, body)
        return UploadResult(
            plan=plan,
            image_id=image_id,
            status=record.status,
            size_bytes=len(body),
            hash_algorithm=algorithm,
            hash_value=value,
            seconds=time.monotonic() - began,
        )


def _wait_until_active(cloud: Cloud, image_id: str) -> Record:
    deadline = time.monotonic() + ACTIVE_SECONDS
    while True:
        record = images.get(cloud, image_id)
        if record.status == "active":
            return record
        if record.status not in _ON_THE_WAY or time.monotonic() > deadline:
            raise CloudError(
                f"Glance took the image's bytes, but the image is {record.status} and not active",
                hint="ask the cloud's administrator what Glance's log says",
            )
        time.sleep(POLL_SECONDS)


@contextmanager
def _all_or_nothing(cloud: Cloud, image_id: str) -> Iterator[None]:
    """Deletes the image if the block fails, by whatever exception, also an interruption."""
    try:
        yield
    except BaseException as failure:
        left = _delete(cloud, image_id)
        if left is None:
            raise
        raise _with_remains(failure, left) from failure


def _delete(cloud: Cloud, image_id: str) -> str | None:
    """None once the image is gone, else what the user has to know and do."""
    problem = "it was interrupted"
    try:
        for attempt in range(DELETE_TRIES):
            time.sleep(attempt * DELETE_PAUSE_SECONDS)
            try:
                images.delete(cloud, image_id)
            except ImgtoolError as error:
                problem = error.message
            else:
                return None
    except KeyboardInterrupt:
        pass  # a second ^C: stop trying, and say what is left
    return (
        f"image {image_id} could not be deleted from {cloud.name} ({problem}); "
        f"delete it with: openstack {cloud.option}image delete {image_id}"
    )


def _with_remains(failure: BaseException, left: str) -> ImgtoolError:
    """`failure` as an error that also tells what was left behind."""
    if isinstance(failure, ImgtoolError):
        kind: type[ImgtoolError] = type(failure)
        return kind(f"{failure.message}; {left}", hint=failure.hint)
    if isinstance(failure, KeyboardInterrupt):
        return InterruptedByUserError(f"interrupted; {left}")
    return CloudError(f"{type(failure).__name__} during the upload; {left}")
