"""Cloud images of other distributions: a good one passes without a warning, and its facts are right."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from support.layouts import LAYOUTS, built

from imgtool.checks.registry import all_checks, judge
from imgtool.disk.open_source import incoming
from imgtool.model.facts import Known
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.kernel import Kernel
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Outcome
from imgtool.pipeline.inspect import inspect_image
from imgtool.util.progress import NullProgress

RULES = "/usr/lib/udev/rules.d"
PORT = r"dev-virtio\x2dports-org.qemu.guest_agent.0.device"
REFUSED_BY_RED_HAT = {"guest-exec", "guest-exec-status", "guest-file-open", "guest-file-read"}


@dataclass(frozen=True)
class Expected:
    """What is known of one layout beforehand."""

    distribution: tuple[str, str | None]
    kernel: str
    initramfs: tuple[str, str, str]
    """Path, compression, generator."""
    enabled_by: str
    agent: str
    user: str
    mounted: dict[str, str]
    bios: bool = True
    uefi: bool = True
    filtered: frozenset[str] = frozenset()


EXPECTED = {
    "alpine-3.20": Expected(
        ("alpine", "3.20.0"),
        "6.6.31-0-virt",
        ("/boot/initramfs-virt", "gzip", "mkinitfs"),
        "/etc/runlevels/default/qemu-guest-agent",
        "9.0.1-r0",
        "alpine",
        {"/": "ext4"},
        uefi=False,
    ),
    "alpine-3.20-uefi": Expected(
        ("alpine", "3.20.0"),
        "6.6.31-0-virt",
        ("/boot/initramfs-virt", "gzip", "mkinitfs"),
        "/etc/runlevels/default/qemu-guest-agent",
        "9.0.1-r0",
        "alpine",
        {"/": "ext4", "/boot/efi": "vfat"},
        bios=False,
    ),
    "arch": Expected(
        ("arch", None),
        "6.12.4-arch1-1",
        ("/boot/initramfs-linux.img", "zstd", "mkinitcpio"),
        f"{RULES}/99-qemu-guest-agent.rules",
        "9.2.0-1",
        "arch",
        {"/": "btrfs"},
    ),
    "debian-11": Expected(
        ("debian", "11"),
        "5.10.0-30-cloud-amd64",
        ("/boot/initrd.img-5.10.0-30-cloud-amd64", "gzip", "initramfs-tools"),
        f"{RULES}/60-qemu-guest-agent.rules",
        "1:5.2+dfsg-11+deb11u3",
        "debian",
        {"/": "ext4", "/boot/efi": "vfat"},
    ),
    "fedora-42": Expected(
        ("fedora", "42"),
        "6.14.0-63.fc42.x86_64",
        ("/boot/initramfs-6.14.0-63.fc42.x86_64.img", "zstd", "dracut"),
        f"{RULES}/99-qemu-guest-agent.rules",
        "17:8.2.0-11.fc42",
        "fedora",
        {"/": "btrfs", "/boot": "ext4", "/boot/efi": "vfat"},
    ),
    "opensuse-leap-15.6": Expected(
        ("opensuse-leap", "15.6"),
        "6.4.0-150600.21-default",
        ("/boot/initrd-6.4.0-150600.21-default", "xz", "dracut"),
        f"{RULES}/80-qemu-ga.rules",
        "17:8.2.0-11.lp156",
        "opensuse",
        {"/": "btrfs", "/boot/efi": "vfat"},
        filtered=frozenset({"guest-exec", "guest-exec-status"}),
    ),
    "rhel-8": Expected(
        ("rhel", "8.9"),
        "4.18.0-513.5.1.el8_9.x86_64",
        ("/boot/initramfs-4.18.0-513.5.1.el8_9.x86_64.img", "gzip", "dracut"),
        f"/etc/systemd/system/{PORT}.wants/qemu-guest-agent.service",
        "17:8.2.0-11.el8",
        "cloud-user",
        {"/": "xfs", "/boot/efi": "vfat"},
        filtered=frozenset(REFUSED_BY_RED_HAT),
    ),
    "rhel-9": Expected(
        ("rhel", "9.4"),
        "5.14.0-427.13.1.el9_4.x86_64",
        ("/boot/initramfs-5.14.0-427.13.1.el9_4.x86_64.img", "gzip", "dracut"),
        f"{RULES}/99-qemu-guest-agent.rules",
        "17:8.2.0-11.el9",
        "cloud-user",
        {"/": "xfs", "/boot": "xfs", "/boot/efi": "vfat"},
        filtered=frozenset(REFUSED_BY_RED_HAT),
    ),
    "ubuntu-24.04": Expected(
        ("ubuntu", "24.04"),
        "6.8.0-31-generic",
        ("/boot/initrd.img-6.8.0-31-generic", "zstd", "initramfs-tools"),
        f"{RULES}/60-qemu-guest-agent.rules",
        "1:8.2.2+ds-0ubuntu1",
        "ubuntu",
        {"/": "ext4", "/boot": "ext4", "/boot/efi": "vfat"},
    ),
}


def look(path: Path) -> Inspection:
    with incoming(path, None, NullProgress(), may_stream=False) as image:
        return inspect_image(image, NullProgress())


def linux(guest: GuestFacts) -> LinuxFacts:
    assert guest.linux is not None, guest.reason
    return guest.linux


def booting(facts: LinuxFacts) -> Kernel:
    assert isinstance(facts.kernels, Known)
    (kernel,) = (kernel for kernel in facts.kernels.value if kernel.default)
    return kernel


@pytest.fixture(scope="module", params=sorted(EXPECTED))
def layout(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Expected, Inspection]:
    name = request.param
    return EXPECTED[name], look(built(name, tmp_path_factory.mktemp(name)))


def test_every_layout_is_expected_and_says_where_it_was_read():
    assert set(EXPECTED) == set(LAYOUTS)
    assert all(layout.source and "\n" not in layout.source for layout in LAYOUTS.values())


def test_a_vendor_s_good_image_passes_every_check(layout: tuple[Expected, Inspection]):
    expected, found = layout
    findings = judge(found).findings
    assert {one.check: one for one in findings if one.outcome not in {Outcome.PASS, Outcome.SKIPPED}} == {}
    idle = {check.name for check in all_checks() if check.on_request or check.after_boot}
    idle |= {"virtio-windows", "windows-generalised", "system-family", "secure-boot"}
    skipped = {one.check for one in findings if one.outcome is Outcome.SKIPPED}
    assert skipped - idle == (set() if expected.uefi else {"uefi-fallback"})


def test_the_distribution_and_where_it_mounts_what(layout: tuple[Expected, Inspection]):
    expected, found = layout
    facts = linux(found.guest)
    assert (facts.os_distro.value, facts.os_version.value) == expected.distribution
    assert facts.architecture.value == "x86_64"
    assert {
        one.mount_point: one.type for one in found.guest.filesystems if one.mount_point
    } == expected.mounted
    firmware = found.guest.firmware.value
    assert (firmware.bios, firmware.uefi) == (expected.bios, expected.uefi)


def test_the_kernel_that_boots_and_its_initramfs(layout: tuple[Expected, Inspection]):
    expected, found = layout
    kernel = booting(linux(found.guest))
    assert kernel.version == expected.kernel
    archive = kernel.initramfs.value
    assert (archive.path, archive.compression, archive.generator) == expected.initramfs
    assert (archive.host_only, archive.problem) == (False, None)
    assert "console=ttyS0" in linux(found.guest).command_line.value


def test_the_agent_is_enabled_by_that_distribution_s_own_way(layout: tuple[Expected, Inspection]):
    expected, found = layout
    agent = linux(found.guest).agent
    assert (agent.enabled.value, agent.enabled_by.value) == (True, expected.enabled_by)
    assert agent.version.value == expected.agent
    assert expected.filtered <= set(agent.filtered_rpcs.value)
    assert bool(agent.filtered_rpcs.value) == bool(expected.filtered)


def test_cloud_init_runs_and_makes_the_vendor_s_user(layout: tuple[Expected, Inspection]):
    expected, found = layout
    cloud_init = linux(found.guest).cloud_init
    assert (cloud_init.installed.value, cloud_init.enabled.value) == (True, True)
    assert cloud_init.default_user.value == expected.user


def test_alpine_s_disk_without_partitions_is_what_nova_refuses_as_raw(tmp_path: Path):
    qcow2 = built("alpine-3.20", tmp_path)
    inspection = look(qcow2.with_suffix(".raw"))
    found = {one.check: one for one in judge(inspection).findings}
    assert found["nova-accepts"].outcome is Outcome.FAIL
    assert "qcow2" in found["nova-accepts"].remedy
