"""`DIFFERENCE_REPORTS` are the forms of a comparison that `imgtool diff --report FORMAT=PATH` writes."""

import importlib
from collections.abc import Callable, Mapping

from imgtool.model.difference import Change, Difference, How
from imgtool.report.findings import Role

DifferenceReport = Callable[[Difference], str]

ROLES: Mapping[How, Role] = {
    "added": "good",
    "removed": "bad",
    "up": "doubt",
    "down": "bad",
    "changed": "doubt",
}
"""Which colour each has."""


def _function(module: str) -> DifferenceReport:
    """The function `difference` of a module that is imported when it is called."""

    def report(found: Difference) -> str:
        return str(importlib.import_module(f"imgtool.report.{module}.difference").difference(found))

    return report


DIFFERENCE_REPORTS: Mapping[str, DifferenceReport] = {
    form: _function(f"as_{form}") for form in ("text", "json", "markdown", "html")
}


def values(change: Change) -> str:
    """What is said of it: before and after, or the one that there is."""
    told = [value for value in (change.old, change.new) if value]
    return " -> ".join(told)


def counted(found: Difference) -> str:
    """How much differs, in a line."""
    changes = sum(len(one.changes) for one in found.kinds)
    unknown = sum(bool(one.unknown) for one in found.kinds)
    told = f"{changes} difference{'' if changes == 1 else 's'}" if changes else "no difference"
    return f"{told}, {unknown} kind{'' if unknown == 1 else 's'} unknown" if unknown else told
