"""Uploads, as JSON: what would be done, what Glance has now, or why it has nothing."""

from collections.abc import Sequence

from imgtool.model.delivery import GlanceTarget, UploadFailure, UploadPlan, UploadResult
from imgtool.model.result import ImageResult
from imgtool.report.as_json.retirement import retirement
from imgtool.report.as_json.values import Object, clean, path_text


def upload_plan(plan: UploadPlan) -> Object:
    """What an upload would do."""
    return {
        "cloud": clean(plan.cloud),
        "name": clean(plan.wanted.name),
        "path": path_text(plan.image.origin.path),
        "disk_format": plan.disk_format,
        "format_reason": None if plan.format_reason is None else clean(plan.format_reason),
        "container_format": plan.container_format,
        "streamed": plan.streamed,
        "min_disk_gib": plan.min_disk_gib,
        **_wanted(plan.wanted),
        "properties": {item.name: clean(item.value) for item in plan.properties},
        "property_reasons": {item.name: clean(item.reason) for item in plan.properties},
    }


def upload(result: UploadResult) -> Object:
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


def failure(failed: UploadFailure) -> Object:
    """Why a cloud has nothing."""
    error = {"code": failed.code, "message": clean(failed.message), "hint": clean(failed.hint)}
    return {"cloud": clean(failed.plan.cloud), "error": error}


def uploads(result: ImageResult) -> Object:
    """`uploads` is one for each cloud, in their order; `upload` is the first, null where there is none."""
    entries = _entries(result)
    return {"upload": entries[0] if entries else None, "uploads": entries}


def _entries(result: ImageResult) -> Sequence[Object]:
    """How far each came."""
    if not result.uploads:
        return [upload_plan(plan) for plan in result.upload_plans]
    return [failure(one) if isinstance(one, UploadFailure) else upload(one) for one in result.uploads]


def _wanted(wanted: GlanceTarget) -> Object:
    return {
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
    }
