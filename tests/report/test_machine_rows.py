"""The lines about a guest's boot and about what is left in it."""

from typing import Any

import pytest
from support import facts
from support.facts import UNREADABLE, known

from imgtool.model.inspection import Inspection
from imgtool.model.layout import Firmware
from imgtool.report.as_text.facts import inspection as inspection_text


def line(key: str, inspection: Inspection) -> str:
    rows = inspection_text(inspection, ()).splitlines()
    return next(row.strip().removeprefix(key).strip() for row in rows if row.strip().startswith(key))


def of(key: str, **changed: Any) -> str:
    return line(key, facts.inspection(facts.linux(**changed)))


def test_a_healthy_guest() -> None:
    healthy = facts.inspection()
    assert line("command line", healthy) == "root=UUID=0000-1111 ro console=ttyS0"
    assert line("devices named", healthy) == "UUID=0000-1111"
    assert line("root grows", healthy) == "at the first boot"
    for key in ("left by cloud-init", "pinned MAC addresses", "secrets"):
        assert line(key, healthy) == "none"
    assert line("firmware", healthy) == "UEFI (EFI/BOOT/BOOTX64.EFI)"
    text = inspection_text(healthy, ())
    assert "LVM devices file" not in text
    assert "in use" not in text


@pytest.mark.parametrize(
    ("changed", "remark"),
    [
        ({"resolves": False}, " (not on this disk)"),
        ({"resolves": None}, " (may not be on this disk)"),
        ({"stable": False}, " (not a stable name)"),
        ({"resolves": False, "stable": False, "required": False}, ""),
    ],
)
def test_devices_with_what_is_wrong_with_them(changed: dict[str, Any], remark: str) -> None:
    reference = facts.reference(device="/dev/x/y", **changed)
    assert of("devices named", device_references=known((reference,))) == f"/dev/x/y{remark}"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"root_is_last": known(False, "partition 3 is behind")}, "no: partition 3 is behind"),
        ({"can_grow": known(False, "no growpart")}, "no: no growpart"),
        ({"can_grow": UNREADABLE}, f"unknown ({UNREADABLE.reason})"),
        ({"root_on_lvm": True}, "not by itself: it is on LVM"),
    ],
)
def test_whether_the_root_grows(changed: dict[str, Any], words: str) -> None:
    assert of("root grows", **changed) == words


def test_what_is_left_in_it() -> None:
    assert of("pinned MAC addresses", pinned_macs=known(("/a", "/b"))) == "/a, /b"
    assert of("secrets", secrets=known(("/root/.bash_history: shell history",))).endswith("shell history")
    assert "another machine" in of("LVM devices file", lvm_devices_file=known(True))
    assert UNREADABLE.reason in of("LVM devices file", lvm_devices_file=UNREADABLE)
    assert line("left by cloud-init", facts.with_cloud_init(leftovers=known(("/x",)))) == "/x"


def test_a_disk_without_a_fallback_loader_and_in_use() -> None:
    firmware = known(Firmware(bios=True, uefi=True))
    assert (
        line("firmware", facts.inspection(guest=facts.guest(firmware=firmware)))
        == "BIOS and UEFI (no fallback loader)"
    )
    assert "in use when copied (needs_recovery)" in inspection_text(
        facts.with_clean(known(False, "needs_recovery")), ()
    )
