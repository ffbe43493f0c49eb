"""The result of one image, as text: the verdict, then what was done or would be."""

from collections.abc import Iterator, Sequence

from imgtool.model.delivery import UploadFailure
from imgtool.model.result import ImageResult
from imgtool.report.as_text.boot import boot
from imgtool.report.as_text.cloud_boot import document as cloud_boot
from imgtool.report.as_text.conversion import conversion, conversion_plan, left_out
from imgtool.report.as_text.delivery import delivered, failure, upload, upload_plan
from imgtool.report.as_text.fix import on_the_way
from imgtool.report.as_text.layout import Paint, plain, section
from imgtool.report.as_text.verdict import Detail, judgement
from imgtool.report.findings import judged


def report(results: Sequence[ImageResult]) -> str:
    """`--report text=PATH`."""
    return "\n\n".join(prepared(one) for one in results) + "\n"


def prepared(result: ImageResult, paint: Paint = plain, *, detail: Detail = "all") -> str:
    """`imgtool prepare`, and `imgtool upload`, which judges nothing; at its end what each cloud has now."""
    verdict = [judgement(result.judgement, paint, detail=detail)] if result.judgement else []
    servers = [cloud_boot(one, paint) for one in result.cloud_boots]
    clouds = [delivered(result.uploads, paint)] if result.uploads else []
    is_plan = bool(result.upload_plans) and not result.uploads
    is_plan = is_plan or (result.fix is not None and result.fix.problem is not None)
    if detail == "verdict" and not is_plan:
        return "\n\n".join([*verdict, *clouds])
    return "\n\n".join([*verdict, *boots(result, paint), *stages(result, paint), *servers, *clouds])


def checked(result: ImageResult, paint: Paint = plain, *, detail: Detail = "all", name: str = "") -> str:
    """`imgtool check`: how it came up where it was booted, and the verdict; `name` as the user wrote it."""
    verdict = judgement(judged(result), paint, detail=detail, name=name)
    return "\n\n".join([*(boots(result, paint) if detail != "verdict" else []), verdict])


def boots(result: ImageResult, paint: Paint = plain) -> list[str]:
    """A block for each boot."""
    found = result.inspection.boots if result.inspection else ()
    return ["\n".join(boot(one, paint)) for one in found]


def stages(result: ImageResult, paint: Paint = plain) -> list[str]:
    """What was repaired, converted and uploaded, or would be; nothing where only a check was wanted."""
    fixed = [on_the_way(result.fix, paint)] if result.fix is not None else []
    return [*fixed, *_conversion(result, paint), *_left_out(result, paint), *_uploads(result, paint)]


def _conversion(result: ImageResult, paint: Paint) -> Iterator[str]:
    if result.conversion:
        yield conversion(result.conversion, paint)
    elif result.conversion_plan:
        yield conversion_plan(result.conversion_plan, paint)


def _left_out(result: ImageResult, paint: Paint) -> Iterator[str]:
    if result.left_out is not None:
        rows = [left_out(part) for part in result.left_out.parts]
        yield "\n".join(section("free blocks", rows, paint))


def _uploads(result: ImageResult, paint: Paint) -> Iterator[str]:
    """A block for each cloud: how far it came."""
    if not result.uploads:
        converted = result.conversion_plan is not None
        yield from (upload_plan(plan, paint, converted=converted) for plan in result.upload_plans)
    for one in result.uploads:
        yield failure(one, paint) if isinstance(one, UploadFailure) else upload(one, paint)
