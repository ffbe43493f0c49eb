"""Markdown as GitHub and GitLab show it: for `$GITHUB_STEP_SUMMARY`, a merge request, a wiki.

What needs attention is a table, worst first; what passed is folded. Several images begin with a table of
their verdicts. No text of an image can become markup: `words` and `code` escape it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgtool.model.batch import TaskRecord
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Finding, Judgement
from imgtool.report.as_markdown.markup import block, code, row, words
from imgtool.report.as_text.result import boots, stages
from imgtool.report.findings import judged, needs_attention, summary, word, worst_first
from imgtool.report.stored import judgements
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.batch.status import BatchStatus, ReportOf

MAX_BYTES = 1_000_000
"""GitHub shows nothing at all of a step whose summary is above 1 MiB."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of the report."""

    name: str
    found: Judgement
    more: str = ""
    """What was done besides the checks, as text."""


def report(results: Sequence[ImageResult]) -> str:
    """`--report markdown=PATH`."""
    entries = [Entry(judged(one).image, judged(one), _done(one)) for one in results]
    return document(entries)


def batch_report(found: "BatchStatus", report_of: "ReportOf") -> str:
    """`--report markdown=PATH` of a batch."""
    pairs = zip(found.records, judgements(found, report_of), strict=True)
    return document([_entry(record, found, judgement) for record, judgement in pairs])


def document(entries: Sequence[Entry], most_bytes: int = MAX_BYTES) -> str:
    """Return the page, an image after the other; those that would make it too long are only counted."""
    if not entries:
        return "### imgtool: no images\n"
    head = [] if len(entries) == 1 else [_totals(entries), _verdicts(entries)]
    return "\n\n".join([*head, *_within(map(_section, entries), len(entries), most_bytes)]) + "\n"


def _done(result: ImageResult) -> str:
    return "\n\n".join([*boots(result), *stages(result)])


def _entry(record: TaskRecord, found: "BatchStatus", judgement: Judgement) -> Entry:
    ids = [f"{cloud or 'OS_*'}: {image_id}" for cloud, image_id in record.image_ids.items()]
    return Entry(found.names.get(record.key, record.key), judgement, "\n".join(map(printable, ids)))


def _totals(entries: Sequence[Entry]) -> str:
    passed = sum(one.found.passed for one in entries)
    return f"### imgtool: {len(entries)} images: {passed} passed, {len(entries) - passed} failed"


def _verdicts(entries: Sequence[Entry]) -> str:
    head = [row(["Result", "Image", "Summary"]), row(["---"] * 3)]
    rows = [row([_verdict(one), code(one.name), words(summary(one.found))]) for one in entries]
    return "\n".join([*head, *rows])


def _verdict(entry: Entry) -> str:
    return "PASS" if entry.found.passed else "**FAIL**"


def _within(sections: Iterable[str], count: int, most_bytes: int) -> Iterator[str]:
    used = 0
    for position, section in enumerate(sections):
        used += len(section.encode())
        if used > most_bytes and position:
            yield f"{count - position} more images are left out: the page would be too long."
            return
        yield section


def _section(entry: Entry) -> str:
    """One image: verdict, what needs attention, what passed, what was done."""
    findings = worst_first(entry.found)
    loud = [one for one in findings if needs_attention(one)]
    quiet = [one for one in findings if not needs_attention(one)]
    parts = [
        f"### {'PASS' if entry.found.passed else 'FAIL'}: {code(entry.name)}",
        f"{words(summary(entry.found))}{_by(entry.found)}",
        _table(loud),
        _folded(quiet),
        block(entry.more),
    ]
    return "\n\n".join(filter(None, parts))


def _by(found: Judgement) -> str:
    return f" (policy {code(found.policy)})" if found.policy else ""


def _table(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    head = [row(["Result", "Check", "Finding"]), row(["---"] * 3)]
    return "\n".join([*head, *(row([f"**{word(one)}**", code(one.check), _cell(one)]) for one in findings)])


def _cell(finding: Finding) -> str:
    seen = [f"Seen: {code(finding.evidence)}"] if finding.evidence else []
    fix = [f"Fix: {words(finding.remedy)}"] if finding.remedy else []
    return "<br>".join([words(finding.message), *seen, *fix])


def _folded(findings: Sequence[Finding]) -> str:
    """Return what passed, was skipped or is known, to be opened by a click."""
    if not findings:
        return ""
    items = [f"- {word(one)} {code(one.check)}: {words(one.message)}" for one in findings]
    counts = ", ".join(f"{count} {name}" for name, count in Counter(map(word, findings)).items())
    head = f"<details><summary>{len(findings)} checks: {counts}</summary>"
    return "\n".join([head, "", *items, "", "</details>"])
