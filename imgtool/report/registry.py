"""`REPORTS` are the forms that `--report FORMAT=PATH` writes. Each is loaded when it is asked for."""

import importlib
from collections.abc import Callable, Mapping, Sequence

from imgtool.model.story import Story

Report = Callable[[Sequence[Story]], str]

NEED_DISK_MAP = frozenset({"html"})
"""Forms that show where the image keeps data: finding that out costs time that no other form needs."""


def _form(module: str) -> Report:
    """The function `report` of that module of this package."""

    def report(stories: Sequence[Story]) -> str:
        write: Report = importlib.import_module(f"imgtool.report.{module}").report
        return write(stories)

    return report


REPORTS: Mapping[str, Report] = {
    "text": _form("as_text.story"),
    "json": _form("as_json"),
    "junit": _form("as_junit"),
    "sarif": _form("as_sarif"),
    "github": _form("as_github"),
    "html": _form("as_html"),
}
