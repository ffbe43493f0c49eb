"""`--report FORMAT=PATH`: the result of the checks also as a file, for whoever comes after; `-` is stdout."""

from collections.abc import Sequence
from pathlib import Path

import click

from imgtool.cli import console
from imgtool.disk.output import check_target, written_beside
from imgtool.model.story import Story
from imgtool.report.registry import NEED_DISK_MAP, REPORTS

Wanted = tuple[str, Path]
STDOUT = Path("-")


def _parse(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> tuple[Wanted, ...]:
    return tuple(_parse_one(value) for value in values)


def _parse_one(value: str) -> Wanted:
    report_format, equals, path = value.partition("=")
    if report_format not in REPORTS or not equals or not path:
        raise click.BadParameter(f"{value!r} is not FORMAT=PATH with FORMAT one of {', '.join(REPORTS)}")
    return report_format, Path(path)


option = click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT=PATH",
    callback=_parse,
    help=f"Also write a report: {', '.join(REPORTS)}; PATH - is stdout. Repeatable.",
)


def check_paths(wanted: Sequence[Wanted]) -> None:
    """Refuse what cannot be written before the work begins. Raises UsageError."""
    for _, path in wanted:
        if path != STDOUT:
            check_target(path, overwrite=True)


def need_disk_map(wanted: Sequence[Wanted]) -> bool:
    """Whether any of them shows where the image keeps data."""
    return any(report_format in NEED_DISK_MAP for report_format, _ in wanted)


def write(wanted: Sequence[Wanted], stories: Sequence[Story]) -> None:
    """Write each; an older report of that name is replaced."""
    for report_format, path in wanted:
        text = REPORTS[report_format](stories)
        if path == STDOUT:
            console.show(text.removesuffix("\n"))
            continue
        with written_beside(path, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
