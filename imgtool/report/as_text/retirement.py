"""What became of old versions, as text: a line for each."""

from collections.abc import Iterable, Iterator

from imgtool.model.retirement import Retirement, RetirementFailure, Version
from imgtool.report.as_text.layout import Paint, aligned, plain, section
from imgtool.util.text import human_size, printable

Row = tuple[str, str]

_ROLES = {"deleted": "good", "unknown": "doubt", "failed": "bad"}
_FATE_WIDTH = 10


def retired(found: Iterable[Retirement | RetirementFailure], paint: Paint = plain) -> str:
    """`imgtool retire`: a block for each cloud and name."""
    return "\n\n".join("\n".join(_block(one, paint)) for one in found)


def retired_rows(done: Retirement) -> Iterator[Row]:
    """Tell of an upload what went, and what stays though it is older than those to be kept."""
    for version in done.versions:
        if version.fate not in {"current", "kept", "foreign", "unfinished"}:
            yield "older version", f"{version.image_id} {version.fate}: {version.reason}"
    for note in done.notes:
        yield "note", note


def _block(one: Retirement | RetirementFailure, paint: Paint) -> Iterator[str]:
    if isinstance(one, RetirementFailure):
        why = [("failed", one.message), *([("hint", one.hint)] if one.hint else [])]
        yield from section("retire", [("cloud", one.cloud), ("name", one.name), *why], paint)
        return
    rows = [("cloud", one.cloud), ("name", one.name), ("keep", f"the newest {one.keep}")]
    yield from section("would retire" if one.dry_run else "retire", rows, paint)
    yield from (_line(version, paint) for version in one.versions)
    yield from aligned([("note", note) for note in one.notes], paint)


def _line(version: Version, paint: Paint) -> str:
    fate = paint(version.fate.ljust(_FATE_WIDTH), _ROLES.get(version.fate, "dim"))
    hidden = ", hidden now" if version.hides and version.fate != "deleted" else ""
    size = human_size(version.size_bytes).rjust(_FATE_WIDTH)
    created = printable(version.created_at).ljust(len("2026-01-01T00:00:00Z"))
    return f"  {fate} {version.image_id}  {created} {size}  {printable(version.reason)}{hidden}"
