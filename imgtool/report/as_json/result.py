"""Whole results, as JSON: the last stage that was reached stands in full."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from imgtool.model.result import SCHEMA_VERSION, ImageResult
from imgtool.report.as_json.boot import boot
from imgtool.report.as_json.cloud_boot import cloud_boot
from imgtool.report.as_json.conversion import conversion, conversion_plan, left_out
from imgtool.report.as_json.delivery import uploads
from imgtool.report.as_json.facts import inspection
from imgtool.report.as_json.fix import on_the_way
from imgtool.report.as_json.values import Object, to_text
from imgtool.report.as_json.verdict import judgement
from imgtool.report.findings import judged

if TYPE_CHECKING:
    from imgtool.report.documents import delivery, verdicts


def results(images: Sequence[ImageResult]) -> "verdicts.Results":
    """`imgtool check`; where an image was also converted and uploaded, that stands with its result."""
    return {"schema_version": SCHEMA_VERSION, "results": [_checked(one) for one in images]}


def report(images: Sequence[ImageResult]) -> str:
    """`--report json=PATH`."""
    return to_text(results(images)) + "\n"


def prepared(result: ImageResult) -> "verdicts.Prepared":
    """`imgtool prepare`."""
    properties = result.upload_plans[0].properties if result.upload_plans else ()
    return {
        "schema_version": SCHEMA_VERSION,
        "inspection": inspection(result.inspection, properties) if result.inspection else None,
        "result": judgement(result.judgement) if result.judgement else None,
        "boots": _boots(result),
        "fix": None if result.fix is None else on_the_way(result.fix),
        "conversion": _conversion(result),
        "left_out": None if result.left_out is None else left_out(result.left_out),
        **uploads(result),
        "cloud_boots": [cloud_boot(one) for one in result.cloud_boots],
    }


def delivered(result: ImageResult) -> Object:
    """`imgtool upload`: `upload` and `uploads` as in `prepare`; the first one's keys stand beside them."""
    found = uploads(result)
    return {"schema_version": SCHEMA_VERSION, **(found["upload"] or {}), **found}


def _checked(result: ImageResult) -> "verdicts.Checked":
    checked = cast("verdicts.Checked", judgement(judged(result)))
    if boots := _boots(result):
        checked["boots"] = boots
    if result.fix is not None:
        checked["fix"] = on_the_way(result.fix)
    if made := _conversion(result):
        checked["conversion"] = made
    if result.left_out is not None:
        checked["left_out"] = left_out(result.left_out)
    found = uploads(result)
    if found["upload"] is not None:
        checked["upload"] = found["upload"]
        checked["uploads"] = found["uploads"]
    return checked


def _boots(result: ImageResult) -> "list[verdicts.Boot]":
    """One for each bus; empty where none was asked for, or a check failed before."""
    return [boot(one) for one in result.inspection.boots] if result.inspection else []


def _conversion(result: ImageResult) -> "delivery.Conversion | None":
    if result.conversion is not None:
        return conversion(result.conversion)
    return None if result.conversion_plan is None else conversion_plan(result.conversion_plan)
