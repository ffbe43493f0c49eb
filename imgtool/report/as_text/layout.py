"""Aligned rows, sections, tables and colours. Text from images is escaped here; colour is the caller's."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from imgtool.util.text import printable

if TYPE_CHECKING:  # most texts are of no delivery, and many of no facts
    from imgtool.model.delivery import Property
    from imgtool.model.facts import Fact, T

Paint = Callable[[str, str], str]
"""Colours a text for a role: title, good, bad, doubt, dim."""

WIDTH = 22

Row = tuple[str, str]
"""Key and value."""


def plain(text: str, _role: str) -> str:
    """No colour."""
    return text


def section(title: str, rows: Iterable[tuple[str, str]], paint: Paint) -> list[str]:
    """A title with its rows under it."""
    return [paint(printable(title), "title"), *aligned(rows, paint)]


def aligned(rows: Iterable[tuple[str, str]], paint: Paint) -> list[str]:
    """Key and value, the values in one column."""
    return [f"  {paint(printable(key).ljust(WIDTH), 'dim')} {printable(value)}" for key, value in rows]


WIDEST_PROPERTY = 48
"""Of the column; a hash is longer, and pushes only its own reason aside."""


def properties(items: "Sequence[Property]", paint: Paint) -> list[str]:
    """One line a property, with its reason."""
    if not items:
        return []
    lengths = [len(f"{item.name}={item.value}") for item in items]
    width = max((one for one in lengths if one <= WIDEST_PROPERTY), default=0)
    lines = [paint("image properties", "title")]
    for item in items:
        setting = printable(f"{item.name}={item.value}").ljust(width)
        lines.append(f"  {setting}  {paint(printable(item.reason), 'dim')}")
    return lines


def shown(fact: "Fact[T]", show: "Callable[[T], str]" = str) -> str:
    """The value of a fact, or why it is unknown."""
    from imgtool.model.facts import Known  # noqa: PLC0415 - see above

    return show(fact.value) if isinstance(fact, Known) else f"unknown ({fact.reason})"


WIDEST = 60
"""Of a column, in characters. What is longer loses its beginning, for the end of a path tells more.

A sentence loses its end."""
NARROWEST = 8
"""Of a column that is cut so that the table fits the terminal."""
_GAP = "  "


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint, width: int | None = None
) -> list[str]:
    """One line for the heads and one for each row; the widest columns are cut where `width` is less."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [min(max(map(len, column)), WIDEST) for column in zip(heads, *shown, strict=True)]
    _narrow(widths, width)
    return [paint(_line(heads, widths), "dim"), *(_line(row, widths) for row in shown)]


def _narrow(widths: list[int], width: int | None) -> None:
    """Take from the widest column, as long as the table is wider than `width` and can be narrower."""
    while width is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= NARROWEST:
            return
        widths[widest] -= 1


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(
        _cut(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True)
    ).rstrip()


def _cut(cell: str, width: int) -> str:
    if len(cell) <= width:
        return cell
    is_sentence = " " in cell and "/" not in cell.partition(" ")[0]
    return f"{cell[: width - 3]}..." if is_sentence else f"...{cell[3 - width :]}"
