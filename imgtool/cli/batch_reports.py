"""`--report FORMAT=PATH` of a batch: all of it in one file, made from the journal."""

from collections.abc import Sequence
from pathlib import Path

from imgtool.batch.journal import read_journal
from imgtool.batch.standing import Standing, read_standing
from imgtool.cli import console
from imgtool.cli.reports import Wanted, check_paths, option_of, write_text
from imgtool.report.registry import BATCH_REPORTS

__all__ = ["Wanted", "check_paths", "option", "show", "write"]

option = option_of(BATCH_REPORTS)


def write(wanted: Sequence[Wanted], journal: Path) -> None:
    """Write each; an older report of that name is replaced."""
    if not wanted:
        return
    standing = read_standing(journal)
    with read_journal(journal) as opened:
        for report_format, path in wanted:
            write_text(path, BATCH_REPORTS[report_format](standing, opened.report))


def show(standing: Standing, output: str) -> None:
    """On stdout."""
    if output == "json":
        from imgtool.report.as_json import batch as as_json  # noqa: PLC0415 - seldom needed
        from imgtool.report.as_json import to_text  # noqa: PLC0415 - the same

        console.show(to_text(as_json.standing(standing)))
    else:
        from imgtool.report.as_text import batch as as_text  # noqa: PLC0415 - the other form

        console.show(as_text.standing(standing, console.paint))
