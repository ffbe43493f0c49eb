"""Uploads, as JSON: what would be done, what Glance has now, or why it has nothing."""

from typing import TYPE_CHECKING

from imgtool.model.delivery import UploadFailure, UploadPlan, UploadResult
from imgtool.model.result import ImageResult
from imgtool.report.as_json.retirement import retirement
from imgtool.report.as_json.values import clean, path_text
from imgtool.report.as_json.verdict import problem

if TYPE_CHECKING:
    from imgtool.report.documents import delivery


def upload_plan(plan: UploadPlan) -> "delivery.Delivery":
    """What an upload would do."""
    wanted = plan.wanted
    return {
        "cloud": clean(plan.cloud),
        "name": clean(wanted.name),
        "path": path_text(plan.image.origin.path),
        "disk_format": plan.disk_format,
        "format_reason": None if plan.format_reason is None else clean(plan.format_reason),
        "container_format": plan.container_format,
        "streamed": plan.streamed,
        "min_disk_gib": plan.min_disk_gib,
        "visibility": wanted.visibility,
        "protected": wanted.protected,
        "hidden": wanted.hidden,
        "tags": [clean(tag) for tag in wanted.tags],
        "members": [clean(member) for member in wanted.members],
        "min_ram_mib": wanted.min_ram_mib,
        "wanted_id": wanted.image_id,
        "owner": None if wanted.owner is None else clean(wanted.owner),
        "method": wanted.way,
        "stores": [clean(store) for store in wanted.stores],
        "all_stores": wanted.all_stores,
        "on_conflict": wanted.on_conflict,
        "keep_last": wanted.keep_last,
        "metadata": wanted.metadata,
        "properties": {item.name: clean(item.value) for item in plan.properties},
        "property_reasons": {item.name: clean(item.reason) for item in plan.properties},
    }


def upload(result: UploadResult) -> "delivery.Delivery":
    """What Glance has now. `stores` is where it says that it keeps the image, null where it does not tell."""
    return {
        **upload_plan(result.plan),
        "image_id": result.image_id,
        "status": result.status,
        "size_bytes": result.size_bytes,
        "os_hash_algo": result.hash_algorithm,
        "os_hash_value": result.hash_value,
        "stored_format": result.stored_format,
        "seconds": round(result.seconds, 3),
        "ending": result.ending,
        "stores": [clean(store) for store in result.stores] or None,
        "replaced": list(result.replaced),
        "retired": retirement(result.retired) if result.retired else None,
        "notes": [clean(note) for note in result.notes],
    }


def failure(failed: UploadFailure) -> "delivery.NotDelivered":
    """Why a cloud has nothing."""
    error = problem(failed.code, failed.message, failed.hint)
    return {"cloud": clean(failed.plan.cloud), "error": error}


def uploads(result: ImageResult) -> "delivery.Deliveries":
    """`uploads` is one for each cloud, in their order; `upload` is the first, null where there is none."""
    entries = _entries(result)
    return {"upload": entries[0] if entries else None, "uploads": entries}


def _entries(result: ImageResult) -> "list[delivery.Delivery | delivery.NotDelivered]":
    """How far each came."""
    if not result.uploads:
        return [upload_plan(plan) for plan in result.upload_plans]
    return [failure(one) if isinstance(one, UploadFailure) else upload(one) for one in result.uploads]
