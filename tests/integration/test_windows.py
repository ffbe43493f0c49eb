"""The Windows fixtures: good ones pass, and each of the others fails the one check that it was made for."""

import random
import subprocess
import sys
import time
from functools import cache

import pytest
from support.cli import imgtool
from support.damage import damaged, random_changes, used_sectors
from support.fixtures import fixture_path

from imgtool.checks.registry import judge
from imgtool.disk.open_source import incoming
from imgtool.glance.properties import derive
from imgtool.guest.inspect import inspect_disk
from imgtool.model.facts import GuestQuery, Known
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Outcome
from imgtool.model.windows import WindowsFacts
from imgtool.pipeline.inspect import inspect_image
from imgtool.util.progress import NullProgress

FAILING = {
    "windows-2022": set(),
    "windows-2019": set(),
    "windows-demand-start": {"virtio-windows"},
    "windows-start-override": {"virtio-windows"},
    "windows-no-driver-file": {"virtio-windows"},
    "windows-no-netkvm": {"virtio-windows"},
    "windows-agent-disabled": {"guest-agent-enabled"},
    "windows-hibernated": {"filesystem-clean"},
    "windows-dirty": {"filesystem-clean"},
}
MESSAGES = {
    "windows-demand-start": "viostor does not start at boot (Start=3)",
    "windows-start-override": "viostor does not start at boot (Start=3)",
    "windows-no-driver-file": "viostor has no .sys file",
    "windows-no-netkvm": "netkvm is not installed",
}
GOOD = ("windows-2022", "windows-2019")
MAX_SECONDS = 20


LOOKED_FOR = (
    "/windows/SYSTEM32/[dD]rivers/NETKVM.*",
    "/windows/system32/DRIVERS/nowhere.sys",
    "/*/*/config",
)


@cache
def look(name: str) -> Inspection:
    with incoming(fixture_path(name), None, NullProgress(), may_stream=False) as image:
        return inspect_image(image, NullProgress())


def windows(name: str) -> WindowsFacts:
    found = look(name).guest.windows
    assert found is not None, look(name).guest.reason
    return found


@pytest.mark.parametrize("name", FAILING)
def test_it_fails_what_it_was_made_for_and_nothing_else(name: str) -> None:
    findings = judge(look(name)).findings
    bad = {one.check for one in findings if one.outcome not in {Outcome.PASS, Outcome.SKIPPED}}
    assert bad == FAILING[name]
    assert all(one.evidence and one.remedy for one in findings if one.check in bad)


@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_names_the_fault(name: str) -> None:
    found = next(one for one in judge(look(name)).findings if one.check == "virtio-windows")
    assert MESSAGES[name] in found.message


def test_what_windows_turned_off_is_in_the_evidence() -> None:
    findings = judge(look("windows-start-override")).findings
    found = next(one for one in findings if one.check == "virtio-windows")
    assert "viostor: Start=0, StartOverride=3" in found.evidence
    assert "StartOverride /f" in found.remedy


@pytest.mark.parametrize(
    ("name", "year", "version", "device"),
    [
        ("windows-2022", 2022, "10.0.20348", "partition 3"),
        ("windows-2019", 2019, "10.0.17763", "partition 2"),
    ],
)
def test_the_system_of_a_good_one(name: str, year: int, version: str, device: str) -> None:
    facts = windows(name)
    assert isinstance(facts.product, Known)
    assert facts.product.value == f"Windows Server {year} Standard"
    assert isinstance(facts.version, Known)
    assert facts.version.value == version
    assert isinstance(facts.agent.version, Known)
    assert facts.agent.version.value == "105.0.2"
    assert look(name).guest.reason == f"Windows on {device}"


def test_properties_follow_the_driver_that_boots() -> None:
    first, second = ({one.name: one.value for one in derive(look(name), {})} for name in GOOD)
    assert (first["hw_disk_bus"], first["hw_firmware_type"]) == ("virtio", "uefi")
    assert (second["hw_disk_bus"], second["hw_scsi_model"]) == ("scsi", "virtio-scsi")
    assert second["hw_firmware_type"] == "bios"
    for found in (first, second):
        assert found["os_type"] == found["os_distro"] == "windows"
        assert found["hw_vif_model"] == "virtio"
        assert found["hw_qemu_guest_agent"] == "yes"


@pytest.mark.parametrize("name", ["windows-demand-start", "windows-start-override", "windows-no-driver-file"])
def test_a_driver_that_does_not_boot_gives_no_bus(name: str) -> None:
    assert "hw_disk_bus" not in {one.name for one in derive(look(name), {})}


def test_the_agent_that_is_disabled_is_not_promised() -> None:
    assert "hw_qemu_guest_agent" not in {one.name for one in derive(look("windows-agent-disabled"), {})}


def test_the_command_passes_a_good_one_and_fails_a_spoilt_one() -> None:
    good, spoilt = fixture_path("windows-2022"), fixture_path("windows-start-override")
    assert imgtool("check", str(good)).returncode == 0
    done = imgtool("check", str(good), str(spoilt))
    assert done.returncode == 1
    assert "viostor does not start at boot" in done.stdout


def test_a_linux_image_does_not_load_what_windows_takes() -> None:
    script = (
        "import sys; from imgtool.guest.inspect import inspect_disk; "
        f"f = open({str(fixture_path('ext4-gpt'))!r}, 'rb'); f.seek(0, 2); "
        "assert inspect_disk(f, f.tell()).linux; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"dissect.ntfs", "dissect.regf"} & set(done.stdout.split())


@pytest.mark.parametrize("seed", range(12))
def test_damage_never_ends_in_anything_but_facts(seed: int) -> None:
    path = fixture_path("windows-2022")
    sectors = used_sectors(path)
    changes = random_changes(seed, sectors, random.Random(seed).choice((1, 8, 64)))
    started = time.monotonic()
    with path.open("rb") as file:
        facts = inspect_disk(damaged(file, changes), path.stat().st_size)
    assert facts.status in {"known", "unknown"}
    assert facts.reason
    assert time.monotonic() - started < MAX_SECONDS


@pytest.mark.parametrize("name", GOOD)
def test_files_are_found_in_whatever_case_they_are_asked_for(name: str) -> None:
    with incoming(fixture_path(name), None, NullProgress(), may_stream=False) as image:
        windows = inspect_image(image, NullProgress(), GuestQuery(files=LOOKED_FOR)).guest.windows
    assert windows is not None
    assert isinstance(windows.found_files, Known)
    assert windows.found_files.value == (
        "/Windows/System32/config",
        "/windows/SYSTEM32/drivers/netkvm.sys",
    )
