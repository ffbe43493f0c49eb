"""`--report FORMAT=PATH`: the result of the checks also as a file, for whoever comes after; `-` is stdout."""

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from imgtool.cli import checkout, completions, console
from imgtool.cli.options import STDOUT, named_output
from imgtool.model.result import ImageResult
from imgtool.report.registry import ADDED_TO_A_SUMMARY, NEED_DISK_MAP, RELATIVE_PATHS, REPORTS
from imgtool.util import misspelt
from imgtool.util.output import append, check_target, written_beside

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
ReportRequest = tuple[str, Path]


def option_of(formats: Collection[str]) -> Callable[[Decorated], Decorated]:
    """`--report FORMAT=PATH`, repeatable, of these formats."""
    known = ", ".join(formats)

    def parse_one(value: str) -> ReportRequest:
        report_format, equals, path = value.partition("=")
        if report_format in formats and equals and not path:
            raise click.BadParameter(f"{value!r} has no PATH: is the variable set that names it?")
        if report_format not in formats or not equals or not path:
            meant = f"; did you mean {close}?" if (close := misspelt.closest(report_format, formats)) else ""
            raise click.BadParameter(f"{value!r} is not FORMAT=PATH with FORMAT one of {known}{meant}")
        return report_format, named_output(path, stdout=True)

    def parse(
        _context: click.Context, _option: click.Parameter, values: Sequence[str]
    ) -> tuple[ReportRequest, ...]:
        return tuple(map(parse_one, values))

    return click.option(
        "--report",
        "reports",
        multiple=True,
        metavar="FORMAT=PATH",
        shell_complete=completions.reports,
        callback=parse,
        help=f"Also write a report: {known}; PATH - is stdout. Repeatable.",
    )


option = option_of(REPORTS)


def check_paths(wanted: Sequence[ReportRequest]) -> None:
    """Refuse what cannot be written before the work begins. Raises UsageError."""
    for _, path in wanted:
        if path != STDOUT:
            check_target(path, overwrite=True)


def need_disk_map(wanted: Sequence[ReportRequest]) -> bool:
    """Whether any of them shows where the image keeps data."""
    return any(report_format in NEED_DISK_MAP for report_format, _ in wanted)


def write(wanted: Sequence[ReportRequest], results: Sequence[ImageResult]) -> None:
    """Write each; an older report of that name is replaced."""
    for report_format, path in wanted:
        shown = [checkout.result(one) for one in results] if report_format in RELATIVE_PATHS else results
        write_text(report_format, path, REPORTS[report_format](shown))


def write_text(report_format: str, path: Path, text: str) -> None:
    """One report, or on stdout; or after what other commands of a step have put into its summary."""
    if path == STDOUT:
        console.show(text.removesuffix("\n"))
        return
    if report_format in ADDED_TO_A_SUMMARY and _is_step_summary(path):
        append(path, console.renamed(text))
        return
    with (
        written_beside(path, overwrite=True) as new,
        open(new.descriptor, "w", encoding="utf-8", closefd=False) as file,
    ):
        file.write(console.renamed(text))


def _is_step_summary(path: Path) -> bool:
    """Whether GitHub Actions collects in it what the commands of a step report: each adds its own."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    return bool(summary) and os.path.realpath(path) == os.path.realpath(str(summary))
