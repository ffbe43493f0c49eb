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

RELATIVE_PATHS = frozenset({"sarif", "github", "gitlab"})
"""Forms whose readers look for the image in the checkout that they show."""

BILLS = frozenset({"cyclonedx", "spdx"})
"""Bills of materials: they tell what is inside, which takes reading all packages, and no findings."""

ADDED_TO_A_SUMMARY = frozenset({"markdown"})
"""Forms that are added to the file where GitHub Actions collects what a step reports."""

READ_IN_A_LOG = frozenset({"github"})
"""Forms that CI systems look for in a job's log, where stdout and stderr are one."""

_MODULES = {
    "text": ("as_text.result", "as_text.batch"),
    "json": ("as_json", "as_json.batch"),
    "junit": ("as_junit", "as_junit"),
    "sarif": ("as_sarif", "as_sarif"),
    "github": ("as_github", "as_github"),
    "gitlab": ("as_gitlab", "as_gitlab"),
    "markdown": ("as_markdown", "as_markdown"),
    "html": ("as_html", "as_html.batch"),
    "cyclonedx": ("as_cyclonedx", "as_cyclonedx"),
    "spdx": ("as_spdx", "as_spdx"),
}
"""Modules of this package: with a function `report`, and with a function `batch_report`."""


def module_of(form: str) -> str:
    """The module that makes this form of one image or several, by its whole name."""
    return f"{__package__}.{_MODULES[form][0]}"


def _function(module: str, name: str) -> Callable[..., str]:
    """The function of that name, of a module that is imported when it is called."""

    def report(*what: object) -> str:
        return str(getattr(importlib.import_module(f"imgtool.report.{module}"), name)(*what))

    return report


REPORTS: Mapping[str, Report] = {form: _function(one, "report") for form, (one, _) in _MODULES.items()}
BATCH_REPORTS: Mapping[str, BatchReport] = {
    form: _function(whole, "batch_report") for form, (_, whole) in _MODULES.items()
}
"""The same for a whole batch."""
