"""`--report FORMAT=PATH`: the result of the checks also as a file, for whoever comes after; `-` is stdout."""

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from imgtool.cli import checkout, completions, console
from imgtool.cli.options import STDOUT, named_output
from imgtool.errors import UsageError
from imgtool.model.result import ImageResult
from imgtool.report.registry import (
    ADDED_TO_A_SUMMARY,
    BILLS,
    NEED_DISK_MAP,
    READ_IN_A_LOG,
    RELATIVE_PATHS,
    REPORTS,
)
from imgtool.util import misspelt
from imgtool.util.output import append, check_target, written_beside
from imgtool.util.text import printable

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
        context: click.Context, _option: click.Parameter, values: Sequence[str]
    ) -> tuple[ReportRequest, ...]:
        wanted = tuple(map(parse_one, values))
        _refuse_shared(wanted)
        _take_stdout(context, wanted)
        return wanted

    return click.option(
        "--report",
        "reports",
        multiple=True,
        metavar="FORMAT=PATH",
        shell_complete=completions.reports,
        callback=parse,
        help=f"Also write a report: {known}; PATH - is stdout, which has nothing else then. Repeatable.",
    )


option = option_of(REPORTS)


def _refuse_shared(wanted: Sequence[ReportRequest]) -> None:
    """Refuse two reports in one place. Raises UsageError."""
    first: dict[str, str] = {}
    for report_format, path in wanted:
        place = "stdout" if path == STDOUT else os.path.realpath(path)
        if place in first:
            raise UsageError(
                f"--report: {first[place]} and {report_format} would both be written to {printable(place)}",
                hint="give each report a file of its own",
            )
        first[place] = report_format


def _take_stdout(context: click.Context, wanted: Sequence[ReportRequest]) -> None:
    """Let nothing else be on stdout where a report is. Raises UsageError where the result has to be."""
    taken = next((report_format for report_format, path in wanted if path == STDOUT), None)
    if taken is None:
        return
    if console.wants_json(context.obj or ()):
        raise UsageError(
            f"--output json and --report {taken}=- would both be written to stdout",
            hint="leave one of them out, or give the report a file",
        )
    context.meta[console.INSTEAD_OF_STDOUT] = "stderr" if taken in READ_IN_A_LOG else "nowhere"


def check_paths(wanted: Sequence[ReportRequest]) -> None:
    """Refuse what cannot be written before the work begins. Raises UsageError, ToolMissingError."""
    if need_bill(wanted):
        from imgtool.report.bill import require_libraries  # noqa: PLC0415 - loaded only where it is needed

        require_libraries()
    for _, path in wanted:
        if path != STDOUT:
            check_target(path, overwrite=True)


def need_disk_map(wanted: Sequence[ReportRequest]) -> bool:
    """Whether any of them shows where the image keeps data."""
    return any(report_format in NEED_DISK_MAP for report_format, _ in wanted)


def need_bill(wanted: Sequence[ReportRequest]) -> bool:
    """Whether any of them is a bill of materials, for which all packages are read, and the file is hashed."""
    return any(report_format in BILLS for report_format, _ in wanted)


def write(wanted: Sequence[ReportRequest], results: Sequence[ImageResult]) -> None:
    """Write each; an older report of that name is replaced."""
    for report_format, path in wanted:
        shown = [checkout.result(one) for one in results] if report_format in RELATIVE_PATHS else results
        write_text(report_format, path, REPORTS[report_format](shown))


def write_text(report_format: str, path: Path, text: str) -> None:
    """One report, or on stdout; or after what other commands of a step have put into its summary."""
    if path == STDOUT:
        console.print_out(text.removesuffix("\n"))
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
