"""Glance's requests that an upload needs: https://docs.openstack.org/api-ref/image/v2/ ."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgtool.errors import CloudError
from imgtool.glance.answer import Answer
from imgtool.text import printable

if TYPE_CHECKING:
    from imgtool.glance.body import Body
    from imgtool.glance.cloud import Cloud
    from imgtool.model.delivery import UploadPlan

MAX_PAGES = 1_000
PAGE_IMAGES = 1_000
"""Glance's default of api_limit_max; it gives fewer where it wants to."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_. -]+")
"""Names that Glance's filter takes as they are: others may be read as an operator (`in:a,b`)."""

_ADVICE = {
    401: "the token was not accepted any more: run the command again",
    403: "ask an administrator of the cloud, or use another visibility (--visibility private)",
    409: "look at the image with: openstack image list",
    413: "the image is over a limit or quota of the cloud, or its store is full: ask its administrator",
    415: "Glance does not see the format that was claimed: look with imgtool inspect",
    503: "the cloud's image store is not available now: try again later",
}


@dataclass(frozen=True, slots=True)
class Record:
    """What Glance says of an image."""

    id: str
    status: str
    size_bytes: int | None
    disk_format: str | None
    hash_algorithm: str | None
    hash_value: str | None
    md5: str | None


def create(cloud: "Cloud", image_id: str, plan: "UploadPlan") -> None:
    """Makes the record, without data. The id is ours, so that it can be deleted even if no answer comes."""
    document: dict[str, object] = {one.name: one.value for one in plan.properties}
    document |= {
        "id": image_id,
        "name": plan.wanted.name,
        "disk_format": plan.disk_format,
        "container_format": plan.container_format,
        "visibility": plan.wanted.visibility,
        "min_disk": plan.min_disk_gib,
    }
    _require(cloud.request("POST", "/v2/images", json=document), f"to create the image {plan.wanted.name!r}")


def send(cloud: "Cloud", image_id: str, body: "Body") -> None:
    """Sends the image's bytes, once.

    Content-Length makes a server that loses some of them notice, and x-openstack-image-size as well
    (Glance 31 and later): older ones make an active image of a body that was cut off cleanly.
    """
    headers = {"x-openstack-image-size": str(len(body))}
    _require(cloud.send(f"/v2/images/{image_id}/file", body, headers), "the image's bytes")


def get(cloud: "Cloud", image_id: str) -> Record:
    """The image as Glance has it now."""
    answer = _require(cloud.request("GET", f"/v2/images/{image_id}"), "to show the image")
    return _record(answer.document)


def delete(cloud: "Cloud", image_id: str) -> None:
    """Deletes the image; that it is not there is as good."""
    answer = cloud.request("DELETE", f"/v2/images/{image_id}")
    if answer.status not in {404, 410}:
        _require(answer, "to delete the image")


def named(cloud: "Cloud", name: str) -> tuple[str, ...]:
    """Ids of the project's own images that are called `name`, hidden ones apart."""
    return tuple(str(found["id"]) for found in _owned(cloud, name) if found.get("name") == name)


def _owned(cloud: "Cloud", name: str) -> Iterator[dict[str, Any]]:
    """Images of the project, page by page, narrowed by name where Glance can do that."""
    query = {"owner": cloud.project_id, "limit": str(PAGE_IMAGES)}
    if _PLAIN_NAME.fullmatch(name):
        query["name"] = name
    for _ in range(MAX_PAGES):
        answer = _require(cloud.request("GET", "/v2/images", params=query), "to list images")
        document = answer.document if isinstance(answer.document, dict) else {}
        page = [found for found in document.get("images", ()) if isinstance(found, dict) and "id" in found]
        yield from page
        if not page or not document.get("next"):
            return
        query["marker"] = str(page[-1]["id"])
    raise CloudError(f"Glance gives more than {MAX_PAGES} pages of images", hint="ask its administrator")


def _require(answer: Answer, what: str) -> Answer:
    """`answer` if it is a success, else CloudError with Glance's own words."""
    if answer.ok:
        return answer
    raise CloudError(f"Glance refused {what}: {answer}", hint=_ADVICE.get(answer.status, ""))


def _record(document: Any) -> Record:
    if not isinstance(document, dict) or "status" not in document:
        raise CloudError(
            "Glance's answer is not an image record", hint="is the image endpoint really Glance?"
        )

    def text(key: str) -> str | None:
        value = document.get(key)
        return printable(value) if isinstance(value, str) else None

    size = document.get("size")
    return Record(
        id=text("id") or "",
        status=text("status") or "",
        size_bytes=size if isinstance(size, int) else None,
        disk_format=text("disk_format"),
        hash_algorithm=text("os_hash_algo"),
        hash_value=text("os_hash_value"),
        md5=text("checksum"),
    )
