"""The story of one image, as text: the verdict, then what was done or would be."""

from collections.abc import Iterator, Sequence

from imgtool.model.delivery import UploadFailure
from imgtool.model.result import ImageResult
from imgtool.report.as_text.boot import boot
from imgtool.report.as_text.conversion import conversion, conversion_plan
from imgtool.report.as_text.delivery import failure, upload, upload_plan
from imgtool.report.as_text.layout import Paint, plain
from imgtool.report.as_text.verdict import judgement
from imgtool.report.findings import judged


def report(stories: Sequence[ImageResult]) -> str:
    """`--report text=PATH`."""
    return "\n\n".join(story(one) for one in stories) + "\n"


def story(told: ImageResult, paint: Paint = plain) -> str:
    """`imgtool prepare`, and `imgtool upload`, which judges nothing."""
    verdict = [judgement(told.judgement, paint)] if told.judgement else []
    return "\n\n".join([*verdict, *boots(told, paint), *stages(told, paint)])


def checked(told: ImageResult, paint: Paint = plain) -> str:
    """`imgtool check`: the verdict, and how it came up where it was booted."""
    return "\n\n".join([judgement(judged(told), paint), *boots(told, paint)])


def boots(told: ImageResult, paint: Paint = plain) -> list[str]:
    """A block for each boot."""
    found = told.inspection.boots if told.inspection else ()
    return ["\n".join(boot(one, paint)) for one in found]


def stages(told: ImageResult, paint: Paint = plain) -> list[str]:
    """What was converted and uploaded, or would be; nothing where only a check was wanted, or it failed."""
    return [*_conversion(told, paint), *_uploads(told, paint)]


def _conversion(told: ImageResult, paint: Paint) -> Iterator[str]:
    if told.conversion:
        yield conversion(told.conversion, paint)
    elif told.conversion_plan:
        yield conversion_plan(told.conversion_plan, paint)


def _uploads(told: ImageResult, paint: Paint) -> Iterator[str]:
    """A block for each cloud: how far it came."""
    if not told.uploads:
        converted = told.conversion_plan is not None
        yield from (upload_plan(plan, paint, converted=converted) for plan in told.upload_plans)
    for one in told.uploads:
        yield failure(one, paint) if isinstance(one, UploadFailure) else upload(one, paint)
