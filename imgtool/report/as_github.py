"""Annotations for GitHub Actions: workflow commands, one a line, for a step to print.

Escaped as GitHub's toolkit does it (packages/core/src/command.ts); control characters are gone before that.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from imgtool.model.result import ImageResult
from imgtool.model.verdict import Judgement
from imgtool.report.findings import judged, level, lines, needs_attention, summary, worst_first
from imgtool.report.stored import judgements
from imgtool.util.text import printable

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}

if TYPE_CHECKING:
    from imgtool.batch.status import BatchStatus, ReportOf


def report(results: Sequence[ImageResult]) -> str:
    """`--report github=PATH`: for each image its verdict, then what did not pass, worst first."""
    return annotations(map(judged, results))


def annotations(found: Iterable[Judgement]) -> str:
    """Return the annotations for these judgements."""
    return "".join(f"{line}\n" for one in found for line in _annotations(one))


def _annotations(found: Judgement) -> Iterator[str]:
    verdict = f"{'PASS' if found.passed else 'FAIL'}: {summary(found)}"
    yield _command("notice" if found.passed else "error", found.image, "imgtool", [verdict])
    for finding in filter(needs_attention, worst_first(found)):
        loud = {"error": "error", "warning": "warning", "note": "notice"}[level(finding)]
        yield _command(loud, found.image, f"imgtool {finding.check}", lines(finding))


def _command(name: str, image: str, title: str, lines: Sequence[str]) -> str:
    message = _escape("\n".join(lines), _DATA)
    return f"::{name} file={_property(image)},title={_property(title)}::{message}"


def _property(text: str) -> str:
    return _escape(printable(text), _PROPERTY)


def _escape(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def batch_report(found: "BatchStatus", report_of: "ReportOf") -> str:
    """`--report github=PATH` of a batch."""
    return annotations(judgements(found, report_of))
