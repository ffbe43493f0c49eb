"""What `imgtool check` says of an image without starting it, against what becomes of it when it is started.

Good images pass and come up. Spoiled ones fail by what was spoiled, and stop for that cause. Each row is one
boot under QEMU, of a throwaway copy.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import spoilt_copies as spoilt
from support.cli import imgtool

PATIENCE_SECONDS = 1200
"""On an idle machine a good image takes 15 to 40 seconds; tests have neighbours."""
TIMEOUT = str(PATIENCE_SECONDS)


@dataclass(frozen=True)
class Good:
    """An image that comes up."""

    fixture: str
    bus: str
    firmware: str
    """By which `auto` starts it."""
    form: str = "raw"

    def __str__(self) -> str:
        return f"{self.fixture}-{self.firmware}-{self.bus}-{self.form}"


GOOD = [  # test_boot.py starts one by BIOS on virtio-blk
    Good("debian_image", "virtio-blk", "uefi"),
    Good("debian_trixie", "virtio-scsi", "uefi", "qcow2"),
    Good("debian_btrfs", "virtio-scsi", "uefi"),
    Good("debian_lvm", "virtio-blk", "uefi", "qcow2"),
    Good("debian_bios", "virtio-scsi", "bios", "qcow2"),
]


def in_form(image: Path, form: str, folder: Path) -> Path:
    """The image itself, or the same disk as a qcow2."""
    if form == "raw":
        return image
    target = folder / "image.qcow2"
    assert imgtool("convert", image, target).returncode == 0
    return target


@pytest.mark.parametrize("row", GOOD, ids=str)
def test_what_passes_comes_up(row: Good, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    image = in_form(request.getfixturevalue(row.fixture), row.form, tmp_path)
    options = ("--boot", "--bus", row.bus, "--boot-timeout", TIMEOUT, "--output", "json")
    run = imgtool("check", image, *options, timeout=2 * PATIENCE_SECONDS)
    (result,) = json.loads(run.stdout)["results"]
    (boot,) = result["boots"]
    assert boot["answered"], boot["diagnosis"]
    assert (boot["bus"], boot["firmware"]) == (row.bus, row.firmware)
    assert [one["stage"] for one in boot["stages"]] == [
        "firmware", "boot-loader", "kernel", "initramfs", "user-space", "agent",
    ]  # fmt: skip
    not_passed = {one["check"] for one in result["findings"] if one["outcome"] not in {"pass", "skipped"}}
    assert not_passed == set()
    passed = {one["check"] for one in result["findings"] if one["outcome"] == "pass"}
    assert passed >= {f"boots-on-{row.bus}", "agent-answers", "cloud-init-runs", "boot-agrees"}
    assert run.returncode == 0


@dataclass(frozen=True)
class Spoiled:
    """An image that does not."""

    name: str
    check: str
    """Which fails without a boot."""
    stage: str
    cause: str
    fixture: str = "debian_image"
    spoil: spoilt.Spoil | None = None

    def __str__(self) -> str:
        return self.name


SPOILED = [
    Spoiled(
        "no fallback loader", "uefi-fallback", "firmware", "no loader", spoil=spoilt.vendor_s_loader_only
    ),
    Spoiled("no kernel", "virtio-kernel", "boot-loader", "finds no kernel", spoil=spoilt.without_kernel),
    Spoiled("wrong root", "root-resolves", "initramfs", "is not on it", spoil=spoilt.name_another_root),
    Spoiled(
        "no virtio", "virtio-initramfs", "initramfs", "no disk at all", "debian_initramfs_without_virtio"
    ),
    Spoiled(
        "corrupt initramfs", "initramfs-intact", "initramfs", "cannot unpack", "debian_initramfs_truncated"
    ),
    Spoiled("agent masked", "guest-agent-enabled", "agent", "does not answer", "debian_agent_masked"),
    Spoiled("no agent", "guest-agent-installed", "agent", "does not answer", "debian_no_agent"),
]


@pytest.fixture
def spoiled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Spoiled, Path]]:
    """The row, and its image: a copy where it is spoilt only now, gone after the test."""
    row: Spoiled = request.param
    image: Path = request.getfixturevalue(row.fixture)
    if row.spoil is None:
        yield row, image
        return
    copy = tmp_path / "image.raw"
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)
    copy.chmod(0o644)
    row.spoil(copy)
    yield row, copy
    copy.unlink()


@pytest.mark.parametrize("spoiled", SPOILED, ids=str, indirect=True)
def test_what_fails_stops_where_the_check_says(spoiled: tuple[Spoiled, Path]) -> None:
    row, image = spoiled
    checked = imgtool("check", image, "--boot", "--output", "json")
    (result,) = json.loads(checked.stdout)["results"]
    failed = {one["check"] for one in result["findings"] if one["outcome"] == "fail"}
    assert row.check in failed
    assert checked.returncode == 1
    assert "boots" not in result, "what fails already is not started"

    options = ("--timeout", TIMEOUT, "--output", "json")
    booted = imgtool("boot", image, *options, timeout=2 * PATIENCE_SECONDS)
    document = json.loads(booted.stdout)
    assert booted.returncode == 1, document
    (boot,) = document["boots"]
    assert not boot["answered"]
    found: dict[str, Any] = boot["diagnosis"]
    assert (found["stage"], row.cause in found["cause"]) == (row.stage, True), found
    assert found["evidence"]
    assert found["remedy"]
    assert boot["seconds"] < PATIENCE_SECONDS, "its end shows before its time is over"
    comes_up = row.stage == "agent"
    outcomes = {one["check"]: one["outcome"] for one in document["findings"]}
    assert outcomes["boots-on-virtio-blk"] == ("pass" if comes_up else "fail")
    assert outcomes["agent-answers"] == "fail"
