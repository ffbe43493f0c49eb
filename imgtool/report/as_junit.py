"""JUnit XML: a test suite for each image, a test case for each check. What CI systems show by themselves.

Elements and their order are those of the schema that Jenkins publishes (jenkins-junit.xsd):

    passed                       a test case that passed; `system-out` says what was seen
    failed, severity error       `failure`, with the evidence and the remedy
    unknown or crashed, error    `error`: unknown is never a pass
    the same, severity warning   `skipped`: CI shows it apart from what passed, and does not fail the build,
                                 as `imgtool check` does not; its text begins with "warning"
    the same, severity info      a test case that passed; `system-out` has the note
    skipped                      `skipped`, with the reason
"""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from imgtool import __version__
from imgtool.model.judgement import Finding, Judgement, Severity
from imgtool.model.story import Story
from imgtool.report.findings import judged, needs_attention, told, word, worst_first
from imgtool.text import printable


def report(stories: Sequence[Story]) -> str:
    """`--report junit=PATH`. What XML 1.0 has no character for is escaped with a backslash."""
    return to_text(counted(suite(judged(story))) for story in stories)


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
    details = "\n".join(told(finding))
    state = _state(finding)
    if state == "skipped":  # the schema gives it no attributes
        prefix = f"{word(finding)}: " if needs_attention(finding) else ""
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
        return "skipped" if word(finding) == "skipped" else None
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
