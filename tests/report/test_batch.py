"""A batch's plan and standing as text and JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.batch_standing import standing as batch_standing
from support.batches import task

from imgtool.batch.status import BatchStatus
from imgtool.model.batch import BatchPlan, PlanProblem, StageRecord, TaskRecord
from imgtool.model.delivery import CloudName
from imgtool.report import as_json
from imgtool.report.as_json import batch as json_batch
from imgtool.report.as_text import batch as text_batch
from imgtool.report.as_text.layout import WIDEST, plain, table
from imgtool.report.registry import BATCH_REPORTS

PLAN = BatchPlan(
    Path("/images/images.yaml"),
    (
        task("a", compression="zstd", clouds=(CloudName("one"), CloudName(None, "R"), CloudName(None))),
        task(
            "b", source="/images/\x1b]0;b\udcff", clouds=(), output=Path("/made/b.raw"), target_format="raw"
        ),
    ),
    (PlanProblem("b", "/images/b: there is no such file"),),
)


def standing(**changed: Any) -> BatchStatus:
    records = (
        TaskRecord("a", "done", 1, 0.0, 30.0, 30.0, image_ids={"one": "id"}, exit_status=0),
        TaskRecord("b", "refused", 1, message="has a backing \x1bfile", hint="do not", exit_status=3),
        TaskRecord("c", "running", 1),
        TaskRecord("d", "running", 2),
        TaskRecord("e", "waiting"),
    )
    values: dict[str, Any] = {
        "phase": "running", "manifest": "/images/images.yaml", "began": 100.0, "ended": None, "now": 285.0,
        "records": records, "names": {key: f"image-{key}" for key in "abcde"},
        "stages": {"c": StageRecord("c", 1, "convert", "raw -> qcow2", 200.0)}, **changed,
    }  # fmt: skip
    return BatchStatus(**values)


def test_the_plan_as_a_table() -> None:
    assert text_batch.plan(PLAN).splitlines() == [
        "image  source                  to           where        policy",
        "a      /images/a.raw           qcow2, zstd  one /R OS_*  openstack",
        "b      /images/\\x1b]0;b\\udcff  raw          /made/b.raw  openstack",
        "",
        "2 images, 3 uploads, 1 file, 1 problem",
        "problem  b: /images/b: there is no such file",
    ]


def test_the_standing_as_a_page() -> None:
    assert text_batch.status(standing()).splitlines() == [
        "/images/images.yaml",
        "  run                    running, 3 min 05 s",
        "  began                  1970-01-01T00:01:40Z",
        "  images                 2 of 5 ended",
        "  done                   1",
        "  refused                1",
        "  running                2",
        "  waiting                1",
        "",
        "running  stage                  since       attempt",
        "image-c  convert  raw -> qcow2  1 min 25 s  1",
        "image-d  starting                           2",
        "",
        "refused  image-b",
        "  why                    has a backing \\x1bfile",
        "  hint                   do not",
    ]


def test_a_run_that_was_killed_has_no_duration() -> None:
    page = text_batch.status(standing(phase="stopped before its end"))
    assert "  run                    stopped before its end\n" in page
    empty = standing(phase="none", manifest="", began=None, records=(), names={}, stages={})
    assert text_batch.status(empty) == "no run was noted yet"


def test_the_time_left() -> None:
    done = TaskRecord("a", "done", 1, 100.0, 200.0)
    page = text_batch.status(standing(records=(done, TaskRecord("e", "waiting")), now=200.0))
    assert "  left                   about 1 min 40 s\n" in page


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7620, "2 h 07 min")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert text_batch.duration(seconds) == shown


def test_a_long_cell_loses_its_beginning() -> None:
    head, row = table(("a", "b"), [("x" * 100 + "end", "y")], plain)
    assert row == "..." + "x" * (WIDEST - 6) + "end  y"
    assert head.index("b") == row.index("y")


def test_json_of_the_plan() -> None:
    document = json.loads(as_json.to_text(json_batch.plan(PLAN)))
    assert set(document) == {"schema_version", "manifest", "images", "problems"}
    first, second = document["images"]
    assert first["clouds"] == ["one", "/R", ""]
    assert (second["output"], second["source"]) == ("/made/b.raw", "/images/\x1b]0;b\\udcff")
    assert set(first) == {
        "key", "name", "source", "sha256", "sha512", "source_format", "target_format", "compression",
        "output",
        "clouds", "visibility", "keep_last", "metadata", "on_conflict",
        "properties", "derive", "source_hash", "policy", "boot", "deadline_seconds",
        "retries", "where",
    }  # fmt: skip


def test_json_of_the_standing() -> None:
    document = json.loads(as_json.to_text(json_batch.status(standing())))
    assert set(document) == {
        "schema_version", "manifest", "phase", "began", "ended", "seconds_left", "counts", "images",
        "began_at", "ended_at",
    }  # fmt: skip
    assert document["counts"] == {"done": 1, "refused": 1, "running": 2, "waiting": 1}
    refused, running = document["images"][1:3]
    assert refused["error"] == {"message": "has a backing \x1bfile", "hint": "do not"}
    assert (running["stage"], running["error"], running["state"]) == ("convert", None, "running")


def test_reports_of_a_batch() -> None:
    told = json.loads(BATCH_REPORTS["json"](standing(), {"a": {"image": "a"}}.get))
    assert [image["report"] for image in told["images"]] == [{"image": "a"}, None, None, None, None]
    assert (told["began_at"], told["ended_at"]) == ("1970-01-01T00:01:40Z", None)
    assert told["images"][0]["ended_at"] == "1970-01-01T00:00:30Z"


def test_the_report_for_people_has_ids_and_reasons() -> None:
    status, report_of = batch_standing()
    text = BATCH_REPORTS["text"](status, report_of)
    assert "\x1b" not in text
    assert "done  good-a0\n" in text
    assert "  in one                 id-a0\n" in text
    assert "already there  warned-c0, 2 s\n" in text
    bad = text.partition("check-failed  bad-b0")[2].partition("\n\n")[0]
    assert "    FAIL     ssh-host-keys" in bad
    assert "fix   " in bad
    assert (
        "  began                  1970-01-01T00:01:40Z\n  ended                  1970-01-01T00:03:20Z\n"
        in text
    )


def test_what_an_earlier_run_made_is_called_so() -> None:
    page = text_batch.status(standing(records=(TaskRecord("a", "skipped"),)))
    assert "  already there          1" in page
    assert "skipped" not in page
