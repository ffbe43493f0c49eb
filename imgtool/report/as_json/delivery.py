"""Uploads and whole stories, as JSON."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from imgtool.model.delivery import UploadPlan, UploadResult
from imgtool.model.story import SCHEMA_VERSION, Story
from imgtool.report.as_json.conversion import conversion, conversion_plan
from imgtool.report.as_json.facts import inspection
from imgtool.report.as_json.values import Object, clean, path_text, to_text
from imgtool.report.as_json.verdict import judgement

P = TypeVar("P")
R = TypeVar("R")


def results(stories: Sequence[Story]) -> Object:
    """`imgtool check`; where an image was also converted and uploaded, that stands with its result."""
    return {"schema_version": SCHEMA_VERSION, "results": [_result(one) for one in stories]}


def report(stories: Sequence[Story]) -> str:
    """`--report json=PATH`."""
    return to_text(results(stories)) + "\n"


def upload_plan(plan: UploadPlan) -> Object:
    """What an upload would do."""
    return {
        "cloud": clean(plan.cloud),
        "name": clean(plan.wanted.name),
        "path": path_text(plan.image.origin.path),
        "disk_format": plan.disk_format,
        "container_format": plan.container_format,
        "min_disk_gib": plan.min_disk_gib,
        "visibility": plan.wanted.visibility,
        "properties": {item.name: clean(item.value) for item in plan.properties},
        "property_reasons": {item.name: clean(item.reason) for item in plan.properties},
    }


def upload(result: UploadResult) -> Object:
    """What Glance has now."""
    return {
        **upload_plan(result.plan),
        "image_id": result.image_id,
        "status": result.status,
        "size_bytes": result.size_bytes,
        "os_hash_algo": result.hash_algorithm,
        "os_hash_value": result.hash_value,
        "seconds": round(result.seconds, 3),
    }


def story(told: Story) -> Object:
    """`imgtool prepare`: the last stage that was reached stands in full."""
    properties = told.upload_plan.properties if told.upload_plan else ()
    return {
        "schema_version": SCHEMA_VERSION,
        "inspection": inspection(told.inspection, properties) if told.inspection else None,
        "result": judgement(told.judgement),
        **_delivery(told),
    }


def _result(told: Story) -> Object:
    reached = {key: value for key, value in _delivery(told).items() if value is not None}
    return {**judgement(told.judgement), **reached}


def _delivery(told: Story) -> Object:
    return {
        "conversion": _last(told.conversion, conversion, told.conversion_plan, conversion_plan),
        "upload": _last(told.upload, upload, told.upload_plan, upload_plan),
    }


def _last(
    result: R | None, show_result: Callable[[R], Object], plan: P | None, show_plan: Callable[[P], Object]
) -> Object | None:
    """The result where there is one, else the plan, else nothing."""
    if result is not None:
        return show_result(result)
    return None if plan is None else show_plan(plan)
