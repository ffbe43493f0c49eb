"""Every check has a passing, a failing and an unknown case: a new check without them turns this red."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support import facts
from support.boots import KERNEL_DIFFERS, boot, booted, stopped
from support.facts import UNREADABLE, known, states
from support.policies import ASKING

from imgtool.checks.check import Check
from imgtool.checks.registry import all_checks, explanation, judge, refused
from imgtool.errors import FormatMismatchError, UnsafeImageError
from imgtool.model.boot import CloudInitRun
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.judgement import Judgement, Outcome, Severity
from imgtool.model.layout import Firmware

Case = Callable[[], Inspection | Judgement]

NO_GUEST = GuestFacts(status="unknown", reason="the disk is encrypted (LUKS)", firmware=UNREADABLE)

AFTER_BOOT = tuple(check.name for check in all_checks() if check.after_boot)
HEALTHY: dict[str, Case] = {
    "virtio-windows": facts.windows_inspection,
    **dict.fromkeys(AFTER_BOOT, booted),
}
"""What passes, where that is not the healthy Linux image."""


def with_drivers(**changed: Any) -> Inspection:
    return facts.windows_inspection(drivers=facts.windows_drivers(**changed))


FAILING: dict[str, list[Case]] = {
    "image-safe": [
        lambda: facts.inspection(image=facts.image(format="qcow2", snapshots=1)),
        lambda: refused("a.qcow2", UnsafeImageError("has a backing file")),
    ],
    "image-format": [lambda: refused("a.raw", FormatMismatchError("claims raw, is qcow2"))],
    "image-consistent": [lambda: facts.inspection(consistent=known(False, "qemu-img check: 3 corruptions"))],
    "virtio-kernel": [
        lambda: facts.with_kernel(modules=states(virtio_net="missing")),
        lambda: facts.with_kernel(missing_image="/boot/vmlinuz-6.1.0-41-cloud-amd64"),
        lambda: facts.with_kernel(modules=states(virtio_pci="missing")),
        lambda: facts.with_kernel(modules=states(virtio_console="missing")),
        lambda: facts.with_kernel(modules=states(virtio_blk="missing", sd_mod="missing")),
        lambda: facts.inspection(facts.linux(kernels=known(()))),
    ],
    "virtio-initramfs": [
        lambda: facts.with_initramfs(modules=states(virtio_blk="missing", virtio_scsi="missing")),
        lambda: facts.with_initramfs(modules=states(virtio_pci="missing")),
        lambda: facts.with_initramfs(modules=states(ext4="missing")),
        lambda: facts.with_kernel(initramfs=known(None, "no /boot/initrd.img")),
    ],
    "virtio-windows": [
        lambda: with_drivers(viostor=None),
        lambda: with_drivers(viostor={"start": 3}),
        lambda: with_drivers(viostor={"start": None}),
        lambda: with_drivers(viostor={"file": None}),
        lambda: with_drivers(viostor={"device_ids": ()}),
        lambda: with_drivers(netkvm=None),
        lambda: with_drivers(netkvm={"start": 4}),
        lambda: with_drivers(netkvm={"file": None}),
        lambda: with_drivers(netkvm={"start": None, "device_ids": ()}),
    ],
    "initramfs-intact": [lambda: facts.with_initramfs(problem="cut off after 1024 bytes")],
    "initramfs-generic": [lambda: facts.with_initramfs(host_only=True)],
    "guest-agent-installed": [lambda: facts.with_agent(installed=known(False))],
    "guest-agent-enabled": [lambda: facts.with_agent(enabled=known(False), enabled_by=known("masked"))],
    "guest-agent-channel": [lambda: facts.with_agent(channel=known(False))],
    "guest-agent-rpcs": [lambda: facts.with_agent(filtered_rpcs=known(("guest-fsfreeze-freeze",)))],
    "boot-firmware": [
        lambda: facts.inspection(guest=facts.guest(firmware=known(Firmware(bios=False, uefi=False))))
    ],
    "cloud-init-installed": [lambda: facts.with_cloud_init(installed=known(False))],
    "cloud-init-enabled": [lambda: facts.with_cloud_init(enabled=known(False))],
    "cloud-init-datasource": [lambda: facts.with_cloud_init(datasources=known(("Ec2", "None")))],
    "machine-id": [lambda: facts.inspection(facts.linux(machine_id=known("set")))],
    "ssh-host-keys": [
        lambda: facts.inspection(facts.linux(ssh_host_keys=known(("/etc/ssh/ssh_host_rsa_key",))))
    ],
    "virtual-size": [lambda: facts.inspection(image=facts.image(virtual_size_bytes=(20 << 30) + 1))],
    "distribution-allowed": [
        lambda: facts.inspection(facts.linux(os_distro=known("fedora"))),
        lambda: facts.inspection(facts.linux(os_version=known("11"))),
        lambda: facts.inspection(facts.linux(os_version=known("120"))),
        lambda: facts.inspection(facts.linux(os_version=known(None))),
    ],
    "required-modules": [
        lambda: facts.with_kernel(modules=states(virtio_rng="missing")),
        lambda: facts.inspection(facts.linux(kernels=known(()))),
    ],
    "forbidden-files": [lambda: facts.inspection(facts.linux(found_files=known(("/root/.netrc",))))],
    "uefi-fallback": [
        lambda: facts.inspection(guest=facts.guest(firmware=known(Firmware(bios=False, uefi=True)))),
        lambda: facts.inspection(guest=facts.guest(firmware=known(Firmware(bios=True, uefi=True)))),
    ],
    "root-resolves": [
        lambda: facts.with_reference(resolves=False),
        lambda: facts.with_reference(resolves=False, device="UUID=gone", mount_point="/srv"),
        lambda: facts.with_reference(resolves=False, source="/boot/grub/grub.cfg"),
        lambda: facts.inspection(
            facts.linux(device_references=known((facts.reference(resolves=False),)), command_line=UNREADABLE)
        ),
    ],
    "fstab-stable": [
        lambda: facts.with_reference(stable=False, device="/dev/sda1"),
        lambda: facts.with_reference(stable=False, device="/dev/sda1", source="/boot/grub/grub.cfg"),
        lambda: facts.with_reference(stable=False, device="/dev/sda2", mount_point="swap"),
    ],
    "serial-console": [
        lambda: facts.with_command_line("ro quiet"),
        lambda: facts.with_command_line("console=tty0", architecture="ppc64le"),
        lambda: facts.with_command_line("console=tty1 console=ttyS1"),
        lambda: facts.with_command_line("console=hvc0"),
        lambda: facts.with_command_line("console=tty0", architecture="aarch64"),
    ],
    "root-grows": [
        lambda: facts.inspection(facts.linux(root_is_last=known(False))),
        lambda: facts.inspection(facts.linux(can_grow=known(False))),
        lambda: facts.inspection(facts.linux(can_grow=known(False), root_is_last=UNREADABLE)),
        lambda: facts.inspection(facts.linux(root_on_lvm=True, root_is_last=known(False))),
    ],
    "cloud-init-clean": [lambda: facts.with_cloud_init(leftovers=known(("/var/lib/cloud/instance",)))],
    "mac-unpinned": [
        lambda: facts.inspection(facts.linux(pinned_macs=known(("/etc/netplan/50-cloud-init.yaml",))))
    ],
    "lvm-devices-file": [lambda: facts.inspection(facts.linux(lvm_devices_file=known(True)))],
    "secrets": [
        lambda: facts.inspection(facts.linux(secrets=known(("/etc/shadow: password hash of root",)))),
        lambda: facts.inspection(facts.linux(secrets=known(("/root/.bash_history: shell history",)))),
    ],
    "filesystem-clean": [lambda: facts.with_clean(known(False))],
    "boots-on-virtio-blk": [
        lambda: booted(stopped()),
        lambda: booted(boot(), stopped("firmware")),
        lambda: booted(boot(answered=False, diagnosis=None)),
    ],
    "boots-on-virtio-scsi": [lambda: booted(boot(), stopped("kernel", bus="virtio-scsi"))],
    "agent-answers": [lambda: booted(stopped("agent", cloud_init=boot().cloud_init))],
    "cloud-init-runs": [
        lambda: booted(boot(cloud_init=known(CloudInitRun(done=False, datasource=None)))),
        lambda: booted(boot(), boot(cloud_init=known(CloudInitRun(done=True, datasource="DataSourceNone")))),
    ],
    "boot-agrees": [lambda: booted(boot(differences=(KERNEL_DIFFERS,)))],
}

UNKNOWN: dict[str, list[Case]] = {
    "virtio-windows": [lambda: facts.windows_inspection(drivers=UNREADABLE)],
    "virtio-kernel": [
        lambda: facts.inspection(facts.linux(kernels=UNREADABLE)),
        lambda: facts.with_kernel(modules=states(virtio_net="unknown")),
        lambda: facts.with_kernel(modules=states(virtio_blk="unknown", virtio_scsi="missing")),
    ],
    "virtio-initramfs": [
        lambda: facts.with_kernel(initramfs=UNREADABLE),
        lambda: facts.with_initramfs(modules=states(virtio_blk="unknown", virtio_scsi="missing")),
        lambda: facts.with_initramfs(modules=states(virtio_pci="missing"), problem="cut off"),
    ],
    "image-consistent": [lambda: facts.inspection(consistent=UNREADABLE)],
    "initramfs-intact": [lambda: facts.with_kernel(initramfs=UNREADABLE)],
    "initramfs-generic": [lambda: facts.with_initramfs(host_only=None)],
    "guest-agent-installed": [lambda: facts.with_agent(installed=UNREADABLE)],
    "guest-agent-enabled": [lambda: facts.with_agent(enabled=UNREADABLE)],
    "guest-agent-channel": [lambda: facts.with_agent(channel=UNREADABLE)],
    "guest-agent-rpcs": [lambda: facts.with_agent(filtered_rpcs=UNREADABLE)],
    "boot-firmware": [lambda: facts.inspection(guest=facts.guest(firmware=UNREADABLE))],
    "cloud-init-installed": [lambda: facts.with_cloud_init(installed=UNREADABLE)],
    "cloud-init-enabled": [lambda: facts.with_cloud_init(enabled=UNREADABLE)],
    "cloud-init-datasource": [lambda: facts.with_cloud_init(datasources=UNREADABLE)],
    "machine-id": [lambda: facts.inspection(facts.linux(machine_id=UNREADABLE))],
    "ssh-host-keys": [lambda: facts.inspection(facts.linux(ssh_host_keys=UNREADABLE))],
    "virtual-size": [lambda: facts.inspection(image=facts.image(virtual_size_bytes=0))],
    "distribution-allowed": [
        lambda: facts.inspection(facts.linux(os_distro=UNREADABLE)),
        lambda: facts.inspection(facts.linux(os_version=UNREADABLE)),
    ],
    "required-modules": [
        lambda: facts.inspection(facts.linux(kernels=UNREADABLE)),
        lambda: facts.with_kernel(modules={"virtio_balloon": "module"}),
    ],
    "forbidden-files": [lambda: facts.inspection(facts.linux(found_files=UNREADABLE))],
    "uefi-fallback": [lambda: facts.inspection(guest=facts.guest(firmware=UNREADABLE))],
    "root-resolves": [
        lambda: facts.inspection(facts.linux(device_references=UNREADABLE)),
        lambda: facts.inspection(facts.linux(command_line=UNREADABLE)),
        lambda: facts.with_reference(resolves=None),
    ],
    "fstab-stable": [
        lambda: facts.inspection(facts.linux(device_references=UNREADABLE)),
        lambda: facts.inspection(facts.linux(command_line=UNREADABLE)),
    ],
    "serial-console": [
        lambda: facts.inspection(facts.linux(command_line=UNREADABLE)),
        lambda: facts.inspection(facts.linux(architecture=UNREADABLE)),
    ],
    "root-grows": [
        lambda: facts.inspection(facts.linux(root_is_last=UNREADABLE)),
        lambda: facts.inspection(facts.linux(can_grow=UNREADABLE)),
        lambda: facts.inspection(facts.linux(root_on_lvm=True, root_is_last=UNREADABLE)),
    ],
    "cloud-init-clean": [lambda: facts.with_cloud_init(leftovers=UNREADABLE)],
    "mac-unpinned": [lambda: facts.inspection(facts.linux(pinned_macs=UNREADABLE))],
    "lvm-devices-file": [lambda: facts.inspection(facts.linux(lvm_devices_file=UNREADABLE))],
    "secrets": [lambda: facts.inspection(facts.linux(secrets=UNREADABLE))],
    "filesystem-clean": [lambda: facts.with_clean(UNREADABLE)],
    "cloud-init-runs": [lambda: booted(boot(), boot(cloud_init=UNREADABLE))],
}

ABOUT_THE_FILE = {"virtual-size", "image-safe", "image-format", "image-consistent"}
"""They judge the file, whatever guest is in it: what the gate saw, and what qemu-img says."""

PASSING: dict[str, list[Case]] = {
    "virtio-windows": [
        lambda: with_drivers(netkvm={"start": None}),
        lambda: facts.windows_inspection(
            drivers=known((facts.windows_driver("vioscsi"), facts.windows_driver("netkvm")))
        ),
    ],
    "guest-agent-installed": [facts.windows_inspection],
    "guest-agent-enabled": [facts.windows_inspection],
    "guest-agent-channel": [facts.windows_inspection],
    "guest-agent-rpcs": [facts.windows_inspection],
    "virtio-kernel": [
        lambda: facts.with_kernel(modules=states(virtio_blk="builtin", virtio_scsi="missing")),
        lambda: facts.with_kernel(modules=states(virtio_blk="missing")),
    ],
    "virtio-initramfs": [
        lambda: facts.with_initramfs(modules=states(virtio_blk="missing")),
        lambda: facts.with_initramfs(modules=states(virtio_scsi="unknown", xfs="missing", dm_mod="missing")),
        lambda: facts.with_kernel(
            initramfs=known(None), modules=dict.fromkeys(states(), "builtin")  # type: ignore[arg-type]
        ),
    ],
    "cloud-init-datasource": [lambda: facts.with_cloud_init(datasources=known(("ConfigDrive",)))],
    "virtual-size": [lambda: facts.inspection(image=facts.image(virtual_size_bytes=20 << 30))],
    "distribution-allowed": [
        lambda: facts.inspection(facts.linux(os_version=known("12.5"))),
        lambda: facts.inspection(facts.linux(os_distro=known("ubuntu"), os_version=UNREADABLE)),
    ],
    "machine-id": [
        lambda: facts.inspection(facts.linux(machine_id=known("uninitialized"))),
        lambda: facts.inspection(facts.linux(machine_id=known("missing"))),
    ],
    "root-resolves": [
        lambda: facts.with_reference(resolves=False, required=False),
        lambda: facts.with_reference(resolves=None, required=False),
    ],
    "fstab-stable": [lambda: facts.with_reference(device="/dev/sr0", stable=False, required=False)],
    "serial-console": [
        lambda: facts.with_command_line("console=ttyS0,115200n8 console=tty0"),
        lambda: facts.with_command_line("console=tty0 console=ttyAMA0", architecture="aarch64"),
        lambda: facts.with_command_line("ro", architecture="aarch64"),
        lambda: facts.with_command_line("console=hvc0", architecture="ppc64le"),
        lambda: facts.with_command_line("ro", architecture="s390x"),
    ],
}  # fmt: skip


OF_LINUX_ONLY = (
    "virtio-kernel", "virtio-initramfs", "initramfs-intact", "initramfs-generic", "machine-id",
    "ssh-host-keys", "cloud-init-installed", "cloud-init-enabled", "cloud-init-datasource",
    "cloud-init-clean", "serial-console", "root-resolves", "fstab-stable", "root-grows", "mac-unpinned",
    "lvm-devices-file", "secrets",
)  # fmt: skip

SKIPPED: dict[str, list[Case]] = {
    "virtio-windows": [facts.inspection],
    "uefi-fallback": [
        lambda: facts.inspection(guest=facts.guest(firmware=known(Firmware(bios=True, uefi=False))))
    ],
    "root-grows": [
        lambda: facts.inspection(facts.linux(root_on_lvm=True, can_grow=known(False))),
        lambda: facts.inspection(
            facts.linux(can_grow=known(False), cloud_init=facts.cloud_init(installed=known(False)))
        ),
    ],
    "cloud-init-clean": [lambda: facts.with_cloud_init(installed=known(False), leftovers=UNREADABLE)],
    **{name: [facts.inspection] for name in AFTER_BOOT},
    "cloud-init-runs": [
        lambda: replace(facts.windows_inspection(), boots=(boot(cloud_init=UNREADABLE),)),
        lambda: replace(facts.with_cloud_init(installed=known(False)), boots=(boot(cloud_init=UNREADABLE),)),
    ],
    "boot-agrees": [lambda: booted(stopped())],
}


def outcome_of(name: str, case: Case) -> Outcome:
    value = case()
    judgement = value if isinstance(value, Judgement) else judge(value, ASKING)
    return next(finding.outcome for finding in judgement.findings if finding.check == name)


def cases(table: dict[str, list[Case]]) -> list[tuple[str, Case]]:
    return [(name, case) for name, listed in table.items() for case in listed]


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.name)
def test_each_check_has_its_cases_and_its_headings(check: Check) -> None:
    assert FAILING[check.name]
    assert check.name in {*ABOUT_THE_FILE, *AFTER_BOOT} or UNKNOWN[check.name]
    assert outcome_of(check.name, HEALTHY.get(check.name, facts.inspection)) is Outcome.PASS
    text = explanation(check)
    headings = [line for line in text.splitlines() if line and not line.startswith(" ")][1:]
    assert headings == ["What it checks", "Why it matters", "How to fix"]


@pytest.mark.parametrize(("name", "case"), cases(FAILING))
def test_fails(name: str, case: Case) -> None:
    assert outcome_of(name, case) is Outcome.FAIL


@pytest.mark.parametrize(("name", "case"), cases(UNKNOWN))
def test_unknown_is_never_a_pass(name: str, case: Case) -> None:
    assert outcome_of(name, case) is Outcome.UNKNOWN


@pytest.mark.parametrize(("name", "case"), cases(PASSING))
def test_passes(name: str, case: Case) -> None:
    assert outcome_of(name, case) is Outcome.PASS


@pytest.mark.parametrize(("name", "case"), cases(SKIPPED))
def test_does_not_apply(name: str, case: Case) -> None:
    assert outcome_of(name, case) is Outcome.SKIPPED


@pytest.mark.parametrize("name", OF_LINUX_ONLY)
def test_a_check_of_linux_does_not_apply_to_windows(name: str) -> None:
    assert outcome_of(name, facts.windows_inspection) is Outcome.SKIPPED


def test_a_healthy_windows_passes() -> None:
    assert judge(facts.windows_inspection()).passed


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("guest-agent-installed", {"installed": known(False)}),
        ("guest-agent-enabled", {"enabled": known(False)}),
        ("guest-agent-channel", {"channel": known(False)}),
        ("guest-agent-rpcs", {"filtered_rpcs": known(("guest-fsfreeze-freeze",))}),
    ],
)
def test_the_agent_of_windows_is_judged_with_its_own_remedies(name: str, changed: dict[str, Any]) -> None:
    found = judge(facts.windows_inspection(agent=facts.agent(**changed))).findings
    finding = next(one for one in found if one.check == name)
    assert finding.outcome is Outcome.FAIL
    assert not any(word in finding.remedy for word in ("systemctl", "virt-customize", "dnf", "BLOCK_RPCS"))


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.name)
def test_a_guest_that_cannot_be_read_passes_no_check_about_it(check: Check) -> None:
    if check.name in {*ABOUT_THE_FILE, *AFTER_BOOT}:
        return
    finding = outcome_of(check.name, lambda: facts.inspection(guest=NO_GUEST))
    assert finding is Outcome.UNKNOWN


@pytest.mark.parametrize(("name", "case"), cases(FAILING))
def test_a_failing_case_names_evidence_and_remedy(name: str, case: Case) -> None:
    value = case()
    judgement = value if isinstance(value, Judgement) else judge(value, ASKING)
    finding = next(one for one in judgement.findings if one.check == name)
    if isinstance(value, Inspection):
        assert finding.evidence
        assert finding.remedy
    assert finding.message


@pytest.mark.parametrize(("name", "case"), cases(FAILING))
def test_an_image_fails_by_its_errors_only(name: str, case: Case) -> None:
    value = case()
    judgement = value if isinstance(value, Judgement) else judge(value, ASKING)
    severity = next(check.severity for check in all_checks() if check.name == name)
    assert judgement.passed is (severity is not Severity.ERROR)
