"""An image into further stores of its cloud: Glance copies it (copy-image), and it is looked at afterwards.

https://docs.openstack.org/api-ref/image/v2/#interoperable-image-import
Glance compares what it writes with the size and the hash that the image has. What fails in one store stops no
other one, and the image stays as it is where it was.
"""

import time
from collections.abc import Sequence

from imgtool.errors import CloudError, VerificationError
from imgtool.glance import images, imports, stores
from imgtool.glance.cloud import Cloud
from imgtool.glance.record import Record
from imgtool.glance.verify import hash_in, require_equal
from imgtool.model.copying import Copy, CopyRequest
from imgtool.util.progress import Progress
from imgtool.util.text import human_size, printable

METHOD = "copy-image"
MAX_SHOWN = 5


def copy(request: CopyRequest, cloud: Cloud, progress: Progress) -> Copy:
    """Copy it; it is in all of the stores when this returns. Raises CloudError, VerificationError."""
    began = time.monotonic()
    before = _active(request.image, cloud)
    missing = _missing(request, before, cloud)
    record = _copied(before, missing, cloud, progress) if missing else before
    _require_same(before, record)
    algorithm, value = hash_in(record)
    return Copy(
        cloud=cloud.name,
        image_id=record.id,
        name=record.name,
        copied=missing,
        stores=record.stores,
        size_bytes=record.size_bytes or 0,
        hash_algorithm=algorithm,
        hash_value=value or "",
        seconds=time.monotonic() - began,
    )


def _active(wanted: str, cloud: Cloud) -> Record:
    record = _find(wanted, cloud)
    if record.status != "active":
        raise CloudError(
            f"{cloud.name}: image {record.id} is {record.status}, and only an active one can be copied",
            hint="upload it first, or wait until it is active",
        )
    return record


def _find(wanted: str, cloud: Cloud) -> Record:
    """The image of that id, or the project's only one of that name that lists show."""
    named = images.meant(cloud, wanted)
    found = [one for one in named if not one.hidden] or list(named)
    if not found:
        raise CloudError(
            f"{cloud.name} has no image {printable(wanted)} that this project sees",
            hint="look at what there is: openstack image list",
        )
    if len(found) > 1:
        shown = ", ".join(one.id for one in found[:MAX_SHOWN])
        raise CloudError(
            f"{cloud.name} has {len(found)} images named {printable(wanted)!r}: {shown}",
            hint="give the id of one",
        )
    return found[0]


def _missing(request: CopyRequest, record: Record, cloud: Cloud) -> tuple[str, ...]:
    """The stores that it is not in yet."""
    there = stores.require_stores(cloud, request.stores)
    wanted = there.ids if request.all_stores else request.stores
    missing = tuple(one for one in wanted if one not in record.stores)
    if missing and METHOD not in (methods := stores.import_methods(cloud)):
        raise CloudError(
            f"{cloud.name} copies no images: its import methods are {', '.join(methods) or 'none'}",
            hint=f"ask its administrator for {METHOD}, or upload the image into all stores at once: --store",
        )
    return missing


def _copied(record: Record, missing: Sequence[str], cloud: Cloud, progress: Progress) -> Record:
    size = human_size(record.size_bytes or 0)
    progress.stage("copy", f"{printable(record.name)} into {', '.join(missing)} of {cloud.name}: {size} each")
    earlier = frozenset(one.id for one in imports.tasks(cloud, record.id))
    document = {"method": {"name": METHOD}, "stores": list(missing), "all_stores_must_succeed": False}
    answer = cloud.request("POST", f"/v2/images/{record.id}/import", json=document)
    images.require(answer, "to copy the image", _ADVICE)
    return _ended(record, missing, earlier, cloud)


_ADVICE = {
    403: "unless a cloud says otherwise only its administrator copies images (policy copy_image): ask for it",
    409: "another import of the image is under way: wait for its end, and run the same command again",
}


def _ended(record: Record, missing: Sequence[str], earlier: frozenset[str], cloud: Cloud) -> Record:
    """The record when nothing is under way any more. Raises CloudError where a store has no copy."""
    watch = imports.Patience(cloud.timeout_seconds)
    while True:
        now = images.get(cloud, record.id)
        tasks = [one for one in imports.tasks(cloud, record.id) if one.id not in earlier]
        left = [one for one in missing if one not in now.stores]
        over = any(one.ended for one in tasks) or (not tasks and not left)
        if over and not now.pending_stores:
            if left:
                raise _failed(now, left, tasks, cloud)
            return now
        if not watch.goes_on((now, tasks)):
            raise CloudError(
                f"{cloud.name}: the copy of image {record.id} into {', '.join(left)} does not go on",
                hint="ask the cloud's administrator what Glance's log says; --timeout waits longer",
            )


def _failed(record: Record, left: Sequence[str], tasks: Sequence[imports.Task], cloud: Cloud) -> CloudError:
    why = next((f": {one.message}" for one in tasks if one.status == "failure" and one.message), "")
    known = ", ".join(one for one in left if one in record.failed_stores)
    told = f" (os_glance_failed_import: {known})" if known else ""
    return CloudError(
        f"{cloud.name}: image {record.id} was not copied into {', '.join(left)}{told}{why}; it is in "
        f"{', '.join(record.stores)}, as it was",
        hint="ask the cloud's administrator what Glance's log says; the same command tries again",
    )


def _require_same(before: Record, now: Record) -> None:
    """Raise VerificationError where copying changed the image."""
    if now.status != before.status or now.name != before.name:
        raise VerificationError(
            f"image {now.id} is {now.status} and named {printable(now.name)!r} now, which no copy makes it",
            hint="ask the cloud's administrator what changes images there",
        )
    require_equal("size in bytes", before.size_bytes, now.size_bytes)
    require_equal("hash", hash_in(before), hash_in(now))
