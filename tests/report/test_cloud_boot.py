"""What a server in a cloud showed, in text and in JSON."""

import json
from dataclasses import replace

from support.stories import HOSTILE

from imgtool.model.boot import CloudInitRun, Diagnosis, StageTime
from imgtool.model.cloud_boot import CloudBoot
from imgtool.model.facts import Known, Unknown
from imgtool.report.as_json import cloud_boot as in_json
from imgtool.report.as_json import to_text
from imgtool.report.as_text import cloud_boot as in_text

GOOD = CloudBoot(
    cloud="prod",
    image_id="4dd7dce6-2820-407a-b01c-4a6956d8a99a",
    image_name="golden",
    server_id="991151c6-28c1-4c03-a59e-75df37d088b4",
    flavor="m1.micro",
    status="ACTIVE",
    seconds=142.0,
    active_seconds=12.0,
    stages=(StageTime("kernel", 21.0), StageTime("user-space", 56.0)),
    cloud_init=Known(CloudInitRun(done=True, datasource="DataSourceOpenStackLocal"), "console"),
    agent=Known(value=True, evidence="it set a password"),
)
STOPPED = replace(
    GOOD,
    agent=Unknown("it was not asked"),
    snapshot=Unknown("it came to none"),
    root_grown=Unknown("cloud-init did not tell"),
    diagnosis=Diagnosis("initramfs", "no root file system", ("ALERT!",), "add virtio"),
    log=("Gave up waiting", "(initramfs)"),
    problem="no root file system",
)


def test_a_good_one_says_what_was_seen_and_ends_with_its_verdict() -> None:
    lines = in_text.document(GOOD).splitlines()
    assert lines[0] == "server in prod"
    assert lines[-1] == "PASS  golden comes up in prod"
    text = "\n".join(lines)
    for seen in (
        "ACTIVE after 12 s; deleted",
        "kernel 21 s, user-space 56 s",
        "finished, DataSource",
        "answered",
    ):
        assert seen in text


def test_one_that_stopped_says_where_and_what_to_do() -> None:
    text = in_text.document(STOPPED)
    assert "    (initramfs)" in text
    assert text.endswith("FAIL  no root file system\n      add virtio")


def test_json_has_the_promised_keys_and_why_something_is_unknown() -> None:
    found = json.loads(to_text(in_json.document(STOPPED)))
    assert set(found) == {
        "schema_version", "cloud", "image_id", "name", "passed", "problem", "server_id", "flavor", "status",
        "hypervisor", "seconds", "active_seconds", "stages", "login", "cloud_init", "agent_answered",
        "root_grown", "snapshot", "diagnosis", "log", "unknown",
    }  # fmt: skip
    assert (found["passed"], found["agent_answered"]) == (False, None)
    assert found["unknown"] == {
        "agent_answered": "it was not asked",
        "snapshot": "it came to none",
        "root_grown": "cloud-init did not tell",
    }
    assert found["diagnosis"]["stage"] == "initramfs"


def test_what_a_cloud_says_cannot_play_tricks() -> None:
    hostile = replace(STOPPED, status=HOSTILE, problem=HOSTILE, image_name=HOSTILE, log=(HOSTILE,))
    assert "\x1b" not in in_text.document(hostile) + to_text(in_json.document(hostile))
