"""Uploads as text and as JSON: what would be asked, what is there, what failed and why."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support import facts
from support import stories as made
from support.deliveries import DONE, FAILED, PLAIN, PLAN, WANTED

from imgtool.model.conversion import ConversionPlan
from imgtool.model.delivery import GlanceTarget
from imgtool.model.result import ImageResult
from imgtool.report import as_html, as_json
from imgtool.report.as_text.delivery import failure, upload, upload_plan
from imgtool.report.as_text.result import prepared as story_text


def rows(text: str) -> dict[str, str]:
    """The first column is 22 wide, after an indent of two."""
    lines = [line for line in text.splitlines() if line.startswith("  ") and len(line) > 25]
    return {line[2:24].strip(): line[25:] for line in lines if line[24] == " "}


def test_a_plan_tells_all_that_is_wanted() -> None:
    found = rows(upload_plan(PLAN))
    assert found["visibility"] == "shared, protected, hidden"
    assert (found["tags"], found["members"], found["owner"]) == ("golden", "a-project", "owner-project")
    assert (found["min disk"], found["min RAM"]) == ("2 GiB", "512 MiB")
    assert found["id"] == WANTED.image_id
    assert found["method"].startswith("import: ")
    assert found["stores"] == "fast slow"
    assert "hide" in found["same name"]
    asked = upload_plan(PLAN).partition("Glance is asked")[2]
    assert "to stage the bytes" in asked
    assert "to share it" in asked
    assert "to rename and hide" in asked


def test_a_plain_plan_tells_the_defaults_and_nothing_that_nobody_asked_for() -> None:
    found = rows(upload_plan(PLAIN))
    assert set(found) >= {"cloud", "name", "format", "visibility", "min disk"}
    assert "to share it" not in upload_plan(PLAIN)
    assert not set(found) & {"tags", "members", "owner", "id", "min RAM"}
    assert found["method"].startswith("direct: ")
    assert found["stores"] == "the cloud's default"
    assert rows(upload_plan(replace(PLAIN, cloud="")))["cloud"] == "of the OS_* variables"
    everywhere = replace(PLAIN, wanted=GlanceTarget("debian", all_stores=True))
    assert rows(upload_plan(everywhere))["stores"] == "all that the cloud has"


def test_each_property_of_a_plan_stands_with_its_reason() -> None:
    assert "  hw_disk_bus=virtio  /boot/initrd.img has virtio_blk" in upload_plan(PLAN)


def test_the_way_of_the_bytes_is_told() -> None:
    streamed = replace(PLAIN, disk_format="qcow2", streamed=True)
    assert "streamed as qcow2 while the raw is read: no temporary file" in upload_plan(streamed)
    assert "the file as it is" in upload_plan(PLAIN)
    converted = ConversionPlan(facts.image(), Path("t.qcow2"), "qcow2", "zlib", "native", "it is raw")
    told = story_text(ImageResult(conversion_plan=converted, upload_plans=(PLAIN,)))
    assert "converted into a file first" in told
    packed = replace(facts.image(), unpacked_from=facts.image())
    assert "unpacked into a temporary file" in upload_plan(replace(PLAIN, image=packed))


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("uploaded", "uploaded"),
        ("replaced", "in place of another"),
        ("already-there", "already there"),
        ("skipped", "skipped"),
    ],
)
def test_the_ending_is_told_plainly(ending, words: str) -> None:
    told = upload(replace(DONE, ending=ending))
    assert words in rows(told)["ending"]
    assert ("hw_disk_bus" in told) is (ending in {"uploaded", "replaced"})


def test_a_result_tells_what_glance_has() -> None:
    told = upload(
        replace(DONE, ending="replaced", stores=("fast",), replaced=("old-id",), notes=("two tries",))
    )
    found = rows(told)
    assert found["image"] == "an-id (active)"
    assert found["sha512"] == "abcd"
    assert found["stores"] == "fast"
    assert found["replaced"] == "old-id (now hidden as debian (replaced old-id))"
    assert found["note"] == "two tries"
    assert "two tries" not in upload(DONE)


def test_a_failure_tells_the_cloud_the_reason_and_what_to_do() -> None:
    found = rows(failure(FAILED))
    assert (found["cloud"], found["failed"], found["hint"]) == ("two", "the store is full", "make room")
    assert "hint" not in rows(failure(replace(FAILED, hint="")))


def test_each_cloud_has_its_block_in_text_and_page() -> None:
    told = replace(made.good(), upload_plans=(PLAN, FAILED.plan), uploads=(DONE, FAILED))
    text = story_text(told)
    assert text.index("an-id (active)") < text.index("the store is full")
    page = as_html.report([told])
    assert (page.count(">Upload</h3>"), page.count(">Failed upload</h3>")) == (1, 1)
    assert page.count("the store is full") == 2  # in the banner, and in its table


def test_the_banner_says_where_the_image_is_and_who_brought_it_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764500000")
    page = as_html.report([replace(made.good(), upload_plans=(PLAN,), uploads=(DONE,))])
    banner = page.partition('<table class="delivered">')[2].partition("</div>")[0]
    for words in (DONE.plan.cloud, DONE.image_id, "active, uploaded", "2025-11-30T10:53:20Z on "):
        assert words in banner, words
    assert "delivered" not in as_html.report([made.good()]).partition("</style>")[2]


def test_the_properties_are_a_table() -> None:
    page = as_html.report([replace(made.good(), upload_plans=(PLAN,), uploads=(DONE,))])
    first = PLAN.properties[0]
    row = f'<th scope="row">{first.name}</th><td data-name="Value"><code>{first.value}</code>'
    assert row in page
    assert first.reason in page


def test_the_last_lines_say_cloud_name_id_and_status() -> None:
    told = replace(made.good(), upload_plans=(PLAN, FAILED.plan), uploads=(DONE, FAILED))
    assert story_text(told).splitlines()[-2:] == [
        f"done    {DONE.plan.cloud}  {DONE.plan.wanted.name}  an-id  active, uploaded",
        f"failed  {FAILED.plan.cloud}  {FAILED.plan.wanted.name}  {FAILED.message}",
    ]


def test_what_glance_says_is_made_printable() -> None:
    hostile = replace(DONE, notes=(made.HOSTILE,), stores=(made.HOSTILE,))
    assert "\x1b" not in upload(hostile)
    assert "\x1b" not in failure(replace(FAILED, message=made.HOSTILE))
    assert "<script>" not in as_html.report([replace(made.good(), uploads=(hostile,))])


PLAN_KEYS = {
    "cloud", "name", "path", "disk_format", "container_format", "min_disk_gib", "visibility", "properties",
    "property_reasons", "method", "stores", "all_stores", "protected", "hidden", "tags", "members",
    "min_ram_mib", "wanted_id", "owner", "on_conflict", "streamed", "format_reason", "keep_last", "metadata",
}  # fmt: skip
RESULT_KEYS = PLAN_KEYS | {
    "image_id", "status", "size_bytes", "os_hash_algo", "os_hash_value", "stored_format", "seconds",
    "ending", "replaced", "retired", "notes",
}  # fmt: skip


def through_json(value: as_json.Object) -> as_json.Object:
    found: as_json.Object = json.loads(as_json.to_text(value))
    return found


def test_plan_and_result_have_the_promised_keys() -> None:
    plan = through_json(as_json.upload_plan(PLAN))
    assert set(plan) == PLAN_KEYS
    assert (plan["method"], plan["stores"], plan["tags"]) == ("import", ["fast", "slow"], ["golden"])
    result = through_json(as_json.upload(replace(DONE, stores=("fast",))))
    assert set(result) == RESULT_KEYS
    assert result["stores"] == ["fast"]
    assert through_json(as_json.upload(DONE))["stores"] is None


def test_a_story_has_the_first_upload_and_all_of_them() -> None:
    found = through_json(as_json.prepared(ImageResult(upload_plans=(PLAN, PLAN), uploads=(DONE, FAILED))))
    assert set(found) == {
        "schema_version",
        "inspection",
        "result",
        "boots",
        "conversion",
        "left_out",
        "upload",
        "uploads",
        "cloud_boots",
        "fix",
    }
    assert found["result"] is None
    assert found["upload"] == found["uploads"][0]
    assert found["uploads"][1] == {
        "cloud": "two",
        "error": {"code": "cloud-failed", "message": "the store is full", "hint": "make room"},
    }


def test_a_story_that_only_planned_has_the_plans() -> None:
    found = through_json(as_json.prepared(ImageResult(upload_plans=(PLAN, PLAIN))))
    assert [set(one) == PLAN_KEYS for one in found["uploads"]] == [True, True]
    nothing = through_json(as_json.prepared(made.bad()))
    assert (nothing["upload"], nothing["uploads"]) == (None, [])


def test_an_upload_alone_keeps_its_own_keys_at_the_top() -> None:
    found = through_json(as_json.delivered(ImageResult(upload_plans=(PLAN,), uploads=(DONE,))))
    assert set(found) == RESULT_KEYS | {"schema_version", "upload", "uploads"}
    assert len(found["uploads"]) == 1


def test_a_report_says_only_how_far_it_came() -> None:
    checked, delivered = made.good(), replace(made.good(), uploads=(DONE,))
    found = through_json(as_json.results([checked, delivered]))["results"]
    assert "uploads" not in found[0]
    assert found[1]["uploads"][0]["image_id"] == "an-id"


def test_the_verdict_and_what_each_cloud_has_are_all_of_it_where_that_is_asked_for() -> None:
    told = replace(made.bad(), upload_plans=(PLAN,), uploads=(DONE,))
    verdict, end = story_text(told, detail="verdict").split("\n\n")
    assert verdict.startswith("FAIL  debian.raw: 1 of ")
    assert end.startswith("done    one  debian  an-id")
    planned = story_text(replace(made.good(), upload_plans=(PLAN,)), detail="verdict")
    assert "Glance is asked" in planned
