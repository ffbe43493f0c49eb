"""SARIF 2.1.0: what code scanning services read. OASIS, "Static Analysis Results Interchange Format".

One run; a rule for each check; a result for each finding that needs attention. What passed has no result:
services that know nothing of `kind` would show it as an alert. Every image is an artifact, so one that passed
is there as well. In a batch an image that failed for another reason than a check has the result `batch`.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_from_bytes

from imgtool import __version__
from imgtool.checks import registry
from imgtool.fetch.urls import is_url
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Finding, Judgement
from imgtool.report.as_json.values import Object, to_text
from imgtool.report.explanation import Explanation, explain
from imgtool.report.findings import (
    NO_CHECK_RAN,
    fingerprint,
    judged,
    level,
    lines,
    needs_attention,
    worst_first,
)
from imgtool.report.stored import BATCH, judgements
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.batch.status import BatchStatus, ReportOf

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_IN_BASELINE = {"kind": "external", "justification": "it is in the baseline that imgtool was given"}


def report(results: Sequence[ImageResult]) -> str:
    """`--report sarif=PATH`."""
    lengths = {
        judged(one).image: one.inspection.image.origin.file_size_bytes for one in results if one.inspection
    }
    return document(list(map(judged, results)), lengths, (NO_CHECK_RAN,))


def document(found: Sequence[Judgement], lengths: Mapping[str, int], others: Sequence[Finding]) -> str:
    """Return the log. `lengths`: file sizes in bytes by image; `others`: findings that no check makes."""
    artifacts = {one.image: _artifact(one.image, lengths) for one in found}  # no two alike, says the schema
    places = {image: {"uri": _uri(image), "index": index} for index, image in enumerate(artifacts)}
    results = [_result(one.image, places, finding) for one in found for finding in _loud(one)]
    driver = {"name": "imgtool", "version": __version__, "rules": _rules(others)}
    run = {
        "tool": {"driver": driver},
        "artifacts": list(artifacts.values()),
        "results": results,
        "columnKind": "unicodeCodePoints",
        "properties": {"policies": sorted({printable(one.policy) for one in found})},
    }
    return to_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _loud(found: Judgement) -> Iterable[Finding]:
    return (one for one in worst_first(found) if needs_attention(one) or one.known)


def _rules(others: Sequence[Finding]) -> list[Object]:
    """One for each check, also for those that passed, in the order of `imgtool explain`; then the others'."""
    severities = {"error": "error", "warning": "warning", "info": "note"}
    rules = [_rule(check.name, severities[check.severity.value]) for check in registry.all_checks()]
    explained = [rule | _help(explain(str(rule["id"]))) for rule in rules]
    return [*explained, *(_rule(one.check, "error") | _plain_help(one) for one in others)]


def _rule(name: str, default_level: str) -> Object:
    return {"id": name, "defaultConfiguration": {"level": default_level}}


def _help(explained: Explanation | None) -> Object:
    assert explained is not None  # noqa: S101 - every check explains itself
    what = explained.sections[0].paragraphs if explained.sections else ()
    return {
        "shortDescription": {"text": explained.summary},
        "fullDescription": {"text": "\n\n".join(what) or explained.summary},
        "help": {"text": explained.text, "markdown": explained.markdown or explained.text},
    }


def _plain_help(finding: Finding) -> Object:
    text = {"text": finding.message}
    return {"shortDescription": text, "fullDescription": text, "help": {"text": finding.remedy}}


def _artifact(image: str, lengths: Mapping[str, int]) -> Object:
    artifact: Object = {"location": {"uri": _uri(image)}, "roles": ["analysisTarget"]}
    return artifact | ({"length": lengths[image]} if image in lengths else {})


def _result(image: str, places: Mapping[str, Object], finding: Finding) -> Object:
    physical = {"artifactLocation": places[image], "region": {"startLine": 1}}
    return {
        **({"suppressions": [_IN_BASELINE]} if finding.known else {}),
        "ruleId": finding.check,
        "level": level(finding),
        "message": {"text": _message(finding)},
        # GitHub shows no result without a line. A disk image has none: the first one stands for all of it.
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint(image, finding.check)[:16]}:1"},
        "properties": {
            "outcome": finding.outcome.value,
            "severity": finding.severity.value,
            "evidence": printable(finding.evidence),
            "remedy": printable(finding.remedy),
        },
    }


def _message(finding: Finding) -> str:
    """Plain text, in which `[words](target)` would be a link (section 3.11.6): a guest's text makes none."""
    return "\n\n".join(lines(finding)).replace("](", "] (")


def _uri(image: str) -> str:
    """Percent-encode the file's. A relative name, of an image that was refused, stays relative."""
    if is_url(image):
        return quote(image, safe=":/?#[]@!$&'()*+,;=%~")
    path = Path(image)
    return path.as_uri() if path.is_absolute() else quote_from_bytes(bytes(path))


def batch_report(found: "BatchStatus", report_of: "ReportOf") -> str:
    """`--report sarif=PATH` of a batch."""
    judged = judgements(found, report_of)
    sizes = zip(judged, found.records, strict=True)
    lengths = {one.image: record.size_before_bytes for one, record in sizes if record.size_before_bytes}
    return document(judged, lengths, (BATCH,))
