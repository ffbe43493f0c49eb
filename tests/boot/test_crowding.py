"""When a boot that stopped says nothing of its image."""

import os
from typing import Literal

import pytest
from support.boots import booted, stopped

from imgtool.boot.crowding import OVERLOADED_SHARE, crowded, doubt
from imgtool.checks.registry import judge
from imgtool.model.boot import Diagnosis
from imgtool.model.verdict import Outcome

TIMED = Diagnosis("user-space", "systemd waits in vain for a device", (), "", timed=True)
SEEN = Diagnosis("kernel", "the kernel panics", (), "")


@pytest.mark.parametrize(
    ("found", "accelerator", "load", "doubted"),
    [
        (TIMED, "tcg", 8.0, True),
        (TIMED, "tcg", 3.0, True),
        (TIMED, "tcg", 2.0, False),
        (TIMED, "kvm", 8.0, False),
        (SEEN, "tcg", 8.0, False),
        (None, "tcg", 8.0, False),
    ],
)
def test_a_time_out_by_tcg_on_a_busy_machine(
    found: Diagnosis | None,
    accelerator: Literal["kvm", "tcg"],
    load: float,
    doubted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    said = doubt(found, accelerator, cpus=2)
    assert (said is not None) is doubted
    assert said is None or f"{load:.1f} on 2 cores" in said


def test_an_overloaded_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    loads = {7.9: None, 8.0: "its load was 8.0 on 2 cores"}
    for load, said in loads.items():
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        assert crowded(0, OVERLOADED_SHARE) == said


@pytest.mark.parametrize("check", ["boots-on-virtio-blk", "agent-answers", "cloud-init-runs"])
def test_its_checks_are_unknown(check: str) -> None:
    for doubted, outcome in ((None, Outcome.FAIL), ("a time-out of the guest's", Outcome.UNKNOWN)):
        findings = judge(booted(stopped(doubt=doubted))).findings
        found = next(one for one in findings if one.check == check)
        assert found.outcome is outcome
        assert found.remedy
