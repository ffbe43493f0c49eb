"""Rows in columns as wide as what stands in them; what comes from outside is escaped."""

from collections.abc import Sequence

from imgtool.report.as_text.layout import Paint
from imgtool.text import printable

WIDEST = 60
"""Of a column, in characters; what is longer loses its beginning, for the end of a path tells more."""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint) -> list[str]:
    """One line for the heads and one for each row."""
    shown = [[_cut(printable(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *shown, strict=True)]
    return [paint(_line(heads, widths), "dim"), *(_line(row, widths) for row in shown)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cut(cell: str) -> str:
    return cell if len(cell) <= WIDEST else f"...{cell[3 - WIDEST :]}"
