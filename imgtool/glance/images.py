"""Glance's requests about images and their members, one function each.

https://docs.openstack.org/api-ref/image/v2/

An id that the operator chose may be another image's: then no failure of ours may delete that image.
"""

import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from imgtool.errors import CloudError, VerificationError
from imgtool.glance.answer import Answer, not_understood
from imgtool.glance.failures import GlanceRefusal
from imgtool.glance.record import Record, parse
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.glance.body import Body
    from imgtool.glance.cloud import Cloud
    from imgtool.model.delivery import UploadPlan

MAX_PAGES = 1_000
PAGE_IMAGES = 1_000
"""Glance's default of api_limit_max; it gives fewer where it wants to."""
LIST_SECONDS = 600.0
"""How long a list of images may take, all of its pages."""
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
    **dict.fromkeys(
        (301, 302, 307, 308),
        "give that address as image_endpoint_override in clouds.yaml, or mend the catalogue",
    ),
}
_ADVICE_FOR_BYTES = {
    403: "this cloud may take images by import only: --method import; else ask its administrator"
}


ATTRIBUTES = frozenset({
    "id", "name", "disk_format", "container_format", "visibility", "min_disk", "min_ram", "os_hidden", "tags",
})  # fmt: skip
"""What an image is made with, besides its properties."""


def create(cloud: "Cloud", image_id: str, plan: "UploadPlan", *, name: str, hidden: bool) -> Record:
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
    answer = cloud.request("POST", "/v2/images", json=_known(cloud, document))
    return _same(image_id, require(answer, f"to create the image {name!r}"))


def _known(cloud: "Cloud", attributes: Mapping[str, object]) -> dict[str, object]:
    """Without `os_hidden` where Glance does not know it."""
    return {key: value for key, value in attributes.items() if key != "os_hidden" or cloud.hides}


def send(cloud: "Cloud", image_id: str, body: "Body", store: str | None) -> None:
    """Sends the image's bytes, once; into the cloud's default store where `store` is None.

    Content-Length makes a server that loses some of them notice, and x-openstack-image-size as well
    (Glance 31 and later): older ones make an active image of a body that was cut off cleanly.
    """
    headers = {"x-openstack-image-size": str(len(body))}
    if store is not None:
        headers["x-image-meta-store"] = store
    answer = cloud.send(f"/v2/images/{image_id}/file", body, headers)
    require(answer, "the image's bytes", _ADVICE_FOR_BYTES)


def get(cloud: "Cloud", image_id: str) -> Record:
    """The image as Glance has it now."""
    return _same(image_id, require(cloud.request("GET", f"/v2/images/{image_id}"), "to show the image"))


def find(cloud: "Cloud", image_id: str) -> Record | None:
    """Return the record; None if the image is gone."""
    answer = cloud.request("GET", f"/v2/images/{image_id}")
    return None if answer.status in GONE else _same(image_id, require(answer, "to show the image"))


def _same(image_id: str, answer: Answer) -> Record:
    record = parse(answer.mapping(), answer.source)
    if record.id != image_id:
        raise not_understood(answer.source, f"it is about another image, {record.id}")
    return record


def patch(cloud: "Cloud", image_id: str, changes: Mapping[str, object]) -> Record:
    """Changes attributes that every image has, or adds properties; what the image is then.

    `os_hidden` is left out where Glance does not know it.
    """
    known = _known(cloud, changes)
    operations = [{"op": "add", "path": f"/{_pointer(key)}", "value": known[key]} for key in known]
    answer = cloud.request(
        "PATCH", f"/v2/images/{image_id}", json=operations, headers={"Content-Type": _PATCH_TYPE}
    )
    return _same(image_id, require(answer, "to change the image"))


def _pointer(key: str) -> str:
    """RFC 6901."""
    return key.replace("~", "~0").replace("/", "~1")


def delete(cloud: "Cloud", image_id: str) -> bool:
    """Deletes the image; that it is not there is as good, whoever deletes it. Whether it was there.

    Of two that delete it at once, one may hear 400: an image that is deleted has no way to that state again
    (glance/domain/__init__.py, `valid_state_targets`). Nova is the other where a server goes while its
    snapshot is made.
    """
    answer = cloud.request("DELETE", f"/v2/images/{image_id}")
    if answer.status == 400 and _is_gone(cloud, image_id):
        return True
    return answer.status not in GONE and require(answer, "to delete the image").ok


def _is_gone(cloud: "Cloud", image_id: str) -> bool:
    """Glance shows one as deleted where its database failed in the middle of that."""
    record = find(cloud, image_id)
    return record is None or record.status in DELETED


def named(cloud: "Cloud", name: str) -> tuple[Record, ...]:
    """The project's own images that are called `name`, also those that default lists hide."""
    query = {"name": name} if _PLAIN_NAME.fullmatch(name) else {}
    return tuple(one for one in owned(cloud, query) if one.name == name)


def meant(cloud: "Cloud", wanted: str) -> tuple[Record, ...]:
    """Return the image that has `wanted` as its id, else the project's own that are called so."""
    found = find(cloud, wanted) if is_id(wanted) else None
    return named(cloud, wanted) if found is None else (found,)


def is_id(text: str) -> bool:
    """Whether it is a UUID as Glance writes it: nothing else can be an id."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def owned(cloud: "Cloud", query: Mapping[str, str] = MappingProxyType({})) -> tuple[Record, ...]:
    """The project's own images that `query` asks for, also those that default lists hide."""
    states = ({"os_hidden": "false"}, {"os_hidden": "true"}) if cloud.hides else ({},)
    found = {one.id: one for state in states for one in _owned(cloud, {**query, **state})}
    return tuple(one for one in found.values() if one.status not in DELETED)


def _owned(cloud: "Cloud", query: Mapping[str, str]) -> Iterator[Record]:
    """Images of the project that `query` asks for, page by page.

    The next page is asked for by what this one ends with: the address that Glance gives is not followed.
    """
    asked = {"owner": cloud.project_id, "limit": str(PAGE_IMAGES), **query}
    deadline, seen = time.monotonic() + LIST_SECONDS, set[str]()
    while True:
        answer = require(cloud.request("GET", "/v2/images", params=asked), "to list images")
        page = [parse(one, answer.source) for one in answer.rows("images")]
        yield from page
        if not page or not answer.mapping().get("next"):
            return
        asked["marker"] = page[-1].id
        if page[-1].id in seen or len(seen) >= MAX_PAGES or time.monotonic() > deadline:
            raise CloudError(
                f"Glance's list of images does not end: {len(seen) + 1} pages, the last {answer.source}",
                hint="ask the cloud's administrator",
            )
        seen.add(page[-1].id)


def require(answer: Answer, what: str, advice: Mapping[int, str] = MappingProxyType({})) -> Answer:
    """`answer` if it is a success, else GlanceRefusal with Glance's own words.

    `advice` for a status is better than the usual one.
    """
    if answer.ok:
        return answer
    hint = {**_ADVICE, **advice}.get(answer.status, "")
    raise GlanceRefusal.of(answer.status, f"Glance refused {printable(what)}: {answer}", hint)


_CONFLICT = 409


class IdTakenError(CloudError):
    """Another image has the id."""


def refuse_taken(wanted_id: str | None, cloud: "Cloud") -> None:
    """Refuse an id that is taken, before it is noted as ours to delete. Raises IdTakenError."""
    if wanted_id is not None and find(cloud, wanted_id) is not None:
        raise _taken(wanted_id, cloud)


def create_own(cloud: "Cloud", image_id: str, plan: "UploadPlan", *, name: str, hidden: bool) -> Record:
    """Create the image that is to stay, as `create` does. Raises IdTakenError if another image has the id.

    That may be one that this user does not see, or that came just now. An id of our own making is ours even
    then: Glance may have said so of a record that it had made for us.
    """
    try:
        return create(cloud, image_id, plan, name=name, hidden=hidden)
    except GlanceRefusal as error:
        if plan.wanted.image_id is None or error.status != _CONFLICT:
            raise
        raise _taken(image_id, cloud, f": {error.message}") from error


def _taken(image_id: str, cloud: "Cloud", words: str = "") -> IdTakenError:
    return IdTakenError(
        f"{cloud.name} has an image with the id {image_id} already{words}",
        hint="leave --id out, or give another one; the image that is there was not touched",
    )


def share(cloud: "Cloud", image_id: str, project_ids: Iterable[str]) -> None:
    """Make each project a member: it still has to accept the image. One that is a member already is fine."""
    for project_id in project_ids:
        answer = cloud.request("POST", f"/v2/images/{image_id}/members", json={"member": project_id})
        if answer.status != _CONFLICT:
            require(answer, f"to share the image with project {project_id}")


def require_only(cloud: "Cloud", image_id: str, project_ids: Iterable[str]) -> None:
    """Raise VerificationError where others share it, or not all of these."""
    answer = require(cloud.request("GET", f"/v2/images/{image_id}/members"), "to list the image's members")
    there, asked = {str(one.get("member_id")) for one in answer.rows("members")}, set(project_ids)
    if there != asked:
        shown = ", ".join(printable(one[:64]) for one in sorted(there)[:5]) or "none"
        raise VerificationError(
            f"image {image_id} is not shared as asked for: it has {len(there)} members ({shown}), "
            f"asked were {len(asked)}",
            hint="ask the cloud's administrator what changes images there",
        )
