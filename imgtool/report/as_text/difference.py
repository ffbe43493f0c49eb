"""A comparison for people: a line for each thing that differs, under the name of its kind."""

from collections.abc import Iterator

from imgtool.model.difference import Difference, KindDifference
from imgtool.report.as_text.layout import Paint, plain
from imgtool.report.difference import ROLES, counted, values
from imgtool.util.text import printable

WIDTH = 8
"""Of the word that says how."""


def difference(found: Difference, paint: Paint = plain) -> str:
    """All of it, and at the end what is the same and what was not compared."""
    return "\n".join(_lines(found, paint)) + "\n"


def _lines(found: Difference, paint: Paint) -> Iterator[str]:
    yield f"{paint('old', 'dim')}  {printable(found.old)}"
    yield f"{paint('new', 'dim')}  {printable(found.new)}"
    for one in found.kinds:
        yield from _kind(one, paint)
    same = [one.kind for one in found.kinds if one.is_same]
    if same:
        yield f"{paint('same', 'title')}: {', '.join(same)}"
    left_out: dict[str, list[str]] = {}
    for one in found.kinds:
        if one.absent:
            left_out.setdefault(one.absent, []).append(one.kind)
    for reason, kinds in left_out.items():
        yield f"{paint('not compared', 'title')}: {', '.join(kinds)} ({printable(reason)})"
    yield counted(found)


def _kind(one: KindDifference, paint: Paint) -> Iterator[str]:
    if one.unknown:
        yield paint(one.kind, "title")
        yield f"  {paint('unknown'.ljust(WIDTH), 'doubt')} {printable(one.unknown)}"
    elif one.changes:
        yield paint(one.kind, "title")
    for change in one.changes:
        said = values(change)
        shown = f"{change.name}: {said}" if said else change.name
        yield f"  {paint(change.how.ljust(WIDTH), ROLES[change.how])} {printable(shown)}"
