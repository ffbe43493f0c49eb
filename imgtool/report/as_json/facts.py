"""What is known of an image, as JSON. The keys are a promise to scripts: add, never rename."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from imgtool.formats.acceptance import as_it_is
from imgtool.model.boot_path import BootPath, BootStep
from imgtool.model.delivery import Property
from imgtool.model.facts import NOT_READ, Unknown
from imgtool.model.guest import Family, GuestFacts
from imgtool.model.image import DiskImage
from imgtool.model.inspection import Inspection
from imgtool.model.kernel import Initramfs, Kernel
from imgtool.model.layout import FilesystemFacts, Firmware, PartitionFacts
from imgtool.model.linux import DeviceReference, LinuxFacts
from imgtool.model.result import SCHEMA_VERSION
from imgtool.model.services import AgentFacts
from imgtool.model.windows import WindowsDriver, WindowsFacts
from imgtool.report.as_json.inventory import inventory
from imgtool.report.as_json.secure_boot import secure_boot
from imgtool.report.as_json.values import Object, Seen, clean, path_text

if TYPE_CHECKING:
    from imgtool.report.documents import facts as documents


def inspection(facts: Inspection, properties: Sequence[Property]) -> "documents.Inspection":
    """`imgtool inspect`."""
    shown: documents.Inspection = {
        "schema_version": SCHEMA_VERSION,
        "image": _inspected(facts),
        "guest": guest(facts.guest),
        "properties": {item.name: item.value for item in properties},
    }
    if (found := inventory(facts.guest)) is not None:
        shown["inventory"] = found
    return shown


def _inspected(facts: Inspection) -> "documents.InspectedImage":
    """Whether it is consistent is null, with the reason beside it, where nobody knows."""
    fact = facts.consistent
    found, reason = (None, fact.reason) if isinstance(fact, Unknown) else (fact.value, fact.evidence)
    shown = {**image(facts.image), "consistent": found, "consistent_reason": clean(reason)}
    return cast(
        "documents.InspectedImage", shown if facts.sha256 is None else {**shown, "sha256": facts.sha256}
    )


def image(facts: DiskImage) -> "documents.Image":
    """The image file."""
    return {
        "path": path_text(facts.origin.path),
        "format": facts.format,
        "wrapper": facts.origin.wrapper,
        "container": facts.container.kind if facts.container else None,
        "member": clean(facts.container.member) if facts.container else None,
        "virtual_size_bytes": facts.virtual_size_bytes,
        "file_size_bytes": facts.origin.file_size_bytes,
        "allocated_bytes": facts.origin.allocated_bytes,
        "cluster_size_bytes": facts.cluster_size_bytes,
        "compression_type": facts.compression_type,
        "version": facts.version,
        "snapshots": facts.snapshots,
        "encrypted": facts.encrypted,
        "format_evidence": clean(facts.format_evidence),
        "is_iso": facts.is_iso,
        "openstack_refusal": None if (found := as_it_is(facts)) is None else clean(found.message),
    }


def guest(facts: GuestFacts) -> "documents.Guest":
    """The guest, with what could not be read and why."""
    seen = Seen()
    linux = _linux(facts.linux, seen) if facts.linux else _no_linux()
    windows = _windows(facts.windows, seen) if facts.windows else {"windows": None}
    found = {
        "status": facts.status,
        "reason": clean(facts.reason),
        "family": None if facts.family is None else _family(facts.family),
        "data_only": facts.data_only,
        **linux,
        **windows,
        "firmware": seen.value("firmware", facts.firmware, _firmware),
        "secure_boot": None
        if facts.secure_boot == NOT_READ
        else seen.value("secure_boot", facts.secure_boot, secure_boot),
        "boot": [_boot_path(one) for one in facts.boot_paths],
        "partition_table": facts.partition_table,
        "partitions": [_partition(one) for one in facts.partitions],
        "filesystems": [_filesystem(one, seen) for one in facts.filesystems],
        "unknown": seen.unknown,
        "evidence": seen.evidence,
    }
    return cast("documents.Guest", found)


def _family(family: Family) -> "documents.Family":
    return {
        "name": family.name,
        "title": clean(family.title),
        "read": family.read,
        "note": clean(family.note),
        "first_boot": family.first_boot,
        "evidence": clean(family.evidence),
    }


def _linux(facts: LinuxFacts, seen: Seen) -> Object:
    cloud = facts.cloud_init
    return {
        "os_type": "linux",
        "os_distro": seen.value("os_distro", facts.os_distro),
        "os_version": seen.value("os_version", facts.os_version),
        "architecture": seen.value("architecture", facts.architecture),
        "root": {"filesystem": facts.root_filesystem, "on_lvm": facts.root_on_lvm},
        "kernels": seen.value("kernels", facts.kernels, lambda kernels: [_kernel(k, seen) for k in kernels]),
        "qemu_guest_agent": _agent(facts.agent, seen),
        "cloud_init": {
            "installed": seen.value("cloud_init.installed", cloud.installed),
            "enabled": seen.value("cloud_init.enabled", cloud.enabled),
            "datasources": seen.value("cloud_init.datasources", cloud.datasources, list),
            "default_user": seen.value("cloud_init.default_user", cloud.default_user),
            "leftovers": seen.value("cloud_init.leftovers", cloud.leftovers, list),
            "version": seen.value("cloud_init.version", cloud.version),
        },
        "machine_id": seen.value("machine_id", facts.machine_id),
        "ssh_host_keys": seen.value("ssh_host_keys", facts.ssh_host_keys, list),
        "command_line": seen.value("command_line", facts.command_line, clean),
        "device_references": seen.value(
            "device_references", facts.device_references, lambda found: [_reference(one) for one in found]
        ),
        "root_is_last": seen.value("root_is_last", facts.root_is_last),
        "can_grow": seen.value("can_grow", facts.can_grow),
        "pinned_macs": seen.value("pinned_macs", facts.pinned_macs, list),
        "lvm_devices_file": seen.value("lvm_devices_file", facts.lvm_devices_file),
        "secrets": seen.value("secrets", facts.secrets, list),
    }


def _reference(one: DeviceReference) -> "documents.Reference":
    return {
        "source": clean(one.source),
        "device": clean(one.device),
        "mount_point": clean(one.mount_point),
        "resolves": one.resolves,
        "stable": one.stable,
        "required": one.required,
    }


def _no_linux() -> Object:
    """The promised keys, when there is nothing to say."""
    keys = ("os_type", "os_distro", "os_version", "architecture", "root")
    more = ("kernels", "qemu_guest_agent", "cloud_init", "machine_id", "ssh_host_keys", "command_line")
    last = ("device_references", "root_is_last", "can_grow", "pinned_macs", "lvm_devices_file", "secrets")
    return dict.fromkeys(keys + more + last)


def _agent(agent: AgentFacts, seen: Seen) -> "documents.Agent":
    return {
        "installed": seen.value("qemu_guest_agent.installed", agent.installed),
        "version": seen.value("qemu_guest_agent.version", agent.version),
        "enabled": seen.value("qemu_guest_agent.enabled", agent.enabled),
        "enabled_by": seen.value("qemu_guest_agent.enabled_by", agent.enabled_by),
        "channel": seen.value("qemu_guest_agent.channel", agent.channel),
        "filtered_rpcs": seen.value("qemu_guest_agent.filtered_rpcs", agent.filtered_rpcs, list),
        "failing_rpcs": seen.value("qemu_guest_agent.failing_rpcs", agent.failing_rpcs, list),
    }


def _windows(facts: WindowsFacts, seen: Seen) -> Object:
    return {
        "os_type": "windows",
        "os_distro": "windows",
        "os_version": seen.value("os_version", facts.version),
        "architecture": seen.value("architecture", facts.architecture),
        "qemu_guest_agent": _agent(facts.agent, seen),
        "windows": {
            "product": seen.value("windows.product", facts.product),
            "drivers": seen.value(
                "windows.drivers", facts.drivers, lambda found: [_driver(one) for one in found]
            ),
            "cloudbase_init": seen.value("windows.cloudbase_init", facts.cloud_init),
            "hibernated": seen.value("windows.hibernated", facts.hibernated),
            "image_state": seen.value("windows.image_state", facts.setup, lambda found: found.image_state),
        },
    }


def _driver(driver: WindowsDriver) -> "documents.Driver":
    return {
        "name": driver.name,
        "start": driver.start,
        "file": driver.file,
        "device_ids": list(driver.device_ids),
    }


def _kernel(kernel: Kernel, seen: Seen) -> "documents.Kernel":
    key = f"kernels.{kernel.version}.initramfs"
    return {
        "version": kernel.version,
        "default": kernel.default,
        "default_evidence": kernel.default_evidence,
        "image": kernel.image,
        "missing_image": kernel.missing_image,
        "image_problem": kernel.image_problem,
        "late_modules": {
            name: seen.value(f"kernels.{kernel.version}.late_modules.{name}", loaded)
            for name, loaded in kernel.late.items()
        },
        "modules": dict(kernel.modules),
        "initramfs": seen.value(key, kernel.initramfs, lambda one: _initramfs(one) if one else None),
    }


def _initramfs(archive: Initramfs) -> "documents.Initramfs":
    return {
        "path": archive.path,
        "compression": archive.compression,
        "generator": archive.generator,
        "host_only": archive.host_only,
        "modules": dict(archive.modules),
        "problem": archive.problem,
        "junk": archive.junk,
        "stops": list(archive.stops),
        "obstacles": dict(archive.obstacles),
    }


def _boot_path(path: BootPath) -> "documents.BootPath":
    """The steps of a boot in their order; `used` where Nova boots in this way."""
    return {"firmware": path.firmware, "used": path.used, "steps": [_boot_step(one) for one in path.steps]}


def _boot_step(step: BootStep) -> "documents.BootStep":
    """`buses` is the initramfs' alone: on which of them it reaches the root."""
    shown: documents.BootStep = {
        "step": step.name,
        "outcome": step.outcome,
        "summary": clean(step.summary),
        "place": clean(step.place),
    }
    if step.name == "initramfs" and step.outcome == "goes-on":
        shown["buses"] = list(step.buses)
    return shown


def _firmware(firmware: Firmware) -> "documents.Firmware":
    return {"bios": firmware.bios, "uefi": firmware.uefi, "fallback_loader": firmware.fallback_loader}


def _partition(facts: PartitionFacts) -> "documents.Partition":
    return {
        "number": facts.number,
        "type": facts.type,
        "label": None if facts.label is None else clean(facts.label),
        "start_bytes": facts.start_bytes,
        "size_bytes": facts.size_bytes,
    }


def _filesystem(facts: FilesystemFacts, seen: Seen) -> "documents.Filesystem":
    return {
        "device": facts.device,
        "type": facts.type,
        "label": facts.label,
        "uuid": facts.uuid,
        "mount_point": facts.mount_point,
        "partitions": list(facts.partitions),
        "clean": seen.value(f"filesystems.{facts.device}.clean", facts.clean),
    }
