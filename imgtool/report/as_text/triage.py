"""Many images as one table: what each is, its verdict, what it needs; then which checks failed how often."""

from collections import Counter
from collections.abc import Iterator, Sequence

from imgtool.model.facts import Known
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Finding, Judgement
from imgtool.report.as_text.layout import Paint, plain, table
from imgtool.report.as_text.verdict import totals
from imgtool.report.findings import judged, main_cause, needs_attention, worst_first
from imgtool.util.text import human_size

MOST_NAMED = 3
"""Checks in a row of the table; of more, their number is told."""


def triage(
    names: Sequence[str], results: Sequence[ImageResult], paint: Paint = plain, width: int | None = None
) -> str:
    """One row for each result, called as `names` say; `width` of the terminal, if it is one."""
    rows = [_row(name, one) for name, one in zip(names, results, strict=True)]
    lines = table(("image", "verdict", "system", "size", "needs attention"), rows, paint, width)
    lines = [_coloured(line, one, paint) for line, one in zip(lines, [None, *results], strict=True)]
    counted = list(_counted(results))
    if counted:
        lines += ["", *table(("check", "images"), counted, paint, width)]
    verdicts = [judged(one).passed for one in results]
    return "\n".join([*lines, "", totals(verdicts, paint)])


def _row(name: str, result: ImageResult) -> tuple[str, ...]:
    found = judged(result)
    image = result.inspection.image if result.inspection else None
    size = human_size(image.virtual_size_bytes) if image is not None else ""
    return name, _word(found), _system(result), size, _attention(found)


def _word(found: Judgement) -> str:
    return "PASS" if found.passed else "FAIL"


def _coloured(line: str, result: ImageResult | None, paint: Paint) -> str:
    """Paint the verdict, once the table is laid out: colours take no room."""
    if result is None:
        return line
    word = _word(judged(result))
    return line.replace(f"  {word}  ", f"  {paint(word, 'good' if word == 'PASS' else 'bad')}  ", 1)


def _system(result: ImageResult) -> str:
    guest = result.inspection.guest if result.inspection else None
    if guest is None:
        return ""
    if guest.windows is not None:
        return _known(guest.windows.product) or "Windows"
    if guest.linux is not None:
        words = (_known(guest.linux.os_distro), _known(guest.linux.os_version))
        return " ".join(word for word in words if word) or "Linux"
    if guest.family is not None:
        return guest.family.title
    return "data only" if guest.data_only else "none found"


def _known(fact: object) -> str:
    return str(fact.value) if isinstance(fact, Known) and fact.value is not None else ""


def _attention(found: Judgement) -> str:
    cause = main_cause(found)
    if cause is not None:
        return cause.message.removeprefix(f"{found.image}: ").removeprefix("cannot be judged: ")
    names = [one.check for one in _loud(found)]
    more = [f"and {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return ", ".join([*names[:MOST_NAMED], *more])


def _loud(found: Judgement) -> list[Finding]:
    return [one for one in worst_first(found) if needs_attention(one)]


def _counted(results: Sequence[ImageResult]) -> Iterator[tuple[str, str]]:
    """Each check that needs attention, and how many images have it, the most frequent first."""
    counts = Counter(one.check for result in results for one in _loud(judged(result)))
    yield from ((check, str(count)) for check, count in counts.most_common())
