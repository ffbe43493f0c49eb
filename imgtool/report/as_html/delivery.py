"""What was converted and uploaded, or would be, as tables; and what each cloud has now, for the banner."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imgtool.model.delivery import Property, UploadFailure, UploadResult
from imgtool.model.result import ImageResult
from imgtool.report.as_text import conversion, delivery, fix
from imgtool.report.as_text.layout import Row


@dataclass(frozen=True, slots=True)
class Table:
    """One step."""

    title: str
    rows: Sequence[Row]
    properties: Sequence[Property] = ()
    """That the image has in Glance, or would have."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a cloud has now, in a few words."""

    cloud: str
    image_id: str
    """Empty where there is none."""
    status: str
    failed: bool


def tables(result: ImageResult) -> tuple[Table, ...]:
    """One for each step and each cloud; none where only a check was wanted, or it failed."""
    return tuple(_tables(result))


def _tables(result: ImageResult) -> Iterator[Table]:
    if result.fix is not None:
        yield Table("Planned repair" if result.fix.is_plan else "Repair", list(fix.rows(result.fix)))
    if result.conversion:
        yield Table("Conversion", conversion.result_rows(result.conversion))
    elif result.conversion_plan:
        yield Table("Planned conversion", conversion.plan_rows(result.conversion_plan))
    if result.left_out is not None:
        yield Table("Free blocks", [conversion.left_out(part) for part in result.left_out.parts])
    if not result.uploads:
        converted = result.conversion_plan is not None
        for plan in result.upload_plans:
            yield Table("Planned upload", delivery.plan_rows(plan, converted=converted), plan.properties)
    for one in result.uploads:
        yield _upload(one)


def _upload(one: UploadResult | UploadFailure) -> Table:
    if isinstance(one, UploadFailure):
        return Table("Failed upload", delivery.failure_rows(one))
    properties = one.plan.properties if delivery.has_sent(one) else ()
    return Table("Upload", delivery.upload_rows(one), properties)


def delivered(result: ImageResult) -> tuple[Delivered, ...]:
    """One for each cloud that an upload was tried into."""
    return tuple(map(_delivered, result.uploads))


def _delivered(one: UploadResult | UploadFailure) -> Delivered:
    cloud = delivery.cloud_name(one.plan)
    if isinstance(one, UploadFailure):
        return Delivered(cloud, "", one.message, failed=True)
    return Delivered(cloud, one.image_id, f"{one.status}, {delivery.ending(one)}", failed=False)
