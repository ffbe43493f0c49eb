"""Import: the bytes are staged, or Glance fetches them by itself; then it takes them into its stores.

https://docs.openstack.org/api-ref/image/v2/#interoperable-image-import
An import that failed may leave the image `importing` for ever: stores that failed and tasks tell.
"""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from imgtool.errors import CloudError
from imgtool.glance import images
from imgtool.glance.answer import MAX_WORDS, plain_words
from imgtool.glance.images import require
from imgtool.glance.record import Record
from imgtool.model.delivery import GlanceTarget, Method
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.glance.body import Body
    from imgtool.glance.cloud import Cloud

POLL_SECONDS = 0.2
MAX_POLL_SECONDS = 5.0

MAX_SECONDS = 24 * 3600.0
"""For how long changes are taken for progress."""

METHODS: Mapping[Method, str] = MappingProxyType({"import": "glance-direct", "web-download": "web-download"})
"""Glance's names of the methods that are imports."""


class ImportFailedError(CloudError):
    """Glance says that it could not import the image."""


def stage(cloud: "Cloud", image_id: str, body: "Body") -> None:
    """Sends the image's bytes, once, to where an import will take them from."""
    headers = {"x-openstack-image-size": str(len(body))}
    require(cloud.send(f"/v2/images/{image_id}/stage", body, headers), "the image's bytes")


def start(cloud: "Cloud", image_id: str, wanted: GlanceTarget, url: str | None = None) -> None:
    """Asks for the import of what is staged, or is at `url`: into all stores that are wanted, or none."""
    method = {"name": METHODS[wanted.way], **({"uri": url} if url is not None else {})}
    document: dict[str, object] = {"method": method}
    if wanted.all_stores:
        document["all_stores"] = True
    elif wanted.stores:
        document["stores"] = list(wanted.stores)
    if wanted.all_stores or wanted.stores:
        document["all_stores_must_succeed"] = True
    require(cloud.request("POST", f"/v2/images/{image_id}/import", json=document), "the import")


def wait(cloud: "Cloud", image_id: str) -> Record:
    """The record once the image is active and no store is left. Raises CloudError where one failed.

    Also where nothing changes for as long as Glance may give no answer: a store may copy many gigabytes, and
    tells nothing while it does, but an import that failed may stay as it is for ever.
    """
    patience = cloud.timeout_seconds
    pause, deadline, before = POLL_SECONDS, time.monotonic() + patience, ""
    last = time.monotonic() + MAX_SECONDS
    while True:
        record = images.get(cloud, image_id)
        tasks = _tasks(cloud, image_id)
        _require_no_failure(record, tasks)
        if record.status == "active" and not record.pending_stores:
            return record
        now = repr((record, tasks))
        if now != before and time.monotonic() < last:
            deadline, before = time.monotonic() + patience, now
        if time.monotonic() > deadline:
            raise CloudError(
                f"the import does not go on: the image has been {record.status} for {patience:g} s",
                hint="ask the cloud's administrator what Glance's log says; --timeout waits longer",
            )
        time.sleep(pause)
        pause = min(2 * pause, MAX_POLL_SECONDS)


def _require_no_failure(record: Record, tasks: list[tuple[str, str]]) -> None:
    """Where it fails Glance puts the image back to `queued` or `uploading`, or says nothing at all."""
    messages = [message for status, message in tasks if status == "failure"]
    if not record.failed_stores and not messages and record.status not in {"killed", "deleted"}:
        return
    where = f" into {', '.join(record.failed_stores)}" if record.failed_stores else ""
    why = f": {messages[0]}" if messages else ""
    raise ImportFailedError(
        f"Glance's import{where} failed{why}", hint="ask the cloud's administrator what Glance's log says"
    )


def _tasks(cloud: "Cloud", image_id: str) -> list[tuple[str, str]]:
    """Status and message of each of the image's tasks; none where this Glance does not show them."""
    answer = cloud.request("GET", f"/v2/images/{image_id}/tasks")
    return [
        (printable(str(one.get("status"))[:MAX_WORDS]), plain_words(str(one.get("message") or ""), None))
        for one in (answer.rows("tasks") if answer.ok else [])
    ]
