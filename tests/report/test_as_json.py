"""The keys are a promise to scripts: a renamed or missing one turns this red."""

import json
from pathlib import Path

from support import facts
from support.facts import UNREADABLE
from support.stories import drawn

from imgtool.checks import registry
from imgtool.errors import UnsafeImageError
from imgtool.glance.properties import derive
from imgtool.model.facts import Unknown
from imgtool.model.guest import Family, GuestFacts
from imgtool.model.result import ImageResult
from imgtool.report import as_json


def through_json(value: as_json.Object) -> as_json.Object:
    return json.loads(as_json.to_text(value))


def inspect_json(inspection=None) -> as_json.Object:
    inspection = inspection or drawn(facts.inspection())
    return through_json(as_json.inspection(inspection, derive(inspection, {})))


def test_inspect_has_the_promised_keys() -> None:
    found = inspect_json()
    assert found["schema_version"] == 1
    assert set(found) == {"schema_version", "image", "guest", "properties"}
    assert set(found["image"]) >= {
        "path", "format", "wrapper", "container", "member", "virtual_size_bytes",
        "file_size_bytes", "allocated_bytes",
        "cluster_size_bytes", "compression_type", "snapshots", "encrypted",
    }  # fmt: skip
    assert set(found["guest"]) >= {
        "status", "reason", "os_type", "os_distro", "os_version", "architecture", "firmware",
        "filesystems", "kernels", "qemu_guest_agent", "cloud_init",
    }  # fmt: skip
    assert set(found["guest"]["partitions"][0]) == {"number", "type", "label", "start_bytes", "size_bytes"}
    assert set(found["guest"]["firmware"]) >= {"bios", "uefi"}
    assert set(found["guest"]["filesystems"][0]) >= {"device", "type", "label", "uuid", "mount_point"}
    assert set(found["guest"]["qemu_guest_agent"]) == {
        "installed", "version", "enabled", "enabled_by", "channel", "filtered_rpcs",
        "failing_rpcs",
    }  # fmt: skip
    assert set(found["guest"]["cloud_init"]) >= {"installed", "enabled", "datasources"}
    kernel = found["guest"]["kernels"][0]
    assert set(kernel) >= {"version", "default", "modules", "initramfs"}
    assert set(kernel["initramfs"]) >= {"path", "compression", "generator", "host_only", "modules"}
    assert kernel["modules"]["virtio_blk"] == "module"
    assert found["properties"]["hw_disk_bus"] == "virtio"


def test_a_guest_that_cannot_be_read_keeps_the_keys() -> None:
    unreadable = GuestFacts(status="unknown", reason="encrypted", firmware=Unknown("encrypted"))
    known, unknown = inspect_json(), inspect_json(facts.inspection(guest=unreadable))
    assert set(known["guest"]) == set(unknown["guest"])
    assert unknown["guest"]["reason"] == "encrypted"
    assert unknown["guest"]["unknown"] == {"firmware": "encrypted"}


def test_the_family_of_a_guest() -> None:
    guest = inspect_json()["guest"]
    assert (guest["family"], guest["data_only"]) == (None, False)
    family = Family("talos", "Talos Linux", "labels META", "not read", read=False, first_boot="its own")
    shown = inspect_json(facts.inspection(guest=facts.guest(family=family)))["guest"]["family"]
    assert shown == {
        "name": "talos", "title": "Talos Linux", "read": False, "note": "not read", "first_boot": "its own",
        "evidence": "labels META",
    }  # fmt: skip


def test_an_unknown_fact_is_null_with_its_reason() -> None:
    guest = inspect_json(facts.with_agent(enabled=UNREADABLE))["guest"]
    assert guest["qemu_guest_agent"]["enabled"] is None
    assert guest["unknown"] == {"qemu_guest_agent.enabled": UNREADABLE.reason}
    assert guest["evidence"]["qemu_guest_agent.installed"] == "/usr/sbin/qemu-ga"


def test_check_has_the_promised_keys() -> None:
    found = through_json(as_json.results([ImageResult(registry.judge(facts.inspection()))]))
    assert set(found) == {"schema_version", "results"}
    assert set(found["results"][0]) == {"image", "outcome", "policy", "findings"}
    assert found["results"][0]["outcome"] == "pass"
    finding = found["results"][0]["findings"][0]
    assert set(finding) == {
        "check", "outcome", "severity", "message", "evidence", "remedy", "because_of", "known",
    }  # fmt: skip


def test_an_error_is_an_object() -> None:
    found = through_json(as_json.error(UnsafeImageError("has a backing file", hint="flatten it")))
    assert found == {"error": {"code": "image-unsafe", "message": "has a backing file", "hint": "flatten it"}}


def test_a_name_that_is_not_utf8_is_still_json() -> None:
    text = as_json.to_text(as_json.image(facts.image(path=Path("/odd\udcff.raw"))))
    assert text.isascii()
    assert json.loads(text)["path"] == "/odd\\udcff.raw"
