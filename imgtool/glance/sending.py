"""The bytes into a record, by either method, until Glance says that the image is active."""

import time
from typing import NamedTuple

from imgtool.convert.payload import Payload
from imgtool.errors import CloudError
from imgtool.glance import converted, images, imports, web_download
from imgtool.glance.body import Body
from imgtool.glance.cloud import Cloud
from imgtool.glance.failures import NoAnswer
from imgtool.glance.record import Record
from imgtool.glance.verify import Proof, verify_arrival
from imgtool.glance.web_content import WebContent
from imgtool.model.delivery import UploadPlan
from imgtool.util import log
from imgtool.util.progress import Progress

POLL_SECONDS = 0.2
LOST_SECONDS = 60.0
"""How long to look for an image whose answer was lost, before its bytes are sent again."""


class Arrival(NamedTuple):
    """The record of the active image, and how it was proven to be ours."""

    record: Record
    proof: Proof


def send(
    plan: UploadPlan, image_id: str, payload: Payload | WebContent, cloud: Cloud, progress: Progress
) -> Arrival:
    """Send the bytes, and prove what arrived. Raises CloudError, VerificationError, ImageUnreadableError."""
    stores = "all stores" if plan.wanted.all_stores else ", ".join(plan.wanted.stores) or "the default store"
    log.info(
        __name__,
        f"image {image_id}: method {plan.wanted.way}, to {stores}",
        cloud=cloud.name,
        image_id=image_id,
        method=plan.wanted.way,
        size_bytes=payload.size_bytes,
    )
    if isinstance(payload, WebContent):
        return Arrival(*web_download.fetch(plan, image_id, payload, cloud, progress))
    with progress.meter("upload", payload.size_bytes) as meter:
        body = Body(payload, meter)
        if plan.wanted.way == "import":
            imports.stage(cloud, image_id, body)
        else:
            _put(plan, image_id, body, cloud)
    if plan.wanted.way == "direct":
        record = _until_active(cloud, image_id)
        return Arrival(record, verify_arrival(record, body, plan.disk_format))
    progress.stage("import", f"image {image_id}")
    imports.start(cloud, image_id, plan.wanted)
    with converted.hashed(payload) as disk:
        record = imports.wait(cloud, image_id)
        if disk is not None and converted.may_be(plan, record):
            progress.stage("verify", f"Glance converted it to {converted.FORMAT}: comparing with the disk")
            return Arrival(record, verify_arrival(record, disk, converted.FORMAT))
    return Arrival(record, verify_arrival(record, body, plan.disk_format))


def _put(plan: UploadPlan, image_id: str, body: Body, cloud: Cloud) -> None:
    store = plan.wanted.stores[0] if plan.wanted.stores else None
    try:
        images.send(cloud, image_id, body, store)
    except NoAnswer:
        # Glance may have all of it: then only its answer was lost. Or it waits for bytes that are still in
        # some buffer on the way, and that look sent from here.
        if not body.complete or _settled(cloud, image_id, LOST_SECONDS).status != "active":
            raise


def _until_active(cloud: Cloud, image_id: str) -> Record:
    record = _settled(cloud, image_id, cloud.timeout_seconds)
    if record.status != "active":
        raise CloudError(
            f"Glance took the image's bytes, but the image is {record.status} and not active",
            hint="ask the cloud's administrator what Glance's log says",
        )
    return record


def _settled(cloud: Cloud, image_id: str, seconds: float) -> Record:
    """The record once it is no longer `saving`, or still was after `seconds`.

    Stores such as Ceph finish after the last byte.
    """
    deadline = time.monotonic() + seconds
    while True:
        record = images.get(cloud, image_id)
        if record.status != "saving" or time.monotonic() > deadline:
            return record
        time.sleep(POLL_SECONDS)
