"""Everything as JSON. The keys are a promise to scripts: add, never rename (tests hold them).

In the guest's facts an unknown value is null, and `unknown` maps its dotted key to the reason;
`evidence` does the same for what is known.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from imgtool.errors import ImgtoolError
from imgtool.model import (
    SCHEMA_VERSION,
    ConversionPlan,
    ConversionResult,
    DiskImage,
    Fact,
    FilesystemFacts,
    Finding,
    Firmware,
    GuestFacts,
    Initramfs,
    Inspection,
    Judgement,
    Kernel,
    LinuxFacts,
    Property,
    Story,
    T,
    Unknown,
    UploadPlan,
    UploadResult,
)

Object = dict[str, Any]
P = TypeVar("P")
R = TypeVar("R")


def to_text(value: Object) -> str:
    """The JSON text, ASCII only: names that are not UTF-8 and control characters are escaped."""
    return json.dumps(value, indent=2, default=_unsupported)


def inspection(facts: Inspection, properties: Sequence[Property]) -> Object:
    """`imgtool inspect`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "image": image(facts.image),
        "guest": guest(facts.guest),
        "properties": {item.name: item.value for item in properties},
    }


def results(stories: Sequence[Story]) -> Object:
    """`imgtool check`; where an image was also converted and uploaded, that stands with its result."""
    return {"schema_version": SCHEMA_VERSION, "results": [_result(one) for one in stories]}


def report(stories: Sequence[Story]) -> str:
    """`--report json=PATH`."""
    return to_text(results(stories)) + "\n"


def judgement(found: Judgement) -> Object:
    """One image's result."""
    return {
        "image": _clean(found.image),
        "outcome": "pass" if found.passed else "fail",
        "findings": [_finding(one) for one in found.findings],
    }


def error(problem: ImgtoolError) -> Object:
    """What went wrong."""
    fields = {"code": problem.code, "message": _clean(problem.message), "hint": _clean(problem.hint)}
    return {"error": fields}


def image(facts: DiskImage) -> Object:
    """The image file."""
    return {
        "path": _path(facts.origin.path),
        "format": facts.format,
        "wrapper": facts.origin.wrapper,
        "virtual_size_bytes": facts.virtual_size_bytes,
        "file_size_bytes": facts.origin.file_size_bytes,
        "allocated_bytes": facts.origin.allocated_bytes,
        "cluster_size_bytes": facts.cluster_size_bytes,
        "compression_type": facts.compression_type,
        "version": facts.version,
        "snapshots": facts.snapshots,
        "encrypted": facts.encrypted,
        "format_evidence": _clean(facts.format_evidence),
    }


def guest(facts: GuestFacts) -> Object:
    """The guest, with what could not be read and why."""
    seen = _Facts()
    linux = _linux(facts.linux, seen) if facts.linux else _no_linux()
    return {
        "status": facts.status,
        "reason": _clean(facts.reason),
        **linux,
        "firmware": seen.value("firmware", facts.firmware, _firmware),
        "filesystems": [_filesystem(one) for one in facts.filesystems],
        "unknown": seen.unknown,
        "evidence": seen.evidence,
    }


def conversion_plan(plan: ConversionPlan) -> Object:
    """What a conversion would do."""
    return {
        "source": image(plan.source),
        "target": _path(plan.target),
        "target_format": plan.target_format,
        "compression": plan.compression,
        "engine": plan.engine,
        "engine_reason": plan.engine_reason,
        "cluster_size_bytes": plan.options.cluster_size_bytes if plan.target_format == "qcow2" else None,
        "level": plan.options.level,
        "threads": plan.options.threads,
        "preallocation": plan.options.preallocation,
        "use_extents": plan.options.use_extents,
        "verify": plan.options.verify,
    }


def conversion(result: ConversionResult) -> Object:
    """What a conversion did."""
    return {
        **conversion_plan(result.plan),
        "file_size_bytes": result.file_size_bytes,
        "allocated_bytes": result.allocated_bytes,
        "seconds": round(result.seconds, 3),
        "virtual_size_bytes": result.virtual_size_bytes,
        "data_bytes": result.data_bytes,
        "cloned_bytes": result.cloned_bytes,
    }


def upload_plan(plan: UploadPlan) -> Object:
    """What an upload would do."""
    return {
        "cloud": _clean(plan.cloud),
        "name": _clean(plan.name),
        "path": _path(plan.image.origin.path),
        "disk_format": plan.disk_format,
        "container_format": plan.container_format,
        "min_disk_gib": plan.min_disk_gib,
        "visibility": plan.visibility,
        "properties": {item.name: _clean(item.value) for item in plan.properties},
        "property_reasons": {item.name: _clean(item.reason) for item in plan.properties},
    }


def upload(result: UploadResult) -> Object:
    """What Glance has now."""
    return {
        **upload_plan(result.plan),
        "image_id": result.image_id,
        "status": result.status,
        "size_bytes": result.size_bytes,
        "os_hash_algo": result.hash_algorithm,
        "os_hash_value": result.hash_value,
        "seconds": round(result.seconds, 3),
    }


def story(told: Story) -> Object:
    """`imgtool prepare`: the last stage that was reached stands in full."""
    properties = told.upload_plan.properties if told.upload_plan else ()
    return {
        "schema_version": SCHEMA_VERSION,
        "inspection": inspection(told.inspection, properties) if told.inspection else None,
        "result": judgement(told.judgement),
        **_delivery(told),
    }


def _result(told: Story) -> Object:
    reached = {key: value for key, value in _delivery(told).items() if value is not None}
    return {**judgement(told.judgement), **reached}


def _delivery(told: Story) -> Object:
    return {
        "conversion": _last(told.conversion, conversion, told.conversion_plan, conversion_plan),
        "upload": _last(told.upload, upload, told.upload_plan, upload_plan),
    }


def _last(
    result: R | None, show_result: Callable[[R], Object], plan: P | None, show_plan: Callable[[P], Object]
) -> Object | None:
    """The result where there is one, else the plan, else nothing."""
    if result is not None:
        return show_result(result)
    return None if plan is None else show_plan(plan)


class _Facts:
    """Takes facts apart: the value for its place, the reason or the evidence for the two maps."""

    def __init__(self) -> None:
        self.unknown: dict[str, str] = {}
        self.evidence: dict[str, str] = {}

    def value(self, key: str, fact: Fact[T], show: Callable[[T], Any] = lambda value: value) -> Any:
        if isinstance(fact, Unknown):
            self.unknown[key] = _clean(fact.reason)
            return None
        self.evidence[key] = _clean(fact.evidence)
        return show(fact.value)


def _linux(facts: LinuxFacts, seen: _Facts) -> Object:
    agent, cloud = facts.agent, facts.cloud_init
    return {
        "os_type": "linux",
        "os_distro": seen.value("os_distro", facts.os_distro),
        "os_version": seen.value("os_version", facts.os_version),
        "architecture": seen.value("architecture", facts.architecture),
        "root": {"filesystem": facts.root_filesystem, "on_lvm": facts.root_on_lvm},
        "kernels": seen.value("kernels", facts.kernels, lambda kernels: [_kernel(k, seen) for k in kernels]),
        "qemu_guest_agent": {
            "installed": seen.value("qemu_guest_agent.installed", agent.installed),
            "version": seen.value("qemu_guest_agent.version", agent.version),
            "enabled": seen.value("qemu_guest_agent.enabled", agent.enabled),
            "enabled_by": seen.value("qemu_guest_agent.enabled_by", agent.enabled_by),
            "channel": seen.value("qemu_guest_agent.channel", agent.channel),
            "filtered_rpcs": seen.value("qemu_guest_agent.filtered_rpcs", agent.filtered_rpcs, list),
        },
        "cloud_init": {
            "installed": seen.value("cloud_init.installed", cloud.installed),
            "enabled": seen.value("cloud_init.enabled", cloud.enabled),
            "datasources": seen.value("cloud_init.datasources", cloud.datasources, list),
            "default_user": seen.value("cloud_init.default_user", cloud.default_user),
        },
        "machine_id": seen.value("machine_id", facts.machine_id),
        "ssh_host_keys": seen.value("ssh_host_keys", facts.ssh_host_keys, list),
    }


def _no_linux() -> Object:
    """The promised keys, when there is nothing to say."""
    keys = ("os_type", "os_distro", "os_version", "architecture", "root")
    more = ("kernels", "qemu_guest_agent", "cloud_init", "machine_id", "ssh_host_keys")
    return dict.fromkeys(keys + more)


def _kernel(kernel: Kernel, seen: _Facts) -> Object:
    key = f"kernels.{kernel.version}.initramfs"
    return {
        "version": kernel.version,
        "default": kernel.default,
        "default_evidence": kernel.default_evidence,
        "image": kernel.image,
        "modules": dict(kernel.modules),
        "initramfs": seen.value(key, kernel.initramfs, lambda one: _initramfs(one) if one else None),
    }


def _initramfs(archive: Initramfs) -> Object:
    return {
        "path": archive.path,
        "compression": archive.compression,
        "generator": archive.generator,
        "host_only": archive.host_only,
        "modules": dict(archive.modules),
        "problem": archive.problem,
    }


def _firmware(firmware: Firmware) -> Mapping[str, bool]:
    return {"bios": firmware.bios, "uefi": firmware.uefi}


def _filesystem(facts: FilesystemFacts) -> Object:
    return {
        "device": facts.device,
        "type": facts.type,
        "label": facts.label,
        "uuid": facts.uuid,
        "mount_point": facts.mount_point,
    }


def _finding(finding: Finding) -> Object:
    return {
        "check": finding.check,
        "outcome": finding.outcome.value,
        "severity": finding.severity.value,
        "message": _clean(finding.message),
        "evidence": _clean(finding.evidence),
        "remedy": _clean(finding.remedy),
    }


def _path(path: Path) -> str:
    return _clean(str(path))


def _clean(text: str) -> str:
    """Lone surrogates (bytes that are not UTF-8) are no valid JSON text: they become backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _unsupported(value: object) -> str:
    raise TypeError(f"no JSON form for {type(value).__name__}")
