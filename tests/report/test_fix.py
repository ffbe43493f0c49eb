"""What was repaired, in text and in JSON."""

import json
from dataclasses import replace

from support import facts
from support.stories import HOSTILE

from imgtool.checks import registry
from imgtool.model.fix import FixPlan, FixResult, Repair, RepairOutcome, SealedRun
from imgtool.model.result import ImageResult
from imgtool.report import as_html, as_json, as_markdown
from imgtool.report.as_json import fix as in_json
from imgtool.report.as_json import to_text
from imgtool.report.as_text import fix as in_text
from imgtool.report.as_text import result as as_text

REPAIR = Repair(("machine-id",), "empty the machine-id", "true\n")
PLANNED = FixResult("old.raw", registry.judge(facts.inspection()), FixPlan((REPAIR,)))
FAILED = replace(
    PLANNED,
    plan=replace(PLANNED.plan, left={"root-grows": HOSTILE}, skipped=("secrets",)),
    run=SealedRun(
        (RepairOutcome(REPAIR, 2, (HOSTILE,), 3.0),), 12.0, clean=False, problem=HOSTILE, log=(HOSTILE,)
    ),
    problem="the guest could not empty the machine-id",
)


def test_a_plan_is_told() -> None:
    lines = in_text.document(PLANNED).splitlines()
    assert lines[0] == "fix old.raw"
    assert "empty the machine-id (machine-id)" in lines[1]
    assert lines[-1] == "1 repair(s) would be done"


def test_a_failure_is_told_with_the_words_of_the_guest_and_none_of_its_control_characters() -> None:
    text = in_text.document(FAILED)
    assert "status 2, 3 s" in text
    assert text.endswith("FAIL  old.raw: the guest could not empty the machine-id")
    assert "\x1b" not in text


def test_json_has_the_promised_keys() -> None:
    found = json.loads(to_text(in_json.document(FAILED)))
    assert set(found) == {
        "schema_version", "image", "problem", "repairs", "left", "skipped", "machine", "before", "after",
        "boots", "conversion",
    }  # fmt: skip
    (repair,) = found["repairs"]
    assert (repair["checks"], repair["status"], repair["script"]) == (["machine-id"], 2, "true\n")
    assert (found["machine"]["clean"], found["after"], found["skipped"]) == (False, None, ["secrets"])
    assert json.loads(to_text(in_json.document(PLANNED)))["machine"] is None


def on_the_way(result: FixResult) -> ImageResult:
    return ImageResult(result.before, facts.inspection(), fix=result)


def test_reports_of_a_delivery_tell_the_repair() -> None:
    failed, planned = on_the_way(FAILED), on_the_way(PLANNED)
    for text in (as_text.prepared(failed), as_markdown.report([failed]), as_html.report([failed])):
        assert "the guest could not empty the machine-id" in text
        assert "\x1b" not in text
    for text in (as_text.prepared(planned), as_markdown.report([planned]), as_html.report([planned])):
        assert "planned repair" in text.lower()
        assert "checked again and booted" in text


def test_json_of_a_delivery_has_the_repair() -> None:
    found = json.loads(to_text(as_json.prepared(on_the_way(FAILED))))["fix"]
    assert set(found) == {"problem", "repairs", "left", "skipped", "machine", "before"}
    assert json.loads(to_text(as_json.prepared(ImageResult())))["fix"] is None
    (checked,) = json.loads(to_text(as_json.results([on_the_way(FAILED)])))["results"]
    assert checked["fix"] == found


def test_even_the_shortest_text_says_why_nothing_was_delivered() -> None:
    assert "problem" in as_text.prepared(on_the_way(FAILED), detail="verdict")
