"""Whole stories, as JSON: the last stage that was reached stands in full."""

from collections.abc import Sequence

from imgtool.model.result import SCHEMA_VERSION, ImageResult
from imgtool.report.as_json.boot import boot
from imgtool.report.as_json.conversion import conversion, conversion_plan
from imgtool.report.as_json.delivery import uploads
from imgtool.report.as_json.facts import inspection
from imgtool.report.as_json.values import Object, to_text
from imgtool.report.as_json.verdict import judgement
from imgtool.report.findings import judged


def results(stories: Sequence[ImageResult]) -> Object:
    """`imgtool check`; where an image was also converted and uploaded, that stands with its result."""
    return {"schema_version": SCHEMA_VERSION, "results": [_result(one) for one in stories]}


def report(stories: Sequence[ImageResult]) -> str:
    """`--report json=PATH`."""
    return to_text(results(stories)) + "\n"


def story(told: ImageResult) -> Object:
    """`imgtool prepare`."""
    properties = told.upload_plans[0].properties if told.upload_plans else ()
    return {
        "schema_version": SCHEMA_VERSION,
        "inspection": inspection(told.inspection, properties) if told.inspection else None,
        "result": judgement(told.judgement) if told.judgement else None,
        "boots": _boots(told),
        **_delivery(told),
    }


def delivered(told: ImageResult) -> Object:
    """`imgtool upload`: `upload` and `uploads` as in `prepare`; the first one's keys stand beside them."""
    found = uploads(told)
    return {"schema_version": SCHEMA_VERSION, **(found["upload"] or {}), **found}


def _result(told: ImageResult) -> Object:
    reached = {key: value for key, value in {"boots": _boots(told), **_delivery(told)}.items() if value}
    return {**judgement(judged(told)), **reached}


def _boots(told: ImageResult) -> list[Object]:
    """One for each bus; empty where none was asked for, or a check failed before."""
    return [boot(one) for one in told.inspection.boots] if told.inspection else []


def _delivery(told: ImageResult) -> Object:
    return {"conversion": _conversion(told), **uploads(told)}


def _conversion(told: ImageResult) -> Object | None:
    if told.conversion is not None:
        return conversion(told.conversion)
    return None if told.conversion_plan is None else conversion_plan(told.conversion_plan)
