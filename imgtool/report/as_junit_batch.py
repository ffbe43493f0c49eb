"""JUnit XML of a batch: a test suite for each image, with its checks, and a test case `batch` for its end.

That one fails for each image that is not where it was wanted, whatever the reason: `failure` where a check
stands in the way, `error` where it was refused, failed, or did not end.
"""

from xml.etree import ElementTree as ET

from imgtool.batch.standing import Standing, StoryOf
from imgtool.model.batch import GOOD_STATES, TaskRecord
from imgtool.report.as_junit import counted, suite, to_text
from imgtool.report.stored import judgement_of
from imgtool.text import printable

CASE = "batch"


def report(found: Standing, story_of: StoryOf) -> str:
    """`--report junit=PATH` of a batch."""
    return to_text(_suite(record, found, story_of) for record in found.records)


def _suite(record: TaskRecord, found: Standing, story_of: StoryOf) -> ET.Element:
    name = found.names.get(record.key, record.key)
    judged = judgement_of(story_of(record.key))
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
