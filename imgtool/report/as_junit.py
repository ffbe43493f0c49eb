"""JUnit XML: a test suite for each image, a test case for each check. What CI systems show by themselves.

Elements and their order are those of the schema that Jenkins publishes (jenkins-junit.xsd):

    passed                       a test case that passed; `system-out` says what was seen
    failed, severity error       `failure`, with the evidence and the remedy
    unknown or crashed, error    `error`: unknown is never a pass
    the same, severity warning   `skipped`: CI shows it apart from what passed, and does not fail the build,
                                 as `imgtool check` does not; its text begins with "warning"
    the same, severity info      a test case that passed; `system-out` has the note
    skipped                      `skipped`, with the reason
    known by the baseline        `skipped`; its text begins with "known"

In a batch each suite also has a test case `batch` for the end of its task. It fails for each image that is
not where it was wanted, whatever the reason: `failure` where a check failed, `error` where the image was
refused, or its task failed or did not end.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from imgtool import __version__
from imgtool.model.batch import GOOD_STATES, TaskRecord
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Finding, Judgement, Severity
from imgtool.report.findings import judged, lines, needs_attention, word, worst_first
from imgtool.report.stored import judgement_of
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.batch.status import BatchStatus, ReportOf


def report(results: Sequence[ImageResult]) -> str:
    """`--report junit=PATH`. What XML 1.0 has no character for is escaped with a backslash."""
    return to_text(counted(suite(judged(result))) for result in results)


def to_text(suites: Iterable[ET.Element]) -> str:
    """The document with these test suites."""
    root = ET.Element("testsuites", name="imgtool")
    root.extend(suites)
    root.attrib |= _counts(root)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def suite(found: Judgement) -> ET.Element:
    """One image, not `counted` yet."""
    made = ET.Element("testsuite", name=printable(found.image))
    properties = ET.SubElement(made, "properties")
    for name, value in _properties(found):
        ET.SubElement(properties, "property", name=name, value=value)
    for finding in worst_first(found):
        made.append(_case(found.image, finding))
    return made


def counted(made: ET.Element) -> ET.Element:
    """A suite that has all its test cases, with their numbers."""
    made.attrib |= {**_counts(made), "skipped": _count(made, "skipped")}
    return made


def _properties(found: Judgement) -> list[tuple[str, str]]:
    outcome = "pass" if found.passed else "fail"
    return [("imgtool.version", __version__), ("policy", printable(found.policy)), ("outcome", outcome)]


def _case(image: str, finding: Finding) -> ET.Element:
    case = ET.Element("testcase", classname=printable(image), name=finding.check)
    details = "\n".join(lines(finding))
    state = _state(finding)
    if state == "skipped":  # the schema gives it no attributes
        prefix = "" if word(finding) == "skipped" else f"{word(finding)}: "
        ET.SubElement(case, state).text = prefix + printable(finding.message)
    elif state is not None:
        shown = ET.SubElement(case, state, type=word(finding), message=printable(finding.message))
        shown.text = details
    if state not in {"failure", "error"}:
        ET.SubElement(case, "system-out").text = details
    return case


def _state(finding: Finding) -> str | None:
    """The element that says how a test case ended; None where it passed."""
    if not needs_attention(finding):
        return "skipped" if word(finding) in {"skipped", "known"} else None
    if finding.fails_image:
        return "failure" if word(finding) == "FAIL" else "error"
    return "skipped" if finding.severity is Severity.WARNING else None


def _counts(parent: ET.Element) -> dict[str, str]:
    """What suites and their parent count."""
    return {
        "tests": _count(parent, "testcase"),
        "failures": _count(parent, "failure"),
        "errors": _count(parent, "error"),
    }


def _count(parent: ET.Element, tag: str) -> str:
    return str(sum(1 for _ in parent.iter(tag)))


CASE = "batch"


def batch_report(found: "BatchStatus", report_of: "ReportOf") -> str:
    """`--report junit=PATH` of a batch."""
    return to_text(_suite(record, found, report_of) for record in found.records)


def _suite(record: TaskRecord, found: "BatchStatus", report_of: "ReportOf") -> ET.Element:
    name = found.names.get(record.key, record.key)
    judged = judgement_of(report_of(record.key))
    made = suite(judged) if judged else ET.Element("testsuite")
    made.set("name", printable(name))
    made.set("time", f"{record.seconds:.3f}")
    made.append(_end(name, record))
    return counted(made)


def _end(name: str, record: TaskRecord) -> ET.Element:
    case = ET.Element("testcase", classname=printable(name), name=CASE, time=f"{record.seconds:.3f}")
    message = record.message or record.state
    if record.state in GOOD_STATES:
        ET.SubElement(case, "system-out").text = "\n".join([record.state, *_places(record)])
    else:
        tag = "failure" if record.state == "check-failed" else "error"
        shown = ET.SubElement(case, tag, type=record.state, message=printable(message))
        shown.text = "\n".join(printable(text) for text in (message, record.hint) if text)
    return case


def _places(record: TaskRecord) -> list[str]:
    """What each cloud has."""
    return [printable(f"{cloud or 'OS_*'}: {image_id}") for cloud, image_id in record.image_ids.items()]
