"""Glance's requests about images, one function each: https://docs.openstack.org/api-ref/image/v2/ ."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from imgtool.errors import CloudError
from imgtool.glance.answer import Answer
from imgtool.glance.failures import GlanceRefusal
from imgtool.glance.record import Record, parse
from imgtool.text import printable

if TYPE_CHECKING:
    from imgtool.glance.body import Body
    from imgtool.glance.cloud import Cloud
    from imgtool.model.delivery import UploadPlan

MAX_PAGES = 1_000
PAGE_IMAGES = 1_000
"""Glance's default of api_limit_max; it gives fewer where it wants to."""
GONE = frozenset({404, 410})
DELETED = frozenset({"deleted", "pending_delete"})
"""States of images that are as good as gone."""

_PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
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


def create(cloud: "Cloud", image_id: str, plan: "UploadPlan", *, name: str, hidden: bool) -> None:
    """Makes the record, without data. The id is ours, so that it can be deleted even if no answer comes.

    Not protected yet: what fails has to be deleted.
    """
    wanted = plan.wanted
    document: dict[str, object] = {one.name: one.value for one in plan.properties}
    document |= {
        "id": image_id,
        "name": name,
        "disk_format": plan.disk_format,
        "container_format": plan.container_format,
        "visibility": wanted.visibility,
        "min_disk": plan.min_disk_gib,
        "min_ram": wanted.min_ram_mib,
        "os_hidden": hidden,
        "tags": list(wanted.tags),
    }
    if wanted.owner is not None:
        document["owner"] = wanted.owner
    require(cloud.request("POST", "/v2/images", json=document), f"to create the image {name!r}")


def send(cloud: "Cloud", image_id: str, body: "Body", store: str | None) -> None:
    """Sends the image's bytes, once; into the cloud's default store where `store` is None.

    Content-Length makes a server that loses some of them notice, and x-openstack-image-size as well
    (Glance 31 and later): older ones make an active image of a body that was cut off cleanly.
    """
    headers = {"x-openstack-image-size": str(len(body))}
    if store is not None:
        headers["x-image-meta-store"] = store
    require(cloud.send(f"/v2/images/{image_id}/file", body, headers), "the image's bytes")


def get(cloud: "Cloud", image_id: str) -> Record:
    """The image as Glance has it now."""
    return parse(require(cloud.request("GET", f"/v2/images/{image_id}"), "to show the image").document)


def find(cloud: "Cloud", image_id: str) -> Record | None:
    """The same; None where it is not there any more."""
    answer = cloud.request("GET", f"/v2/images/{image_id}")
    return None if answer.status in GONE else parse(require(answer, "to show the image").document)


def patch(cloud: "Cloud", image_id: str, changes: Mapping[str, object]) -> None:
    """Changes attributes that every image has, or adds properties."""
    operations = [{"op": "add", "path": f"/{_pointer(key)}", "value": changes[key]} for key in changes]
    answer = cloud.request(
        "PATCH", f"/v2/images/{image_id}", json=operations, headers={"Content-Type": _PATCH_TYPE}
    )
    require(answer, "to change the image")


def _pointer(key: str) -> str:
    """RFC 6901."""
    return key.replace("~", "~0").replace("/", "~1")


def delete(cloud: "Cloud", image_id: str) -> bool:
    """Deletes the image; that it is not there is as good. Whether it was there."""
    answer = cloud.request("DELETE", f"/v2/images/{image_id}")
    if answer.status == 400 and _is_deleted(cloud, image_id):
        return True
    return answer.status not in GONE and require(answer, "to delete the image").ok


def _is_deleted(cloud: "Cloud", image_id: str) -> bool:
    """Glance shows an image in this state where its database failed in the middle of deleting it."""
    record = find(cloud, image_id)
    return record is not None and record.status in DELETED


def named(cloud: "Cloud", name: str) -> tuple[Record, ...]:
    """The project's own images that are called `name`, also those that default lists hide."""
    query = {"name": name} if _PLAIN_NAME.fullmatch(name) else {}
    found = (one for hidden in ("false", "true") for one in _owned(cloud, query | {"os_hidden": hidden}))
    return tuple(one for one in map(parse, found) if one.name == name and one.status not in DELETED)


def _owned(cloud: "Cloud", query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Images of the project that `query` asks for, page by page."""
    asked = {"owner": cloud.project_id, "limit": str(PAGE_IMAGES), **query}
    for _ in range(MAX_PAGES):
        answer = require(cloud.request("GET", "/v2/images", params=asked), "to list images")
        document = answer.document if isinstance(answer.document, dict) else {}
        page = [found for found in document.get("images", ()) if isinstance(found, dict) and "id" in found]
        yield from page
        if not page or not document.get("next"):
            return
        asked["marker"] = str(page[-1]["id"])
    raise CloudError(f"Glance gives more than {MAX_PAGES} pages of images", hint="ask its administrator")


def require(answer: Answer, what: str) -> Answer:
    """`answer` if it is a success, else GlanceRefusal with Glance's own words."""
    if answer.ok:
        return answer
    hint = _ADVICE.get(answer.status, "")
    raise GlanceRefusal.of(answer.status, f"Glance refused {printable(what)}: {answer}", hint)
