"""What is printed of rows that were run: as text, or as a table in Markdown."""

from collections.abc import Sequence

from boot_table.model import Outcome

HEADINGS = ("Row", "Firmware", "Bus", "Predicted", "Seen", "Agree", "Seconds")


def cells(outcome: Outcome) -> tuple[str, ...]:
    """One row of the table."""
    row = outcome.row
    agree = "yes" if outcome.agrees else "no"
    seconds = f"{outcome.seen.seconds:.0f}"
    return (str(row), row.by.upper(), row.bus, outcome.foretold.end, outcome.seen.end, agree, seconds)


def text(outcome: Outcome) -> str:
    """One line, and one for each trouble."""
    widths = (58, 4, 11, 16, 12, 3)
    line = "  ".join(
        cell.ljust(width) for cell, width in zip(cells(outcome), (*widths, 0), strict=True)
    ).rstrip()
    doubt = (f"    in doubt: {outcome.seen.doubt}",) if outcome.seen.doubt else ()
    return "\n".join((line, *(f"    {trouble}" for trouble in outcome.troubles), *doubt))


def markdown(outcomes: Sequence[Outcome]) -> str:
    """The whole table."""
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *(cells(one) for one in outcomes)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def summary(outcomes: Sequence[Outcome], failed: int) -> str:
    """One sentence about all."""
    agreeing = sum(one.agrees for one in outcomes)
    broken = f"; {failed} could not be run" if failed else ""
    return f"{agreeing} of {len(outcomes) + failed} rows agree{broken}"
