"""For each check: inspections that fail, that are unknown, that pass, and that it does not apply to."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from support import facts, further_cases
from support.boots import KERNEL_DIFFERS, boot, booted, stopped
from support.facts import UNREADABLE, known, states

from imgtool.checks.registry import all_checks, refused
from imgtool.errors import FormatMismatchError, UnsafeImageError
from imgtool.model.boot import CloudInitRun
from imgtool.model.boot_path import BootStep
from imgtool.model.guest import Family, GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.layout import Firmware, PartitionFacts, TableFaults
from imgtool.model.verdict import Judgement
from imgtool.model.windows import WindowsSetup

Case = Callable[[], Inspection | Judgement]

RESEAL, ANSWERS = "IMAGE_STATE_GENERALIZE_RESEAL_TO_", "/Windows/Panther/unattend.xml"
NO_GUEST = GuestFacts(status="unknown", reason="the disk is encrypted (LUKS)", firmware=UNREADABLE)

AFTER_BOOT = tuple(check.name for check in all_checks() if check.after_boot)
FAMILY = Family("talos", "Talos Linux", "partitions META and BOOT", "not read", read=False)
READ_FAMILY = replace(FAMILY, name="nixos", title="NixOS", read=True)
NEVER_FAILS = {"system-found", "system-family"}
"""What they say is known or unknown."""
HEALTHY: dict[str, Case] = {
    "system-family": lambda: facts.inspection(guest=facts.guest(family=READ_FAMILY)),
    "virtio-windows": facts.windows_inspection,
    "windows-generalised": facts.windows_inspection,
    **dict.fromkeys(AFTER_BOOT, booted),
    **further_cases.HEALTHY,
}
"""What passes, where that is not the healthy Linux image."""


def with_drivers(**changed: Any) -> Inspection:
    return facts.windows_inspection(drivers=facts.windows_drivers(**changed))


FAILING: dict[str, list[Case]] = {
    **further_cases.FAILING,
    "image-safe": [
        lambda: facts.inspection(image=facts.image(format="qcow2", snapshots=1)),
        lambda: refused("a.qcow2", UnsafeImageError("has a backing file")),
    ],
    "nova-accepts": [
        lambda: facts.inspection(image=facts.image(mbr_refusal="MBR PTE 0 has invalid boot flag")),
        lambda: facts.inspection(image=facts.image(format="vpc")),
        lambda: replace(facts.inspection(image=facts.image(is_iso=True)), delivered_as="raw"),
        lambda: replace(facts.inspection(image=facts.image(is_iso=True)), delivered_as="qcow2"),
    ],
    "image-format": [lambda: refused("a.raw", FormatMismatchError("claims raw, is qcow2"))],
    "image-consistent": [lambda: facts.inspection(consistent=known(False, "qemu-img check: 3 corruptions"))],
    "virtio-kernel": [
        lambda: facts.with_kernel(modules=states(virtio_net="missing")),
        lambda: facts.with_kernel(missing_image="/boot/vmlinuz-6.1.0-41-cloud-amd64"),
        lambda: facts.with_kernel(image_problem="/boot/vmlinuz: the file is empty"),
        lambda: facts.with_kernel(late={"virtio_net": known(False, "modprobe.d: blacklist virtio_net")}),
        lambda: facts.with_kernel(modules=states(virtio_pci="missing")),
        lambda: facts.with_kernel(modules=states(virtio_console="missing")),
        lambda: facts.with_kernel(modules=states(virtio_blk="missing", sd_mod="missing")),
        lambda: facts.inspection(facts.linux(kernels=known(()))),
    ],
    "virtio-initramfs": [
        lambda: facts.with_initramfs(modules=states(virtio_blk="missing", virtio_scsi="missing")),
        lambda: facts.with_initramfs(modules=states(virtio_pci="missing")),
        lambda: facts.with_initramfs(modules=states(ext4="missing")),
        lambda: facts.with_initramfs(stops=("/init is not executable",)),
        lambda: facts.with_initramfs(
            modules=states(virtio_blk="missing"), obstacles={"virtio_blk": "modprobe.d: blacklist virtio_blk"}
        ),
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
    "windows-generalised": [
        lambda: facts.windows_inspection(setup=known(WindowsSetup("IMAGE_STATE_COMPLETE", ANSWERS))),
        lambda: facts.windows_inspection(setup=known(WindowsSetup("IMAGE_STATE_UNDEPLOYABLE", ANSWERS))),
        lambda: facts.windows_inspection(setup=known(WindowsSetup(f"{RESEAL}AUDIT", ANSWERS))),
        lambda: facts.windows_inspection(setup=known(WindowsSetup(f"{RESEAL}OOBE", None))),
        lambda: facts.windows_inspection(cloud_init=known(False)),
        lambda: facts.windows_inspection(cloud_init=known(False), setup=UNREADABLE),
    ],
    "initramfs-intact": [lambda: facts.with_initramfs(problem="cut off after 1024 bytes")],
    "initramfs-generic": [lambda: facts.with_initramfs(host_only=True)],
    "guest-agent-installed": [lambda: facts.with_agent(installed=known(False))],
    "guest-agent-enabled": [lambda: facts.with_agent(enabled=known(False), enabled_by=known("masked"))],
    "guest-agent-channel": [lambda: facts.with_agent(channel=known(False))],
    "boot-firmware": [
        lambda: facts.inspection(guest=facts.guest(firmware=known(Firmware(bios=False, uefi=False))))
    ],
    "boot-loader": [
        lambda: facts.with_boot_stop(BootStep("loader", "stops", "no such device: oldroot", "core.img")),
        lambda: facts.with_boot_stop(BootStep("entry", "waits", "no timeout is set: it waits for a key")),
        lambda: facts.with_boot_stop(BootStep("kernel", "stops", "file `/boot/vmlinuz' not found")),
    ],
    "config-drive": [
        lambda: facts.with_kernel(modules=states(sr_mod="missing")),
        lambda: facts.with_kernel(modules=states(isofs="missing")),
        lambda: facts.with_kernel(modules=states(ahci="missing", virtio_scsi="missing")),
        lambda: facts.with_kernel(modules=states(ata_piix="missing", virtio_scsi="missing")),
        lambda: facts.with_kernel(modules=states(ahci="missing", ata_piix="missing", virtio_scsi="missing")),
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
    "disk-whole": [
        lambda: facts.with_disk(partitions=(PartitionFacts(1, "0x83", None, 0, 512, 1024),)),
        lambda: facts.with_disk(partitions=(PartitionFacts(1, "0x83", None, 9999, 0, 1024),)),
        lambda: facts.with_sizes("ext4", declared=2 << 30, there=1 << 30),
        lambda: facts.with_sizes("vfat", declared=1025, there=1024),
        lambda: facts.with_disk(table_faults=TableFaults(kernel="it is written for other sectors")),
        lambda: facts.with_disk(
            table_faults=TableFaults(kernel="damaged", mended_by_uefi=True),
            firmware=known(Firmware(bios=True, uefi=True)),
        ),
    ],
    "uefi-fallback": [
        lambda: facts.inspection(
            guest=facts.guest(firmware=known(Firmware(False, False, None, "it is cut")))
        ),
        lambda: facts.inspection(guest=facts.guest(firmware=known(Firmware(True, False, None, "no loader")))),
    ],
    "root-resolves": [
        lambda: facts.with_reference(resolves=False),
        lambda: facts.with_reference(resolves=False, device="UUID=gone", mount_point="/srv"),
        lambda: facts.with_reference(resolves=False, source="/boot/grub/grub.cfg"),
        lambda: facts.with_reference(problem="partition 1 is vfat", source="/boot/grub/grub.cfg"),
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
    "boot-target": [lambda: facts.with_user_space(startup=known((facts.trouble(),)))],
    "local-mounts": [
        lambda: facts.with_user_space(mounts=known((facts.trouble(),))),
        lambda: facts.with_user_space(mounts=known((facts.trouble("waits"), facts.trouble()))),
    ],
    "selinux-labels": [lambda: facts.with_user_space(selinux=known((facts.trouble(),)))],
    "network-default": [lambda: facts.with_user_space(network=known((facts.trouble(),)))],
    "identity": [lambda: facts.with_user_space(identity=known(("/etc/nvme/hostnqn",)))],
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
    **further_cases.UNKNOWN,
    "boot-loader": [
        lambda: facts.with_boot_stop(BootStep("loader", "unknown", "it asks for the machine's SMBIOS")),
        lambda: facts.inspection(guest=NO_GUEST),
    ],
    "system-found": [lambda: facts.inspection(guest=NO_GUEST)],
    "system-family": [lambda: facts.inspection(guest=replace(NO_GUEST, family=FAMILY))],
    "virtio-windows": [lambda: facts.windows_inspection(drivers=UNREADABLE)],
    "windows-generalised": [
        lambda: facts.windows_inspection(setup=UNREADABLE),
        lambda: facts.windows_inspection(cloud_init=UNREADABLE),
    ],
    "virtio-kernel": [
        lambda: facts.inspection(facts.linux(kernels=UNREADABLE)),
        lambda: facts.with_kernel(modules=states(virtio_net="unknown")),
        lambda: facts.with_kernel(modules=states(virtio_blk="unknown", virtio_scsi="missing")),
    ],
    "virtio-initramfs": [
        lambda: facts.with_kernel(initramfs=UNREADABLE),
        lambda: facts.with_initramfs(modules=states(virtio_blk="unknown", virtio_scsi="missing")),
    ],
    "image-consistent": [lambda: facts.inspection(consistent=UNREADABLE)],
    "initramfs-intact": [lambda: facts.with_kernel(initramfs=UNREADABLE)],
    "initramfs-generic": [lambda: facts.with_initramfs(host_only=None)],
    "guest-agent-installed": [lambda: facts.with_agent(installed=UNREADABLE)],
    "guest-agent-enabled": [lambda: facts.with_agent(enabled=UNREADABLE)],
    "guest-agent-channel": [lambda: facts.with_agent(channel=UNREADABLE)],
    "boot-firmware": [lambda: facts.inspection(guest=facts.guest(firmware=UNREADABLE))],
    "config-drive": [
        lambda: facts.with_kernel(modules=states(ahci="unknown")),
        lambda: facts.with_kernel(modules=states(sr_mod="unknown", virtio_scsi="missing")),
    ],
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
    "disk-whole": [lambda: facts.with_disk(partition_table=None, status="unknown", reason="damaged")],
    "boot-target": [
        lambda: facts.with_user_space(startup=UNREADABLE),
        lambda: facts.inspection(facts.linux(command_line=UNREADABLE)),
    ],
    "local-mounts": [
        lambda: facts.with_user_space(mounts=UNREADABLE),
        lambda: facts.with_user_space(mounts=known((facts.trouble("unknown"), facts.trouble("waits")))),
    ],
    "selinux-labels": [lambda: facts.with_user_space(selinux=UNREADABLE)],
    "network-default": [lambda: facts.with_user_space(network=UNREADABLE)],
    "identity": [lambda: facts.with_user_space(identity=UNREADABLE)],
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

ABOUT_THE_FILE = {"virtual-size", "image-safe", "image-format", "image-consistent", "nova-accepts"}
"""They judge the file, whatever guest is in it: what the gate saw, and what qemu-img says."""

PASSING: dict[str, list[Case]] = {
    "disk-whole": [
        lambda: facts.with_sizes("ext4", declared=1 << 30, there=1 << 30),
        lambda: facts.with_disk(table_faults=TableFaults(backup="its backup is missing")),
        lambda: facts.with_disk(table_faults=TableFaults(kernel="damaged", mended_by_uefi=True)),
    ],
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
            initramfs=known(None), modules=dict.fromkeys(states(), "builtin")  # type: ignore[arg-type]  # as much as is asked of it
        ),
    ],
    "config-drive": [
        lambda: facts.with_kernel(modules=states(virtio_scsi="missing")),
        lambda: facts.with_kernel(modules=states(ahci="missing")),
        lambda: facts.with_kernel(modules=states(ata_piix="missing")),
    ],
    "cloud-init-datasource": [lambda: facts.with_cloud_init(datasources=known(("ConfigDrive",)))],
    "nova-accepts": [
        lambda: facts.inspection(image=facts.image(is_iso=True)),
        lambda: replace(facts.inspection(image=facts.image(mbr_refusal="x")), delivered_as="qcow2"),
        lambda: replace(facts.inspection(image=facts.image(format="vpc")), delivered_as="qcow2"),
    ],
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
    "ssh-host-keys", "cloud-init-installed", "cloud-init-enabled", "cloud-init-datasource", "config-drive",
    "cloud-init-clean", "serial-console", "root-resolves", "fstab-stable", "root-grows", "mac-unpinned",
    "lvm-devices-file", "secrets", "boot-target", "local-mounts", "selinux-labels", "network-default",
    "identity",
)  # fmt: skip

SKIPPED: dict[str, list[Case]] = {
    **further_cases.SKIPPED,
    "system-family": [facts.inspection, facts.windows_inspection],
    "filesystem-clean": [lambda: facts.inspection(guest=replace(NO_GUEST, data_only=True))],
    "system-found": [lambda: facts.inspection(guest=replace(NO_GUEST, family=FAMILY))],
    "virtio-windows": [facts.inspection],
    "windows-generalised": [facts.inspection],
    "uefi-fallback": [
        lambda: facts.inspection(guest=facts.guest(firmware=known(Firmware(bios=True, uefi=False))))
    ],
    "boot-loader": [lambda: facts.with_boot_stop(BootStep("firmware", "stops", "no boot code"))],
    "root-grows": [
        lambda: facts.inspection(facts.linux(root_on_lvm=True, can_grow=known(False))),
        lambda: facts.inspection(
            facts.linux(can_grow=known(False), cloud_init=facts.cloud_init(installed=known(False)))
        ),
    ],
    "config-drive": [lambda: facts.with_cloud_init(datasources=known(("OpenStack", "None")))],
    "cloud-init-clean": [lambda: facts.with_cloud_init(installed=known(False), leftovers=UNREADABLE)],
    **{name: [facts.inspection] for name in AFTER_BOOT},
    "cloud-init-runs": [
        lambda: replace(facts.windows_inspection(), boots=(boot(cloud_init=UNREADABLE),)),
        lambda: replace(facts.with_cloud_init(installed=known(False)), boots=(boot(cloud_init=UNREADABLE),)),
    ],
    "boot-agrees": [lambda: booted(stopped())],
}
