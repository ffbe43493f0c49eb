"""Two inspections, or what was saved of them, and what differs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import facts
from support import stories as made

from imgtool.diff.compare import difference
from imgtool.diff.saved import MAX_BYTES, saved_snapshot
from imgtool.diff.sides import query, snapshot_of
from imgtool.diff.snapshot import Snapshot
from imgtool.errors import ImageUnreadableError
from imgtool.model.difference import KINDS, Change, Difference, KindDifference
from imgtool.model.facts import Fact, Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.inventory import Inventory
from imgtool.model.packages import InstalledPackage
from imgtool.model.result import ImageResult
from imgtool.report import as_cyclonedx, as_json, as_spdx
from imgtool.report.difference import DIFFERENCE_REPORTS

BASH = InstalledPackage("dpkg", "bash", "5.2-1", "amd64", "bash")
LIBC = InstalledPackage("dpkg", "libc6", "2.36-9", "amd64", "glibc")
LIBC_386 = replace(LIBC, architecture="i386")


def inspected(
    *packages: InstalledPackage, settings: dict[str, Fact[Any]] | None = None, **changed: Any
) -> Inspection:
    modules = facts.kernel(initramfs=facts.known(facts.initramfs(all_modules=("virtio", "ext4"))))
    system = facts.linux(**{"kernels": facts.known((modules,)), **changed})
    inspection = facts.inspection(system)
    found = {"users": facts.known({"root": "uid 0"}), **(settings or {})}
    guest = replace(inspection.guest, inventory=Inventory(facts.known(packages), found))
    return replace(inspection, guest=guest)


def snapshot(inspection: Inspection, name: str = "a.raw") -> Snapshot:
    return snapshot_of(name, inspection)


def kind(found: Difference, name: str) -> KindDifference:
    return next(one for one in found.kinds if one.kind == name)


def test_the_same_image_does_not_differ() -> None:
    one = snapshot(inspected(BASH))
    found = difference(one, one)
    assert found.is_same
    assert [one.kind for one in found.kinds] == [name for name in KINDS if name != "files"]


def test_packages_are_told_with_their_direction() -> None:
    old = snapshot(
        inspected(BASH, LIBC, replace(BASH, name="gone"), replace(BASH, name="older", version="2"))
    )
    new = snapshot(
        inspected(
            replace(BASH, version="5.10-1"),
            LIBC,
            LIBC_386,
            replace(BASH, name="older", version="2~rc1"),
            replace(BASH, name="new"),
        )
    )
    assert kind(difference(old, new), "packages").changes == (
        Change("bash", "up", "5.2-1", "5.10-1"),
        Change("gone", "removed", "5.2-1", None),
        Change("libc6", "changed", "2.36-9", "2.36-9 (amd64), 2.36-9 (i386)"),
        Change("new", "added", None, "5.2-1"),
        Change("older", "down", "2", "2~rc1"),
    )


@pytest.mark.parametrize(
    ("name", "changed", "expected"),
    [
        ("system", {"os_version": facts.known("13")}, ("changed", "os_version", "12", "13")),
        ("boot", {"command_line": facts.known("ro quiet")}, ("added", "command line: quiet", None, "")),
        ("left-behind", {"machine_id": facts.known("set")}, ("changed", "machine-id", "empty", "set")),
        ("left-behind", {"secrets": facts.known(("/x: key",))}, ("added", "secret: /x: key", None, "")),
        (
            "agent", {"agent": facts.agent(enabled=facts.known(False))},
            ("changed", "enabled", "yes", "no"),
        ),
        (
            "agent", {"agent": facts.agent(enabled=Unknown("bad block"))},
            ("changed", "enabled", "yes", "unknown: bad block"),
        ),
        (
            "cloud-init", {"cloud_init": facts.cloud_init(datasources=facts.known(("OpenStack",)))},
            ("changed", "datasources", "none", "OpenStack"),
        ),
        (
            "findings", {"ssh_host_keys": facts.known(("/etc/ssh/ssh_host_rsa_key",))},
            ("changed", "ssh-host-keys", "pass", None),
        ),
    ],
)  # fmt: skip
def test_facts_that_differ(name: str, changed: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    found = difference(snapshot(inspected()), snapshot(inspected(**changed)))
    told = [(one.how, one.name, one.old, one.new) for one in kind(found, name).changes]
    matching = [one for one in told if one[:2] == expected[:2]]
    assert len(matching) == 1, told
    assert matching[0][2] == expected[2]
    assert expected[3] is None or matching[0][3] == expected[3]


def test_modules_of_the_initramfs_and_kernels() -> None:
    fewer = facts.kernel(version="6.2", initramfs=facts.known(facts.initramfs(all_modules=("virtio",))))
    found = difference(snapshot(inspected()), snapshot(inspected(kernels=facts.known((fewer,)))))
    assert kind(found, "initramfs-modules").changes == (Change("ext4", "removed", "", None),)
    assert [(one.how, one.name) for one in kind(found, "kernels").changes] == [
        ("removed", facts.VERSION),
        ("added", "6.2"),
    ]


def test_what_cannot_be_read_is_unknown_and_not_the_same() -> None:
    damaged = snapshot(inspected(settings={"users": Unknown("bad block")}), "b.raw")
    found = difference(snapshot(inspected()), damaged)
    assert kind(found, "users") == KindDifference("users", unknown="b.raw: bad block")
    assert not found.is_same


def saved(text: str, folder: Path) -> Snapshot:
    path = folder / "saved.json"
    path.write_text(text)
    found = saved_snapshot(path)
    assert found is not None
    return found


@pytest.mark.parametrize("report", [as_cyclonedx.report, as_spdx.report], ids=["cyclonedx", "spdx"])
def test_a_bill_stands_for_the_image_as_far_as_it_goes(report: Callable[..., str], tmp_path: Path) -> None:
    agent = InstalledPackage("rpm", "qemu-guest-agent", "17:8.2.0-11.el9", "x86_64")
    old = saved(report([ImageResult(inspection=inspected(BASH, LIBC, LIBC_386, agent))]), tmp_path)
    found = difference(old, snapshot(inspected(replace(BASH, version="6-1"), LIBC, LIBC_386, agent)))
    assert kind(found, "packages").changes == (Change("bash", "up", "5.2-1", "6-1"),)
    assert "a bill of materials does not tell it" in kind(found, "users").absent
    same = difference(old, snapshot(inspected(BASH, LIBC, LIBC_386, agent)))
    assert same.is_same


def test_an_inspection_that_was_saved_stands_for_the_image(tmp_path: Path) -> None:
    image = inspected(BASH)
    with_inventory = saved(as_json.to_text(as_json.inspection(image, ())), tmp_path)
    found = difference(with_inventory, snapshot(inspected(LIBC)))
    assert [one.name for one in kind(found, "packages").changes] == ["bash", "libc6"]
    assert "no findings" in kind(found, "findings").absent
    without = saved(as_json.to_text(as_json.inspection(facts.inspection(), ())), tmp_path)
    assert "--inventory" in kind(difference(without, snapshot(image)), "packages").absent
    assert kind(difference(without, snapshot(image)), "kernels").is_same


def test_what_nobody_asked_for_is_absent_and_not_unknown(tmp_path: Path) -> None:
    image = inspected()
    only_files = Inventory(settings={"files": facts.known({"/etc/x": "file"})})
    image = replace(image, guest=replace(image.guest, inventory=only_files))
    found = difference(saved(as_json.to_text(as_json.inspection(image, ())), tmp_path), snapshot(inspected()))
    assert "it was not asked for" in kind(found, "packages").absent
    assert "it was not asked for" in kind(found, "users").absent


@pytest.mark.parametrize(
    "text",
    [
        "{}", '{"x": 1}', "{broken", '{"guest": null, "image": {}}', '{"spdxVersion": 1, "packages": [3]}',
        '{"bomFormat": "CycloneDX", "components": [{"purl": "nonsense", "name": "x"}]}', "{" * 100_000,
        '{"guest": {}, "image": {}}', '{"guest": [], "image": []}',
    ],
)  # fmt: skip
def test_another_document_is_refused_in_words(text: str, tmp_path: Path) -> None:
    with pytest.raises(ImageUnreadableError, match="no inspection and no bill"):
        saved(text, tmp_path)


def test_what_is_no_document_is_left_to_the_gate(tmp_path: Path) -> None:
    for content in (b"", b"QFI\xfb", bytes(100)):
        (tmp_path / "image").write_bytes(content)
        assert saved_snapshot(tmp_path / "image") is None
    assert saved_snapshot(tmp_path / "nothing") is None
    assert saved_snapshot(tmp_path) is None
    with (tmp_path / "large").open("wb") as file:
        file.write(b"{")
        file.truncate(MAX_BYTES + 1)
    assert saved_snapshot(tmp_path / "large") is None


def test_the_question_has_all_that_is_compared() -> None:
    asked = query(trees=("/etc",))
    assert (asked.packages, asked.settings, asked.privileged, asked.trees) == (True, True, True, ("/etc",))


def hostile() -> Difference:
    old = snapshot(inspected(replace(BASH, name=made.HOSTILE), settings={"users": facts.known({})}))
    new = snapshot(inspected(replace(BASH, version=made.HOSTILE)), "odd\udcff\n<b>|`x`.raw")
    return difference(old, new)


@pytest.mark.parametrize("form", DIFFERENCE_REPORTS)
def test_each_form_tells_all_and_does_no_harm(form: str) -> None:
    text = DIFFERENCE_REPORTS[form](hostile())
    text.encode()
    assert not set("\x1b\x07\u202e") & set(text)
    assert "packages" in text
    assert "users" in text
    assert text.endswith("\n")
    if form == "html":
        assert "<script>" not in text
    if form == "json":
        assert json.loads(text)["same"] is False


def test_a_person_sees_a_line_for_each() -> None:
    old, new = inspected(BASH), inspected(replace(BASH, version="6-1"), LIBC)
    found = difference(snapshot(old, "old.raw"), snapshot(new, "new.raw"))
    text = DIFFERENCE_REPORTS["text"](found)
    assert "packages\n  up       bash: 5.2-1 -> 6-1\n  added    libc6: 2.36-9\n" in text
    assert text.endswith("\n2 differences\n")
    markdown = DIFFERENCE_REPORTS["markdown"](found)
    assert "| up | `bash` | `5.2-1` | `6-1` |" in markdown
