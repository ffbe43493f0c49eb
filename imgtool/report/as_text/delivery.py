"""What was, or would be, uploaded, as text: a block for each cloud."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from imgtool.glance.names import former_name
from imgtool.model.delivery import METHODS, GlanceTarget, Method, UploadFailure, UploadPlan, UploadResult
from imgtool.report.as_text.layout import Paint, Row, plain, properties, section
from imgtool.report.as_text.retirement import retired_rows
from imgtool.util.text import human_size, printable

_ENDINGS = {
    "uploaded": "uploaded",
    "replaced": "uploaded, in place of another",
    "already-there": "already there: the same bytes, nothing was sent",
    "skipped": "skipped: an image of that name is there",
}
_NOTHING_SENT = {"already-there", "skipped"}
_CONFLICTS = {
    "fail": "fail, unless it has the same bytes",
    "skip": "leave it, and upload nothing",
    "replace": "take its name, then rename and hide it",
    "new": "leave it, and upload a second one of that name",
}


_TRANSFERS: Mapping[Method, str] = MappingProxyType(
    {
        "direct": "to take the bytes",
        "import": "to stage the bytes, and to import them",
        "web-download": "to fetch the URL, and to import what is there",
    }
)


def upload_plan(plan: UploadPlan, paint: Paint = plain, *, converted: bool = False) -> str:
    """What an upload would do, and what Glance would be asked; `converted`: into a file first."""
    return _with_properties(section("upload", plan_rows(plan, converted=converted), paint), plan, paint)


def plan_rows(plan: UploadPlan, *, converted: bool = False) -> list[Row]:
    """Return the same in rows, without the properties."""
    sent = ("bytes", _way_of_the_bytes(plan, converted=converted))
    return [*_plan_rows(plan), sent, *_request_rows(plan)]


def upload(result: UploadResult, paint: Paint = plain) -> str:
    """What Glance has now. Of an image that was there before: what was wanted of another is not told."""
    lines = section("upload", upload_rows(result), paint)
    return _with_properties(lines, result.plan, paint) if has_sent(result) else "\n".join(lines)


def has_sent(result: UploadResult) -> bool:
    """Whether the image is new: what was wanted of it is true of it."""
    return result.ending not in _NOTHING_SENT


def upload_rows(result: UploadResult) -> list[Row]:
    """What Glance has now in rows, without the properties."""
    there = [("cloud", cloud_name(result.plan)), ("name", result.plan.wanted.name)]
    return [*(_plan_rows(result.plan) if has_sent(result) else there), *_result_rows(result)]


def failure(failed: UploadFailure, paint: Paint = plain) -> str:
    """Why a cloud has nothing."""
    return "\n".join(section("upload", failure_rows(failed), paint))


def failure_rows(failed: UploadFailure) -> list[Row]:
    """Return the same in rows."""
    rows = [("cloud", cloud_name(failed.plan)), ("name", failed.plan.wanted.name), ("failed", failed.message)]
    return [*rows, ("hint", failed.hint)] if failed.hint else rows


def delivered(uploads: Sequence[UploadResult | UploadFailure], paint: Paint = plain) -> str:
    """A line for each cloud: the image's name, its id, its status, and how it came there."""
    return "\n".join(_delivered(one, paint) for one in uploads)


def _delivered(one: UploadResult | UploadFailure, paint: Paint) -> str:
    place = f"{printable(cloud_name(one.plan))}  {printable(one.plan.wanted.name)}"
    if isinstance(one, UploadFailure):
        return f"{paint('failed', 'bad')}  {place}  {printable(one.message)}"
    return f"{paint('done', 'good')}    {place}  {one.image_id}  {printable(one.status)}, {ending(one)}"


def _with_properties(lines: list[str], plan: UploadPlan, paint: Paint) -> str:
    return "\n".join([*lines, "", *properties(plan.properties, paint)]).rstrip()


def _plan_rows(plan: UploadPlan) -> Iterator[Row]:
    wanted = plan.wanted
    yield "cloud", cloud_name(plan)
    yield "name", wanted.name
    if wanted.image_id:
        yield "id", wanted.image_id
    yield "format", f"{plan.disk_format}, container {plan.container_format}"
    if plan.format_reason:
        yield "", f"chosen because {plan.format_reason}"
    yield "visibility", f"{wanted.visibility}{_marks(wanted)}"
    yield "min disk", f"{plan.min_disk_gib} GiB"
    if wanted.min_ram_mib:
        yield "min RAM", f"{wanted.min_ram_mib} MiB"
    if wanted.owner:
        yield "owner", wanted.owner
    for key, values in (("tags", wanted.tags), ("members", wanted.members)):
        if values:
            yield key, " ".join(values)


def _request_rows(plan: UploadPlan) -> Iterator[Row]:
    wanted = plan.wanted
    yield "method", f"{wanted.way}: {METHODS[wanted.way]}"
    yield "stores", _wanted_stores(wanted)
    yield "same name", _CONFLICTS[wanted.on_conflict]
    for number, request in enumerate(_requests(wanted)):
        yield "" if number else "Glance is asked", request


def _way_of_the_bytes(plan: UploadPlan, *, converted: bool) -> str:
    if plan.wanted.way == "web-download":
        return "none from here: Glance fetches them"
    if plan.streamed:
        return f"streamed as {plan.disk_format} while the {plan.image.format} is read: no temporary file"
    if converted:
        return "converted into a file first"
    if plan.image.unpacked_from is not None:
        return "unpacked into a temporary file first, or repaired there"
    return "the file as it is: no temporary file"


def _wanted_stores(wanted: GlanceTarget) -> str:
    if wanted.all_stores:
        return "all that the cloud has"
    return " ".join(wanted.stores) or "the cloud's default"


def _requests(wanted: GlanceTarget) -> Iterator[str]:
    yield "whether it takes such an image: stores, limits, quotas"
    yield "for images of the same bytes, and of the same name"
    yield "to make a record"
    yield _TRANSFERS[wanted.way]
    yield "for its state until it is active, then for its size and hash"
    if wanted.members:
        yield "to share it with its members"
    if wanted.on_conflict == "replace":
        yield "to rename and hide an image that has the name, and to give the name to the new one"
    if wanted.keep_last is not None:
        yield f"to hide older versions, and to delete those beyond the newest {wanted.keep_last}, unless used"


def _result_rows(result: UploadResult) -> Iterator[Row]:
    if result.stores:
        yield "stores", " ".join(result.stores)
    yield "ending", _ENDINGS[result.ending]
    yield "image", f"{result.image_id} ({result.status})"
    if result.ending not in _NOTHING_SENT and result.stored_format != result.plan.disk_format:
        yield "stored as", f"{result.stored_format}: Glance converted it, and its hash is that of the disk"
    for replaced in result.replaced:
        former = former_name(result.plan.wanted.name, replaced)
        yield "replaced", f"{replaced} (now hidden as {former})"
    if result.retired is not None:
        yield from retired_rows(result.retired)
    yield "size", f"{human_size(result.size_bytes)} ({result.size_bytes} bytes)"
    yield result.hash_algorithm, result.hash_value
    yield "time", f"{result.seconds:.1f} s"
    for note in result.notes:
        yield "note", note


def ending(result: UploadResult) -> str:
    """Say in a few words how it came there."""
    return _ENDINGS[result.ending].partition(":")[0]


def cloud_name(plan: UploadPlan) -> str:
    """Name the cloud as its user does."""
    return plan.cloud or "of the OS_* variables"


def _marks(wanted: GlanceTarget) -> str:
    marks = (("protected", wanted.protected), ("hidden", wanted.hidden))
    return "".join(f", {mark}" for mark, holds in marks if holds)
