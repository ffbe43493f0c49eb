"""`imgtool boot` as text and as JSON."""

import json

from support import facts
from support.boots import KERNEL_DIFFERS, boot, stopped
from support.facts import known

from imgtool.model.boot import AgentFacts, GuestFilesystem, GuestInterface
from imgtool.model.verdict import Finding, Judgement, Outcome, Severity
from imgtool.report.as_json import boot as as_json
from imgtool.report.as_json import to_text
from imgtool.report.as_text import boot as as_text

ANSWERS = Finding("agent-answers", Outcome.PASS, Severity.ERROR, "qemu-guest-agent answers")
FOUND = Judgement("/images/debian.raw", (ANSWERS,))
AGENT = AgentFacts(
    version=known("7.2.22"),
    disabled_rpcs=known(("guest-exec",)),
    os_id=known("debian"),
    os_version=known("12"),
    kernel_release=facts.UNREADABLE,
    hostname=known("imgtool-boot"),
    interfaces=known((GuestInterface("enp3s0", "fa:16:3e:00:00:01", ("10.0.2.15/24", "fe80::1/64")),)),
    filesystems=known((GuestFilesystem("vda2", "/", "ext4", 3 << 30, 1 << 30),)),
    fsfreeze_status=known("thawed"),
)
HOSTILE = "\x1b[2J\udcff<script>"


def test_the_keys_of_the_document() -> None:
    document = as_json.document([boot(agent=AGENT), stopped()], FOUND)
    assert document.keys() == {"schema_version", "image", "boots", "findings"}
    assert (document["schema_version"], document["image"]) == (1, "/images/debian.raw")
    assert document["findings"][0]["check"] == "agent-answers"
    for one in document["boots"]:
        assert one.keys() == {
            "bus", "firmware", "accelerator", "accelerator_reason", "answered", "timed_out", "seconds",
            "stages", "agent", "cloud_init", "root_grown", "differences", "diagnosis", "doubt", "log",
            "unknown",
        }  # fmt: skip


def test_a_boot_that_went_well() -> None:
    shown = as_json.boot(boot(agent=AGENT, differences=(KERNEL_DIFFERS,)))
    assert shown["answered"] is True
    assert shown["diagnosis"] is None
    assert shown["root_grown"] is True
    assert shown["cloud_init"] == {"done": True, "datasource": "DataSourceConfigDrive"}
    assert shown["stages"][-1] == {"stage": "agent", "seconds": 13.75}
    assert shown["differences"][0].keys() == {"fact", "inspected", "booted"}
    assert shown["agent"]["disabled_rpcs"] == ["guest-exec"]
    assert shown["agent"]["interfaces"][0].keys() == {"name", "mac", "addresses"}
    assert shown["agent"]["filesystems"][0] == {
        "device": "vda2", "mountpoint": "/", "type": "ext4", "total_bytes": 3 << 30, "used_bytes": 1 << 30,
    }  # fmt: skip
    assert shown["agent"]["kernel_release"] is None
    assert shown["unknown"] == {"agent.kernel_release": facts.UNREADABLE.reason}


def test_a_boot_that_stopped() -> None:
    shown = as_json.boot(stopped())
    assert (shown["answered"], shown["agent"], shown["cloud_init"]) == (False, None, None)
    assert shown["diagnosis"].keys() == {"stage", "cause", "evidence", "remedy"}
    assert shown["unknown"].keys() == {"cloud_init", "root_grown"}


def test_what_the_guest_says_stays_text() -> None:
    hostile = boot(agent=AgentFacts(version=known(HOSTILE)), log=(HOSTILE,), answered=False)
    text = to_text(as_json.document([hostile], FOUND))
    assert json.loads(text)["boots"][0]["log"] == ["\x1b[2J\\udcff<script>"]
    assert "\x1b" not in text
    assert "\x1b" not in as_text.document([hostile], FOUND)


def test_text_of_a_boot_that_went_well() -> None:
    lines = as_text.document([boot(agent=AGENT)], FOUND).splitlines()
    assert lines[0] == "virtio-blk, uefi, tcg  the agent answered after 13.8 s"
    text = "\n".join(lines)
    for words in (
        "firmware 0.4 s, boot-loader 1.6 s",
        "7.2.22",
        "guest-exec",
        "debian 12, kernel unknown",
        "enp3s0 fa:16:3e:00:00:01 10.0.2.15/24",
        "/: ext4 on vda2, 3.0 GiB",
        "finished, DataSourceConfigDrive",
    ):
        assert words in text
    assert "serial log" not in text


def test_text_of_a_boot_that_stopped_shows_the_end_of_its_log() -> None:
    log = tuple(f"line {number}" for number in range(40))
    text = as_text.document([stopped(log=log)], FOUND)
    assert "(at the stage initramfs, after 13.8 s)" in text
    assert "line 39" in text
    assert "line 0" not in text
    assert "QEMU ended after" in as_text.document([stopped(diagnosis=None)], FOUND)
