"""Each fixture, raw and as every kind of qcow2: the same facts, whatever the disk is kept in."""

import subprocess
from pathlib import Path

import pytest
from support.fixtures import checksums, fixture_path

from imgtool.checks.registry import judge
from imgtool.disk.open_source import incoming
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Outcome
from imgtool.pipeline.inspect import inspect_image
from imgtool.util.progress import NullProgress

WINDOWS = ("windows-2022", "windows-2019")
NAMES = [
    name
    for name in (one.removesuffix(".raw.zst") for one in checksums())
    if name in WINDOWS or not name.startswith("windows-")
]
"""Without the Windows guests that have a fault, which test_windows.py looks at."""
SYSTEMS = [name for name in NAMES if name != "data-disk"]
NOT_BOOTABLE = {"boot-firmware", "root-grows"}
FAULTS = {
    "ext4-gpt": {"root-grows"},
    "xfs-gpt": {"root-grows"},
    "btrfs-subvolumes": {"root-grows"},
    "mbr-logical": {"root-grows"},
    **dict.fromkeys(("xfs-v4", "bare-ext4", "bare-ext3"), NOT_BOOTABLE),
}
"""What is true of the small guests: they have no growpart, and some of them no boot loader."""
KINDS = {
    "plain": [],
    "zlib": ["-c"],
    "zstd": ["-c", "-o", "compression_type=zstd"],
    "version 2": ["-o", "compat=0.10"],
    "4 KiB clusters": ["-o", "cluster_size=4k"],
}


def look(path: Path) -> Inspection:
    with incoming(path, None, NullProgress(), may_stream=False) as image:
        return inspect_image(image, NullProgress())


@pytest.fixture(scope="module")
def raw_facts() -> dict[str, GuestFacts]:
    return {name: look(fixture_path(name)).guest for name in NAMES}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_qcow2_tells_what_its_raw_tells(
    name: str, kind: str, raw_facts: dict[str, GuestFacts], tmp_path: Path
) -> None:
    target = tmp_path / "disk.qcow2"
    convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", *KINDS[kind], fixture_path(name), target]
    subprocess.run(convert, check=True)
    assert look(target).guest == raw_facts[name]


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_healthy_system_passes_every_check_that_its_layout_lets_it(name: str) -> None:
    found = {one.check: one for one in judge(look(fixture_path(name))).findings}
    bad = {check: one for check, one in found.items() if one.outcome not in {Outcome.PASS, Outcome.SKIPPED}}
    assert set(bad) == FAULTS.get(name, set()), bad


def test_a_data_disk_is_unknown_and_no_pass() -> None:
    inspection = look(fixture_path("data-disk"))
    assert inspection.guest.status == "unknown"
    assert inspection.guest.reason
    assert not judge(inspection).passed
