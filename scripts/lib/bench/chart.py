"""Results as SVG: one panel for each case, one bar for each configuration, seconds from zero."""

import math
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from bench.model import CaseResult, Report, Result
from bench.tables import settings_text

COLUMNS = 2
PANEL, LABELS, MARGIN = 610, 228, 24
ROW, ABOVE, BELOW = 20, 44, 46
"""Pixels: the height of a bar's row, of a panel's heading, of its axis."""
HEAD = 84
OURS, PEER, INK, GRID = "#c2410c", "#64748b", "#1f2937", "#e2e8f0"
ROOM_FOR_FIGURE = 52


def svg(report: Report) -> str:
    """The whole chart."""
    columns = _columns(report.cases)
    height = HEAD + max(sum(map(_panel_height, column)) for column in columns) + MARGIN
    width = COLUMNS * PANEL + (COLUMNS + 1) * MARGIN
    parts = [*_heading(report), *(part for n, cases in enumerate(columns) for part in _column(n, cases))]
    style = f'font-family="sans-serif" font-size="12" fill="{INK}"'
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>'
    return "\n".join([opening, f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>\n"])


def _columns(cases: Iterable[CaseResult]) -> list[list[CaseResult]]:
    """Each case goes to the column that is shortest so far."""
    columns: list[list[CaseResult]] = [[] for _ in range(COLUMNS)]
    for case in cases:
        min(columns, key=lambda column: sum(map(_panel_height, column))).append(case)
    return columns


def _heading(report: Report) -> Iterator[str]:
    machine = report.machine
    yield _text(
        MARGIN, 30, "imgtool and its peers: seconds to convert a disk, less is better", size=18, bold=True
    )
    where = f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, {machine['date']}"
    yield _text(MARGIN, 50, f"{settings_text(report)}; {where}")
    x = MARGIN
    for colour, words in (
        (OURS, "imgtool, median"),
        (PEER, "peers, median"),
        (INK, "fastest to slowest run"),
    ):
        thickness = 2 if colour == INK else 10
        yield f'<rect x="{x}" y="{63 - thickness / 2}" width="14" height="{thickness}" fill="{colour}"/>'
        yield _text(x + 20, 67, words, size=11)
        x += 150


def _column(number: int, cases: list[CaseResult]) -> Iterator[str]:
    left, top = MARGIN + number * (PANEL + MARGIN), HEAD
    for case in cases:
        yield from _panel(case, left, top)
        top += _panel_height(case)


def _panel_height(case: CaseResult) -> int:
    return ABOVE + ROW * len(case.results) + BELOW


def _panel(case: CaseResult, left: int, top: int) -> Iterator[str]:
    slowest = max((result.wall.high for result in case.results if result.counts), default=1.0)
    step = nice_step(slowest)
    end = math.ceil(slowest / step) * step
    zero, wide = left + LABELS, PANEL - LABELS - ROOM_FOR_FIGURE
    bars_top, bars_end = top + ABOVE, top + ABOVE + ROW * len(case.results)
    yield _text(left, top + 20, case.key, size=14, bold=True)
    yield _text(left, top + 36, f"{case.describe}; {case.file_system}", size=11)
    for tick in range(round(end / step) + 1):
        x = zero + wide * tick * step / end
        yield _line(x, bars_top, x, bars_end, GRID)
        yield _text(x, bars_end + 14, f"{tick * step:g}", size=11, anchor="middle")
    yield _text(zero + wide / 2, bars_end + 29, "seconds", size=11, anchor="middle")
    for number, result in enumerate(case.results):
        yield from _bar(result, zero, bars_top + ROW * number, wide / end)


def _bar(result: Result, zero: int, top: int, scale: float) -> Iterator[str]:
    """`scale` is pixels for a second."""
    yield _text(zero - 6, top + 14, result.name, anchor="end", bold=result.ours)
    if not result.counts:
        why = "output is wrong or missing" if result.failure else "stopped at the time limit"
        yield _text(zero + 6, top + 14, why, size=11)
        return
    wall, middle = result.wall, top + ROW / 2
    colour = OURS if result.ours else PEER
    area = f'width="{wall.median * scale:.1f}" height="{ROW - 6}"'
    yield f'<rect x="{zero}" y="{top + 3}" {area} fill="{colour}"/>'
    low, high = zero + wall.low * scale, zero + wall.high * scale
    yield _line(low, middle, high, middle, INK)
    yield _text(high + 5, top + 14, f"{wall.median:.3g}", size=11)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def nice_step(largest: float) -> float:
    """1, 2 or 5 times a power of ten: at most six steps from zero to `largest`."""
    power = 10.0 ** math.floor(math.log10(largest / 6))
    return next(factor * power for factor in (1, 2, 5, 10) if largest <= 6 * factor * power * (1 + 1e-9))


def _text(  # noqa: PLR0913 - each is an attribute of SVG's own
    x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f"<text {place}{weight}>{escape(words)}</text>"
