import re
from dataclasses import replace

import pytest
from support import facts
from support.facts import UNREADABLE, known

from imgtool.checks import registry
from imgtool.errors import ImageUnreadableError
from imgtool.glance.properties import derive
from imgtool.model.delivery import Property
from imgtool.model.facts import Unknown
from imgtool.model.guest import Family, GuestFacts
from imgtool.report.as_text.facts import inspection as inspection_text
from imgtool.report.as_text.layout import plain, properties
from imgtool.report.as_text.verdict import judgement as judgement_text
from imgtool.report.as_text.verdict import totals


def painted(text: str, role: str) -> str:
    return f"<{role}>{text}</{role}>"


def test_findings_stand_worst_first_with_evidence_and_remedy_under_them() -> None:
    system = facts.linux(
        machine_id=known("set", "/etc/machine-id: 32 digits"), agent=facts.agent(enabled=UNREADABLE)
    )
    lines = judgement_text(registry.judge(facts.inspection(system))).splitlines()
    assert lines[1].split()[:2] == ["FAIL", "machine-id"]
    assert lines[2].strip() == "seen  /etc/machine-id: 32 digits"
    assert lines[3].strip().startswith("fix   empty it: `truncate --size 0 /etc/machine-id")
    assert lines[4].split()[:2] == ["UNKNOWN", "guest-agent-enabled"]
    assert re.fullmatch(r"FAIL  debian.raw: 1 of \d+ checks failed, 1 could not decide", lines[-1])


UNREAD = GuestFacts("unknown", "the disk is encrypted (LUKS)")
TALOS = Family("talos", "Talos Linux", "labels META", "its system is not read", read=False)


def test_what_is_unknown_for_one_cause_is_one_line_with_the_names_of_the_others() -> None:
    lines = judgement_text(registry.judge(facts.inspection(guest=UNREAD))).splitlines()
    told = [line for line in lines if "the disk is encrypted" in line]
    assert len(told) == 1
    assert told[0].split()[:2] == ["UNKNOWN", "system-found"]
    (others,) = (line for line in lines if line.strip().startswith("so ") and "machine-id" in line)
    assert "guest-agent-enabled" in others
    assert not any(line.split()[:1] == ["skipped"] and "machine-id" in line for line in lines)


def test_an_unknown_that_does_not_fail_the_image_is_written_small() -> None:
    lines = judgement_text(registry.judge(facts.with_initramfs(host_only=None))).splitlines()
    assert lines[1].split()[:2] == ["unknown", "initramfs-generic"]
    assert lines[-1].startswith("PASS")


def test_an_inspection_names_the_family() -> None:
    found = facts.inspection(guest=replace(UNREAD, family=TALOS))
    text = inspection_text(found, ())
    assert "Talos Linux: its system is not read" in text
    assert "unknown: the disk is encrypted" not in text


def test_an_inspection_of_a_disk_with_data_alone() -> None:
    found = facts.inspection(guest=replace(UNREAD, data_only=True))
    assert "none: only data is on it" in inspection_text(found, ())


def test_a_good_image_passes_in_green() -> None:
    text = judgement_text(registry.judge(facts.inspection()), painted)
    assert text.splitlines()[-1].startswith("<good>PASS</good>")
    assert "<bad>" not in text


@pytest.mark.parametrize(
    ("policy", "ends"),
    [("openstack", "checks passed"), ("strict", " (policy strict)"), ("a\x1b.yaml", r"x1b.yaml)")],
)
def test_the_verdict_names_its_policy_where_it_is_not_the_default(policy: str, ends: str) -> None:
    found = replace(registry.judge(facts.inspection()), policy=policy)
    last = judgement_text(found).splitlines()[-1]
    assert last.endswith(ends)
    assert "\x1b" not in last


def test_messages_are_aligned() -> None:
    lines = judgement_text(registry.judge(facts.inspection())).splitlines()[1:-2]
    names = [line[11:33] for line in lines]
    assert all(name.startswith(line.split()[1]) for name, line in zip(names, lines, strict=True))
    assert {line[33] for line in lines} == {" "}


def test_an_inspection_shows_system_kernel_agent_and_properties() -> None:
    inspection = facts.inspection()
    text = inspection_text(inspection, derive(inspection, {}))
    for words in (
        "debian 12 x86_64",
        facts.VERSION,
        "initramfs-tools, generic, zstd",
        "hw_disk_bus=virtio",
        "UEFI",
    ):
        assert words in text


def test_an_inspection_shows_why_something_is_unknown() -> None:
    text = inspection_text(facts.with_kernel(initramfs=UNREADABLE), ())
    assert f"unknown ({UNREADABLE.reason})" in text


def test_a_windows_guest_shows_its_drivers_a_line_each() -> None:
    drivers = facts.windows_drivers(netkvm={"start": None}, VirtioSerial={"file": None, "device_ids": ()})
    text = inspection_text(facts.windows_inspection(drivers=drivers), ())
    for words in (
        "Windows Server 2022 Standard 10.0.20348 x86_64",
        "viostor, starts at boot, /Windows/System32/drivers/viostor.sys, for 1042",
        "netkvm, waits in the driver store",
        "VirtioSerial, starts on demand, its file is missing",
        "Cloudbase-Init",
    ):
        assert words in text
    assert "hibernated" not in text


def test_a_hibernated_windows_says_so() -> None:
    assert "hibernated" in inspection_text(facts.windows_inspection(hibernated=known(True)), ())
    assert UNREADABLE.reason in inspection_text(facts.windows_inspection(hibernated=UNREADABLE), ())


def test_an_inspection_shows_whether_the_file_is_consistent_and_who_says_so() -> None:
    leaking = facts.inspection(consistent=known(True, "qemu-img check: 3 leaked clusters"))
    assert "yes (qemu-img check: 3 leaked clusters)" in inspection_text(leaking, ())
    corrupt = facts.inspection(consistent=known(False, "qemu-img check: 3 corruptions"))
    assert "no (qemu-img check: 3 corruptions)" in inspection_text(corrupt, ())
    assert "qemu-img is not installed" in inspection_text(
        facts.inspection(consistent=Unknown("qemu-img is not installed")), ()
    )


def test_an_inspection_shows_the_versions_of_the_packages() -> None:
    text = inspection_text(facts.inspection(), ())
    assert "installed, 1:7.2+dfsg-7+deb12u18, enabled" in text
    assert "installed, 22.4.2-1+deb12u3, enabled" in text
    by_hand = facts.with_cloud_init(version=known(None, "no package cloud-init is installed"))
    assert "installed, version not recorded, enabled" in inspection_text(by_hand, ())


def test_a_long_property_pushes_only_its_own_reason_aside() -> None:
    items = (Property("a", "b", "one"), Property("hash", "f" * 200, "two"), Property("long", "cde", "three"))
    assert properties(items, plain)[1:] == [
        "  a=b       one",
        f"  hash={'f' * 200}  two",
        "  long=cde  three",
    ]


def test_what_needs_attention_is_shown_and_the_verdict_last() -> None:
    found = registry.judge(facts.inspection(facts.linux(machine_id=known("set", "/etc/machine-id"))))
    lines = judgement_text(found, detail="attention", name="a b.raw").splitlines()
    assert lines[0] == found.image
    assert lines[1].split()[:2] == ["FAIL", "machine-id"]
    assert lines[-1].startswith("FAIL  a b.raw: 1 of ")
    assert not any(line.split()[:1] in (["pass"], ["skipped"]) for line in lines)
    assert judgement_text(found, detail="verdict", name="a b.raw") == lines[-1]


def test_a_good_image_is_one_line() -> None:
    text = judgement_text(registry.judge(facts.inspection()), detail="attention")
    assert re.fullmatch(r"PASS  debian.raw: \d+ checks passed", text)


def test_an_image_without_a_system_is_one_line_and_a_command_that_can_be_pasted() -> None:
    found = registry.judge(facts.inspection(guest=replace(UNREAD, data_only=True)))
    verdict, remedy = judgement_text(found, detail="attention", name="my disk.raw").splitlines()
    assert verdict == (
        "FAIL  my disk.raw: cannot be judged: the disk is encrypted (LUKS) (only data is on it)"
    )
    assert remedy.endswith("`imgtool check 'my disk.raw' --policy data`")
    assert judgement_text(found, detail="verdict", name="my disk.raw") == verdict


def test_a_refused_image_is_one_line() -> None:
    found = registry.refused(
        "cut.qcow2", ImageUnreadableError("cut.qcow2: it is cut off", hint="copy it again")
    )
    lines = judgement_text(found, detail="attention").splitlines()
    assert lines == ["FAIL  cut.qcow2: it is cut off", "      fix  copy it again"]


def test_what_is_known_is_shown_without_its_remedy() -> None:
    found = registry.judge(facts.inspection(facts.linux(machine_id=known("set", "/etc/machine-id"))))
    findings = tuple(replace(one, known=one.check == "machine-id") for one in found.findings)
    lines = judgement_text(replace(found, findings=findings), detail="attention").splitlines()
    assert [line.split()[:2] for line in lines[1:-1]] == [["known", "machine-id"]]


def test_totals() -> None:
    assert totals([True, True, False]) == "3 images: 2 pass, 1 fail"
    assert totals([True, True]) == "2 images: 2 pass"
