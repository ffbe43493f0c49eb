"""GitLab's code quality report: what a merge request shows as new and as fixed.

A JSON array of what GitLab reads of Code Climate's issues (docs.gitlab.com/ci/testing/code_quality, "Code
Quality report format"): description, check_name, fingerprint, severity, location.path, location.lines.begin.
An entry for each finding that needs attention, so that no image fails without one.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from imgtool.model.result import ImageResult
from imgtool.model.verdict import Judgement
from imgtool.report.findings import fingerprint, judged, level, lines, needs_attention, worst_first
from imgtool.report.stored import judgements
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.batch.status import BatchStatus, ReportOf

_SEVERITIES = {"error": "critical", "warning": "minor", "note": "info"}


def report(results: Sequence[ImageResult]) -> str:
    """`--report gitlab=PATH`."""
    return document(map(judged, results))


def batch_report(found: "BatchStatus", report_of: "ReportOf") -> str:
    """`--report gitlab=PATH` of a batch."""
    return document(judgements(found, report_of))


def document(found: Iterable[Judgement]) -> str:
    """Return the array. GitLab keeps one entry of those with the same fingerprint: so does this."""
    entries = {entry["fingerprint"]: entry for one in found for entry in _entries(one)}
    return json.dumps(list(entries.values()), indent=2) + "\n"


def _entries(found: Judgement) -> Iterator[dict[str, Any]]:
    for finding in filter(needs_attention, worst_first(found)):
        yield {
            "description": "\n".join(lines(finding)),
            "check_name": finding.check,
            "fingerprint": fingerprint(found.image, finding.check)[:32],
            "severity": _SEVERITIES[level(finding)],
            # A disk image has no lines: the first one stands for all of it.
            "location": {"path": printable(found.image), "lines": {"begin": 1}},
        }
