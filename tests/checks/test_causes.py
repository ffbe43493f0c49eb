"""What is unknown for one cause is said once, by the finding that weighs most."""

from dataclasses import replace

import pytest

from imgtool.checks.causes import told_once
from imgtool.checks.check import CANNOT
from imgtool.model.guest import Family, GuestFacts
from imgtool.model.verdict import Finding, Outcome, Severity

GUEST = GuestFacts("unknown", "no disk")


def unknown(name: str, cause: str = "no disk", severity: Severity = Severity.ERROR) -> Finding:
    return Finding(name, Outcome.UNKNOWN, severity, f"{CANNOT}{cause}", "", "look")


def told(*findings: Finding) -> dict[str, str]:
    return {one.check: one.because_of or one.outcome.value for one in told_once(findings, GUEST)}


def test_one_of_equals_tells_it() -> None:
    assert told(unknown("a"), unknown("b"), unknown("c", "other")) == {
        "a": "unknown", "b": "a", "c": "unknown",
    }  # fmt: skip


def test_the_heaviest_tells_it_so_that_the_image_fails_as_before() -> None:
    light, heavy = unknown("a", severity=Severity.WARNING), unknown("b")
    assert told(light, heavy) == {"a": "b", "b": "unknown"}
    assert [one.fails_image for one in told_once([light, heavy], GUEST)] == [False, True]


def test_of_equals_the_check_that_knows_what_helps() -> None:
    assert told(unknown("a"), unknown("system-found")) == {"a": "system-found", "system-found": "unknown"}


def test_what_was_looked_for_is_no_cause_of_its_own() -> None:
    first, second = (f"/usr: UUID=x is not on this disk (looking for {name})" for name in ("lib", "bin"))
    assert told(unknown("a", first), unknown("b", second)) == {"a": "unknown", "b": "a"}


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.UNKNOWN])
def test_all_other_outcomes_stay(outcome: Outcome) -> None:
    findings = [replace(unknown(name), outcome=outcome) for name in "ab"]
    assert told_once(findings, GUEST) == tuple(findings)


def test_the_check_of_a_family_that_is_only_recognised_tells_it() -> None:
    """Its own severity lets such an image through: unless a policy has taken that check away."""
    family = Family("talos", "Talos Linux", "META", "not read", read=False)
    guest = replace(GUEST, family=family)
    own = unknown("system-family", "this is Talos", Severity.WARNING)
    found = told_once([unknown("a"), unknown("b", "other"), own], guest)
    assert [one.because_of for one in found] == ["system-family", "", ""]
    assert [one.because_of for one in told_once([unknown("a"), unknown("c")], guest)] == ["", "a"]


@pytest.mark.parametrize(
    ("failing", "skipped", "stays"),
    [
        (
            "boot-firmware",
            ("boot-loader", "virtio-initramfs", "root-resolves"),
            ("boot-target", "machine-id"),
        ),
        (
            "boot-loader",
            ("virtio-kernel", "virtio-initramfs", "initramfs-intact"),
            ("uefi-fallback", "secrets"),
        ),
        ("boot-target", ("cloud-init-enabled", "guest-agent-enabled"), ("virtio-kernel", "machine-id")),
        ("initramfs-intact", ("virtio-initramfs",), ("virtio-kernel", "machine-id")),
        ("cloud-init-enabled", ("network-default", "root-grows"), ("cloud-init-datasource", "identity")),
    ],
)
def test_what_follows_from_a_failure_is_not_said_again(
    failing: str, skipped: tuple[str, ...], stays: tuple[str, ...]
) -> None:
    others = [replace(unknown(name, name), outcome=Outcome.FAIL) for name in (*skipped, *stays)]
    cause = replace(unknown(failing), outcome=Outcome.FAIL)
    assert told(*others, cause) == {
        failing: "fail", **dict.fromkeys(skipped, failing), **dict.fromkeys(stays, "fail"),
    }  # fmt: skip


def test_what_passes_beside_a_failure_stays_a_pass() -> None:
    passing = replace(unknown("virtio-initramfs"), outcome=Outcome.PASS)
    assert told(passing, replace(unknown("boot-loader"), outcome=Outcome.FAIL))["virtio-initramfs"] == "pass"


def test_the_first_cause_is_named_and_a_warning_is_none() -> None:
    loader, reach = (
        replace(unknown(one), outcome=Outcome.FAIL) for one in ("boot-loader", "virtio-initramfs")
    )
    firmware = replace(unknown("boot-firmware"), outcome=Outcome.FAIL)
    assert told(reach, loader, firmware)["virtio-initramfs"] == "boot-firmware"
    off = replace(loader, severity=Severity.WARNING)
    assert told(reach, off)["virtio-initramfs"] == "fail"
