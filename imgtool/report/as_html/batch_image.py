"""One image of a batch, as a row of the matrix and as a report of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from imgtool.model.batch import TaskRecord
from imgtool.model.verdict import Judgement
from imgtool.report.as_html import matrix
from imgtool.report.as_html.page import Shown
from imgtool.report.as_text.batch import ROLES, duration
from imgtool.report.as_text.batch import word as state_word
from imgtool.report.findings import needs_attention, role, summary, word, worst_first
from imgtool.report.stored import Stored, conversion_of, guest_of, image_of, judgement_of, uploads_of
from imgtool.util.text import human_size


@dataclass(frozen=True, slots=True)
class BatchImage:
    """What the templates lay out."""

    anchor: str
    name: str
    state: str
    role: str
    """Colour of the state."""
    seconds: float
    time: str
    before_bytes: int | None
    after_bytes: int | None
    cells: Markup
    """Of the matrix."""
    message: str
    """Why it ended as it did, or what its checks say."""
    hint: str
    loud: Sequence[Shown]
    facts: Sequence[tuple[str, str]]


def batch_image(
    number: int, record: TaskRecord, name: str, report: Stored | None, checks: Sequence[str]
) -> BatchImage:
    """`report` is its own report, None where there is none; `checks` are the matrix's columns."""
    judged = judgement_of(report)
    return BatchImage(
        anchor=f"image-{number}",
        name=name,
        state=state_word(record.state),
        role=ROLES[record.state],
        seconds=record.seconds,
        time=_time(record.seconds),
        before_bytes=record.size_before_bytes,
        after_bytes=record.size_after_bytes,
        cells=matrix.cells(judged, checks),
        message=record.message or (summary(judged) if judged else ""),
        hint=record.hint,
        loud=_loud(judged),
        facts=tuple((key, value) for key, value in _facts(record, judged, report) if value),
    )


def _loud(judged: Judgement | None) -> Sequence[Shown]:
    """Each check is explained once, at the page's end."""
    findings = filter(needs_attention, worst_first(judged)) if judged else ()
    return tuple(Shown(one, word(one), role(one), ()) for one in findings)


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def _facts(record: TaskRecord, judged: Judgement | None, report: Stored | None) -> Iterator[tuple[str, str]]:
    image, guest = image_of(report), guest_of(report)
    yield "source", image.get("path") or (judged.image if judged else "")
    yield "SHA-256", record.source_sha256 or ""
    yield "SHA-256 of chunks", record.source_sha256_chunks or ""
    yield "format", _format(image)
    yield "guest", " ".join(str(guest[key]) for key in _SYSTEM if guest.get(key))
    yield "policy", judged.policy if judged else ""
    yield "attempts", str(record.attempts) if record.attempts > 1 else ""
    yield "converted", _converted(conversion_of(report))
    for upload in uploads_of(report):
        yield f"cloud {upload.get('cloud') or 'OS_*'}", _upload(upload)


_SYSTEM = ("os_distro", "os_version", "architecture")


def _format(image: Stored) -> str:
    if not image:
        return ""
    size = image.get("virtual_size_bytes")
    return f"{image.get('format')}, {human_size(size)}" if size is not None else str(image.get("format"))


def _converted(conversion: Stored) -> str:
    if not conversion:
        return ""
    made = f"{conversion.get('target_format')}, compression {conversion.get('compression')}"
    seconds = conversion.get("seconds")
    return f"{made}, {seconds} s" if seconds is not None else made


def _upload(upload: Stored) -> str:
    if upload.get("error"):
        return f"nothing: {upload['error'].get('message', '')}"
    if not upload.get("image_id"):
        return "nothing was sent"
    words = [upload["image_id"], upload.get("ending"), upload.get("status"), *upload.get("notes", ())]
    return ", ".join(str(word) for word in words if word)
