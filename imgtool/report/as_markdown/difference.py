"""A comparison for a merge request: a table for each kind that differs."""

from collections.abc import Iterator

from imgtool.model.difference import Difference, KindDifference
from imgtool.report.as_markdown.markup import code, row, words
from imgtool.report.difference import counted

MOST_ROWS = 200
"""Of one kind; the rest is counted. GitHub shows nothing at all above 1 MiB."""


def difference(found: Difference) -> str:
    """`--report markdown=PATH`."""
    return "\n\n".join(_parts(found)) + "\n"


def _parts(found: Difference) -> Iterator[str]:
    yield f"### imgtool diff: {counted(found)}"
    yield f"{code(found.old)} → {code(found.new)}"
    for one in found.kinds:
        if one.unknown:
            yield f"**{one.kind}** is unknown: {words(one.unknown)}"
        elif one.changes:
            yield _table(one)
    same = [one.kind for one in found.kinds if one.is_same]
    if same:
        yield f"Same: {', '.join(same)}."
    absent = [one for one in found.kinds if one.absent]
    if absent:
        yield f"Not compared: {', '.join(one.kind for one in absent)} ({words(absent[0].absent)})."


def _table(one: KindDifference) -> str:
    shown = one.changes[:MOST_ROWS]
    rows = [row((change.how, code(change.name), _cell(change.old), _cell(change.new))) for change in shown]
    more = len(one.changes) - len(shown)
    table = [row((one.kind, "", "old", "new")), "|---|---|---|---|", *rows]
    return "\n".join([*table, *([f"\n{more} more"] if more else [])])


def _cell(value: str | None) -> str:
    return code(value) if value else ""
