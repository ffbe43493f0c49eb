"""Whole disks: every fixture, and damage to them."""

import io
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.damage import damaged, random_changes, used_sectors
from support.fixtures import checksums, fixture_path

from imgtool.guest.inspect import inspect_disk
from imgtool.model.facts import Known
from imgtool.model.guest import GuestFacts
from imgtool.model.linux import LinuxFacts

ROOT_UUID = "11111111-2222-4333-8444-555555555501"
KERNEL = "6.1.0-1-amd64"
MAX_SECONDS = 20
SYSTEMS = {
    "ext4-gpt": ("partition 1", "ext4", True, True),
    "xfs-gpt": ("partition 2", "xfs", False, True),
    "xfs-v4": ("disk", "xfs", False, False),
    "btrfs-subvolumes": ("partition 2", "btrfs", False, True),
    "lvm-xfs": ("vg-sys/root", "xfs", True, False),
    "mbr-logical": ("partition 5", "ext4", True, False),
    "bare-ext4": ("disk", "ext4", False, False),
    "bare-ext3": ("disk", "ext3", False, False),
}
"""Fixture to its root device and type, and whether BIOS and UEFI can start it."""
WINDOWS = (
    "windows-2022",
    "windows-2019",
    "windows-demand-start",
    "windows-start-override",
    "windows-no-driver-file",
    "windows-no-netkvm",
    "windows-agent-disabled",
    "windows-hibernated",
    "windows-dirty",
)
"""What tests/integration/test_windows.py looks at."""
OF_OTHERS = ("fedora-42", "microos", "opensuse-leap-15.6", "tumbleweed")
"""Layouts of other distributions: test_common_images.py and tests/integration/test_layouts.py."""


def inspected(name: str) -> GuestFacts:
    disk = fixture_path(name)
    with disk.open("rb") as file:
        return inspect_disk(file, disk.stat().st_size)


def linux(facts: GuestFacts) -> LinuxFacts:
    assert facts.linux is not None, facts.reason
    return facts.linux


def test_every_fixture_is_here() -> None:
    assert set(checksums()) == {f"{name}.raw.zst" for name in (*SYSTEMS, *OF_OTHERS, *WINDOWS, "data-disk")}


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_system_of_each_fixture(name: str) -> None:
    device, kind, bios, uefi = SYSTEMS[name]
    facts = inspected(name)
    assert facts.status == "known"
    root = next(f for f in facts.filesystems if f.mount_point == "/")
    assert (root.device, root.type, root.uuid) == (device, kind, ROOT_UUID)
    assert isinstance(facts.firmware, Known)
    assert (facts.firmware.value.bios, facts.firmware.value.uefi) == (bios, uefi)
    assert linux(facts).root_filesystem == kind
    assert linux(facts).root_on_lvm is (name == "lvm-xfs")


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_guest_of_each_fixture_is_healthy(name: str) -> None:
    facts = linux(inspected(name))
    assert [fact.value for fact in (facts.os_distro, facts.os_version, facts.architecture)] == [  # type: ignore[union-attr]  # found, or the test fails
        "debian",
        "12",
        "x86_64",
    ]
    assert isinstance(facts.kernels, Known)
    (kernel,) = facts.kernels.value
    assert (kernel.version, kernel.default) == (KERNEL, True)
    assert kernel.modules["virtio_blk"] == "module"
    assert isinstance(kernel.initramfs, Known)
    assert kernel.initramfs.value is not None
    assert kernel.initramfs.value.problem is None
    assert kernel.initramfs.value.modules["virtio_blk"] == "module"
    agent = facts.agent
    assert all(
        isinstance(fact, Known) and fact.value for fact in (agent.installed, agent.enabled, agent.channel)
    )
    assert isinstance(facts.machine_id, Known)
    assert facts.machine_id.value == "empty"


def test_a_disk_of_data_has_no_system() -> None:
    facts = inspected("data-disk")
    assert (facts.status, facts.linux) == ("unknown", None)
    assert facts.reason == "no Linux or Windows system was found on this disk"
    assert [(f.device, f.type, f.label, f.mount_point) for f in facts.filesystems] == [
        ("partition 1", "ext4", "data", None)
    ]


def test_all_that_is_on_the_disk_is_named() -> None:
    rows = [(f.device, f.type, f.mount_point) for f in inspected("lvm-xfs").filesystems]
    assert rows == [
        ("partition 2", "ext4", "/boot"),
        ("partition 3", "LVM2_member", None),
        ("vg-sys/root", "xfs", "/"),
        ("vg-sys/var", "ext4", "/var"),
    ]
    assert ("partition 6", "swap", None) in [
        (f.device, f.type, f.mount_point) for f in inspected("mbr-logical").filesystems
    ]


def test_a_boot_partition_that_is_lost_makes_its_facts_unknown() -> None:
    disk = fixture_path("mbr-logical")
    with disk.open("rb") as file:
        facts = inspect_disk(damaged(file, {2048 * 512 + 1024: bytes(1024)}), disk.stat().st_size)
    assert facts.status == "known"
    kernels = linux(facts).kernels
    initramfs = [kernel.initramfs for kernel in kernels.value] if isinstance(kernels, Known) else [kernels]
    assert all("not on this disk" in fact.reason for fact in initramfs)  # type: ignore[union-attr]  # found, or the test fails


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"\xff" * 70000, b"QFI\xfb" + bytes(70000)])
def test_what_is_no_disk_is_unknown(content: bytes) -> None:
    facts = inspect_disk(io.BytesIO(content), len(content))
    assert (facts.status, facts.reason) == ("unknown", "no known file system is on this disk")


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes_are_unknown(seed: int) -> None:
    content = random.Random(seed).randbytes(300_000)
    signed = content[:510] + b"\x55\xaa" + content[512:]
    assert inspect_disk(io.BytesIO(signed), len(signed)).status == "unknown"


@pytest.mark.parametrize("name", SYSTEMS)
def test_damage_never_crashes_the_inspection(name: str) -> None:
    disk = fixture_path(name)
    sectors = used_sectors(disk)
    with disk.open("rb") as file:
        for seed in range(4):
            started = time.monotonic()
            changes = random_changes(seed, sectors[: 64 << seed], 4 << seed)
            facts = inspect_disk(damaged(file, changes), disk.stat().st_size)
            assert facts.status in {"known", "unknown"}
            assert facts.reason
            assert time.monotonic() - started < MAX_SECONDS


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_disk_cut_short_is_never_a_crash(name: str) -> None:
    disk = fixture_path(name)
    sectors = used_sectors(disk)
    with disk.open("rb") as file:
        for share in (0.01, 0.3, 0.8):
            size = sectors[int(len(sectors) * share)]
            assert inspect_disk(damaged(file, {}, size), size).reason
            assert inspect_disk(damaged(file, {}, size), disk.stat().st_size).reason


def test_a_bug_in_a_reader_is_unknown_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("imgtool.guest.linux.read_linux", broken)
    facts = inspected("bare-ext4")
    assert facts.status == "unknown"
    assert facts.reason == "the system cannot be read (ZeroDivisionError: of all things)"
    assert facts.filesystems


PROBE = """
import sys
from pathlib import Path
from imgtool.guest.inspect import inspect_disk
disk = Path(sys.argv[1])
with disk.open("rb") as file:
    assert inspect_disk(file, disk.stat().st_size).status == "known"
loaded = sorted(name for name in sys.modules if name.startswith("dissect.") and name.count(".") == 1)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].split()[0], *loaded)
"""


@pytest.mark.parametrize(
    ("name", "libraries"), [("ext4-gpt", set()), ("xfs-gpt", {"dissect.xfs"}), ("lvm-xfs", {"dissect.xfs"})]
)
def test_an_inspection_is_small_and_loads_only_what_it_needs(name: str, libraries: set[str]) -> None:
    command = [sys.executable, "-c", PROBE, str(fixture_path(name))]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert int(output[0]) < 150 << 10, "peak memory in KiB"
    ours = {"dissect.util", "dissect.cstruct"}
    assert set(output[1:]) - ours == libraries


def test_inspecting_writes_nothing(tmp_path: Path) -> None:
    disk = fixture_path("bare-ext4")
    before = disk.stat().st_mtime_ns
    inspected("bare-ext4")
    assert disk.stat().st_mtime_ns == before


def test_a_disk_that_holds_only_data_is_told_so() -> None:
    disk = fixture_path("data-disk")
    with disk.open("rb") as file:
        facts = inspect_disk(file, disk.stat().st_size)
    assert (facts.data_only, facts.family) == (True, None)
