"""What a cloud would refuse, found out before it gets any byte, and before anything is converted."""

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from imgtool.errors import CloudError
from imgtool.glance import definitions, images, imports, stores
from imgtool.glance.failures import GlanceRefusal
from imgtool.glance.stores import MIB, Quota
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.glance.cloud import Cloud
    from imgtool.model.delivery import UploadPlan

_FREE_FOR_ALL = frozenset({"private", "shared"})
"""Visibilities that every member of a project may give."""

FORBIDDEN = 403
"""Status of HTTP."""
_PROBE = "imgtool: may this be made?"
"""Its name: where a run is killed in between, what is left is in nobody's way, and says what it is."""


def check(plan: "UploadPlan", cloud: "Cloud", size_bytes: int | None, *, insist: bool = False) -> None:
    """Raises CloudError. `size_bytes` of what will be sent; None where that is not known yet.

    Raises UsageError for properties that are likely to be wrong, unless they are insisted on.
    """
    definitions.require_what_is_required(plan, cloud)
    if not insist:
        definitions.refuse_odd(plan, cloud)
    _require_stores(plan, cloud)
    _require_method(plan, cloud)
    _require_hiding(plan, cloud)
    _require_room(plan, cloud, size_bytes)
    _require_projects(plan, cloud)
    _require_permission(plan, cloud)


def _require_stores(plan: "UploadPlan", cloud: "Cloud") -> None:
    if plan.wanted.stores:
        stores.require_stores(cloud, plan.wanted.stores)


def _require_method(plan: "UploadPlan", cloud: "Cloud") -> None:
    needed = imports.METHODS.get(plan.wanted.way)
    if needed is not None and needed not in (there := stores.import_methods(cloud)):
        raise CloudError(
            f"{cloud.name} takes no import by {needed}; it takes: {', '.join(there) or 'none'}",
            hint="use --method direct, with one --store at most",
        )


def _require_hiding(plan: "UploadPlan", cloud: "Cloud") -> None:
    if plan.wanted.hidden and not cloud.hides:
        raise CloudError(
            f"{cloud.name} cannot hide images: its Glance is older than the release Rocky (API 2.7)",
            hint="leave --hidden out",
        )


def _require_room(plan: "UploadPlan", cloud: "Cloud", size_bytes: int | None) -> None:
    needed = {"image_count_total": 1, "image_count_uploading": 1}
    if size_bytes is not None:
        mib = -(-size_bytes // MIB)
        needed["image_size_total"] = mib
        if plan.wanted.way != "direct":
            needed["image_stage_total"] = mib
    for quota in stores.quotas(cloud):
        if quota.left is not None and needed.get(quota.name, 0) > quota.left:
            raise _full(cloud, quota, needed[quota.name])


def _full(cloud: "Cloud", quota: Quota, needed: int) -> CloudError:
    return CloudError(
        f"{cloud.name}: the project's quota {quota.name} leaves {quota.left} of {quota.limit}, "
        f"and this image needs {needed}",
        hint="delete images that nobody needs, or ask the cloud's administrator for more",
    )


def _require_permission(plan: "UploadPlan", cloud: "Cloud") -> None:
    """Glance says only to who tries: a record without bytes, which is deleted at once."""
    wanted = plan.wanted
    if wanted.visibility in _FREE_FOR_ALL and wanted.owner is None:
        return
    probe = str(uuid.uuid4())
    try:
        images.create(cloud, probe, plan, name=f"{_PROBE} {probe[:8]}", hidden=True)
    except CloudError as error:
        with suppress(CloudError):  # what Glance refused is the thing to tell
            images.delete(cloud, probe)
        if isinstance(error, GlanceRefusal) and error.status == FORBIDDEN:
            raise _forbidden(plan, cloud, error) from error
        raise
    images.delete(cloud, probe)


def _forbidden(plan: "UploadPlan", cloud: "Cloud", error: GlanceRefusal) -> CloudError:
    wanted = plan.wanted
    what = f"{wanted.visibility} images" if wanted.owner is None else f"images of project {wanted.owner}"
    words = error.message.rpartition("': ")[2]
    return CloudError(f"{cloud.name}: this user may not make {what}: {words}", hint=error.hint)


def _require_projects(plan: "UploadPlan", cloud: "Cloud") -> None:
    """Glance takes any id, and shares an image with nobody without a word."""
    wanted = plan.wanted
    for option, project in (
        *(("--member", one) for one in wanted.members),
        ("--owner-project", wanted.owner),
    ):
        if project is not None and cloud.has_project(project) is False:
            raise CloudError(
                f"{cloud.name} has no project {printable(project)}",
                hint=f"{option} takes the id of a project: openstack project show NAME",
            )
