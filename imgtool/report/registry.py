"""`REPORTS` are the forms that `--report FORMAT=PATH` writes. Each is loaded when it is asked for."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from imgtool.model.result import ImageResult

if TYPE_CHECKING:
    from imgtool.batch.status import BatchStatus, ReportOf

Report = Callable[[Sequence[ImageResult]], str]
BatchReport = Callable[["BatchStatus", "ReportOf"], str]

NEED_DISK_MAP = frozenset({"html"})
"""Forms that show where the image keeps data: finding that out costs time that no other form needs."""


def _form(module: str) -> Report:
    """The function `report` of that module of this package."""

    def report(results: Sequence[ImageResult]) -> str:
        write: Report = importlib.import_module(f"imgtool.report.{module}").report
        return write(results)

    return report


REPORTS: Mapping[str, Report] = {
    "text": _form("as_text.result"),
    "json": _form("as_json"),
    "junit": _form("as_junit"),
    "sarif": _form("as_sarif"),
    "github": _form("as_github"),
    "html": _form("as_html"),
}


def _batch_form(module: str) -> BatchReport:
    """The function `batch_report` of that module of this package."""

    def report(status: "BatchStatus", report_of: "ReportOf") -> str:
        write: BatchReport = importlib.import_module(f"imgtool.report.{module}").batch_report
        return write(status, report_of)

    return report


BATCH_REPORTS: Mapping[str, BatchReport] = {
    "text": _batch_form("as_text.batch"),
    "json": _batch_form("as_json.batch"),
    "junit": _batch_form("as_junit"),
    "sarif": _batch_form("as_sarif"),
    "github": _batch_form("as_github"),
    "html": _batch_form("as_html.batch"),
}
"""The same for a whole batch."""
