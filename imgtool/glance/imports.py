"""Import: the bytes are staged, or Glance fetches them by itself; then it takes them into its stores.

https://docs.openstack.org/api-ref/image/v2/#interoperable-image-import
An import that failed may leave the image `importing` for ever: stores that failed and tasks tell.
"""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

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
MAX_POLL_SECONDS = 2.0
POLL_SHARE = 0.1
"""Of the time that an import has taken, so that asking adds little to a short one and a long one alike."""

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
    watch = Patience(cloud.timeout_seconds)
    while True:
        record = images.get(cloud, image_id)
        found = tasks(cloud, image_id)
        _require_no_failure(record, found)
        if record.status == "active" and not record.pending_stores:
            return record
        if not watch.goes_on((record, found)):
            raise CloudError(
                f"the import does not go on: the image has been {record.status} for "
                f"{cloud.timeout_seconds:g} s",
                hint="ask the cloud's administrator what Glance's log says; --timeout waits longer",
            )


class Patience:
    """Waits as long as something changes, and for a while when nothing does."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = time.monotonic()
        self._deadline = self._began + seconds
        self._last = self._began + MAX_SECONDS
        self._before = ""

    def goes_on(self, seen: object) -> bool:
        """Wait a little before the next look; False where it has been the same for too long."""
        now = repr(seen)
        if now != self._before and time.monotonic() < self._last:
            self._deadline, self._before = time.monotonic() + self._seconds, now
        if time.monotonic() > self._deadline:
            return False
        time.sleep(_pause(time.monotonic() - self._began))
        return True


class Task(NamedTuple):
    """One task of an image: an import, or a copy."""

    id: str
    status: str
    message: str

    @property
    def ended(self) -> bool:
        """Nothing more comes of it."""
        return self.status in {"success", "failure"}


def _pause(waited_seconds: float) -> float:
    """How long not to ask: an import of 5 s is seen to be ready within 0.5 s, a longer one within 2 s."""
    return min(max(POLL_SECONDS, waited_seconds * POLL_SHARE), MAX_POLL_SECONDS)


def _require_no_failure(record: Record, found: Sequence[Task]) -> None:
    """Where it fails Glance puts the image back to `queued` or `uploading`, or says nothing at all."""
    messages = [one.message for one in found if one.status == "failure"]
    if not record.failed_stores and not messages and record.status not in {"killed", "deleted"}:
        return
    where = f" into {', '.join(record.failed_stores)}" if record.failed_stores else ""
    why = f": {messages[0]}" if messages else ""
    raise ImportFailedError(
        f"Glance's import{where} failed{why}", hint="ask the cloud's administrator what Glance's log says"
    )


def tasks(cloud: "Cloud", image_id: str) -> list[Task]:
    """The image's tasks; none where this Glance does not show them."""
    answer = cloud.request("GET", f"/v2/images/{image_id}/tasks")
    return [
        Task(
            printable(str(one.get("id"))[:MAX_WORDS]),
            printable(str(one.get("status"))[:MAX_WORDS]),
            plain_words(str(one.get("message") or ""), None),
        )
        for one in (answer.rows("tasks") if answer.ok else [])
    ]
