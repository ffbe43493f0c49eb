"""`--report FORMAT=PATH` of a batch: all of it in one file, made from the journal."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from imgtool.batch.journal import read_journal
from imgtool.batch.standing import Standing, read_standing
from imgtool.cli import console
from imgtool.cli.reports import STDOUT, Wanted, check_paths
from imgtool.disk.output import written_beside
from imgtool.report.registry import BATCH_REPORTS

__all__ = ["Wanted", "check_paths", "option", "show", "write"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _parse(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> tuple[Wanted, ...]:
    return tuple(map(_parse_one, values))


def _parse_one(value: str) -> Wanted:
    report_format, equals, path = value.partition("=")
    if report_format not in BATCH_REPORTS or not equals or not path:
        known = ", ".join(BATCH_REPORTS)
        raise click.BadParameter(f"{value!r} is not FORMAT=PATH with FORMAT one of {known}")
    return report_format, Path(path)


option = click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT=PATH",
    callback=_parse,
    help=f"Also write a report: {', '.join(BATCH_REPORTS)}; PATH - is stdout. Repeatable.",
)


def write(wanted: Sequence[Wanted], journal: Path) -> None:
    """Write each; an older report of that name is replaced."""
    if not wanted:
        return
    standing = read_standing(journal)
    with read_journal(journal) as opened:
        for report_format, path in wanted:
            text = BATCH_REPORTS[report_format](standing, opened.report)
            if path == STDOUT:
                console.show(text.removesuffix("\n"))
                continue
            with written_beside(path, overwrite=True) as temporary:
                temporary.write_text(text, encoding="utf-8")


def show(standing: Standing, output: str) -> None:
    """On stdout."""
    if output == "json":
        from imgtool.report.as_json import batch as as_json  # noqa: PLC0415 - seldom needed
        from imgtool.report.as_json import to_text  # noqa: PLC0415 - the same

        console.show(to_text(as_json.standing(standing)))
    else:
        from imgtool.report.as_text import batch as as_text  # noqa: PLC0415 - the other form

        console.show(as_text.standing(standing, console.paint))
