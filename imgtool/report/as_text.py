"""Everything as aligned text for a person. Text from images is escaped; colour is the caller's."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from imgtool.model import (
    AgentFacts,
    CloudInitFacts,
    ConversionPlan,
    ConversionResult,
    DiskImage,
    Fact,
    Finding,
    Firmware,
    GuestFacts,
    Initramfs,
    Inspection,
    Judgement,
    Kernel,
    Known,
    LinuxFacts,
    Outcome,
    Prepared,
    Property,
    Severity,
    T,
    Unknown,
    UploadPlan,
    UploadResult,
)
from imgtool.text import human_size, printable

Paint = Callable[[str, str], str]
"""Colours a text for a role: title, good, bad, doubt, dim."""

_SEVERITY_ORDER = list(Severity)
_OUTCOME_ORDER = [Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.PASS, Outcome.SKIPPED]
_WIDTH = 22


def plain(text: str, _role: str) -> str:
    """No colour."""
    return text


def inspection(facts: Inspection, properties: Sequence[Property], paint: Paint = plain) -> str:
    """`imgtool inspect`."""
    lines = [*_image(facts.image, paint), "", *_guest(facts.guest, paint)]
    if properties:
        lines += ["", *_properties(properties, paint)]
    return "\n".join(lines)


def judgement(found: Judgement, paint: Paint = plain) -> str:
    """One image's findings, worst first, the evidence and the remedy under each that did not pass."""
    lines = [paint(printable(found.image), "title")]
    for finding in sorted(found.findings, key=_rank):
        lines += _finding(finding, paint)
    return "\n".join([*lines, "", _summary(found, paint)])


def report(found: Sequence[Judgement]) -> str:
    """`--report text=PATH`."""
    return "\n\n".join(judgement(one) for one in found) + "\n"


def conversion_plan(plan: ConversionPlan, paint: Paint = plain) -> str:
    """What a conversion would do."""
    rows = [
        ("from", f"{plan.source.path} ({plan.source.format}, {human_size(plan.source.virtual_size_bytes)})"),
        ("to", f"{plan.target} ({plan.target_format}, compression {plan.compression})"),
        ("engine", f"{plan.engine}: {plan.engine_reason}"),
    ]
    return "\n".join(_section("conversion", rows, paint))


def conversion(result: ConversionResult, paint: Paint = plain) -> str:
    """What a conversion did."""
    virtual = result.plan.source.virtual_size_bytes
    sizes = (
        f"{human_size(virtual)} virtual, {human_size(result.file_size_bytes)} file, "
        f"{human_size(result.allocated_bytes)} allocated"
    )
    rows = [("size", sizes), ("time", f"{result.seconds:.1f} s")]
    return "\n".join([conversion_plan(result.plan, paint), *_rows(rows, paint)])


def upload_plan(plan: UploadPlan, paint: Paint = plain) -> str:
    """What an upload would do."""
    rows = [
        ("cloud", plan.cloud),
        ("name", plan.name),
        ("format", f"{plan.disk_format}, container {plan.container_format}"),
        ("visibility", plan.visibility),
        ("min disk", f"{plan.min_disk_gib} GiB"),
    ]
    return "\n".join([*_section("upload", rows, paint), *_properties(plan.properties, paint)])


def upload(result: UploadResult, paint: Paint = plain) -> str:
    """What Glance has now."""
    rows = [
        ("image", f"{result.image_id} ({result.status})"),
        ("size", f"{human_size(result.size_bytes)} ({result.size_bytes} bytes)"),
        (result.hash_algorithm, result.hash_value),
        ("time", f"{result.seconds:.1f} s"),
    ]
    return "\n".join([upload_plan(result.plan, paint), *_rows(rows, paint)])


def prepared(story: Prepared, paint: Paint = plain) -> str:
    """`imgtool prepare`: the judgement, then what was done or would be."""
    parts = [judgement(story.judgement, paint)]
    if story.conversion:
        parts.append(conversion(story.conversion, paint))
    elif story.conversion_plan:
        parts.append(conversion_plan(story.conversion_plan, paint))
    if story.upload:
        parts.append(upload(story.upload, paint))
    elif story.upload_plan:
        parts.append(upload_plan(story.upload_plan, paint))
    return "\n\n".join(parts)


def _image(image: DiskImage, paint: Paint) -> list[str]:
    details = [f"version {image.version}" if image.version else ""]
    details += [f"clusters of {human_size(image.cluster_size_bytes)}" if image.cluster_size_bytes else ""]
    details += [f"compression {image.compression_type}" if image.compression_type else ""]
    details += [f"inside {image.wrapper}" if image.wrapper else ""]
    rows = [
        ("format", ", ".join([image.format, *filter(None, details)])),
        ("virtual size", f"{human_size(image.virtual_size_bytes)} ({image.virtual_size_bytes} bytes)"),
        ("file size", f"{human_size(image.file_size_bytes)}, {human_size(image.allocated_bytes)} allocated"),
    ]
    if image.snapshots:
        rows.append(("snapshots", str(image.snapshots)))
    return _section(str(image.path), rows, paint)


def _guest(guest: GuestFacts, paint: Paint) -> list[str]:
    if guest.linux is None:
        rows = [("system", f"unknown: {guest.reason}")]
        return [*_section("guest", rows, paint), *_disk(guest, paint)]
    linux = guest.linux
    rows = [
        ("system", " ".join(_shown(one) for one in (linux.os_distro, linux.os_version, linux.architecture))),
        *_kernel_rows(linux.kernels),
        *_agent_rows(linux.agent),
        *_cloud_init_rows(linux.cloud_init),
        *_identity_rows(linux),
    ]
    return [*_section("guest", rows, paint), *_disk(guest, paint)]


def _disk(guest: GuestFacts, paint: Paint) -> list[str]:
    rows = [("firmware", _shown(guest.firmware, _firmware))]
    for one in guest.filesystems:
        mounted = f" on {one.mount_point}" if one.mount_point else ""
        label = f' "{one.label}"' if one.label else ""
        rows.append((one.device, f"{one.type}{label}{mounted}"))
    return _rows(rows, paint)


def _kernel_rows(kernels: Fact[tuple[Kernel, ...]]) -> Iterator[tuple[str, str]]:
    if isinstance(kernels, Unknown):
        yield "kernel", f"unknown: {kernels.reason}"
        return
    for kernel in kernels.value:
        yield "kernel", kernel.version + (" (boots)" if kernel.default else "")
        yield "  modules", _virtio(kernel.modules.items())
        yield "  initramfs", _shown(kernel.initramfs, lambda archive: archive.path if archive else "none")
        if isinstance(kernel.initramfs, Known) and kernel.initramfs.value:
            yield from _initramfs_rows(kernel.initramfs.value)


def _initramfs_rows(archive: Initramfs) -> Iterator[tuple[str, str]]:
    kind = {True: ", host-only", False: ", generic", None: ""}[archive.host_only]
    yield "    made by", f"{archive.generator or 'unknown'}{kind}, {archive.compression}"
    yield "    modules", _virtio(archive.modules.items())
    if archive.problem:
        yield "    problem", archive.problem


def _virtio(modules: Iterable[tuple[str, str]]) -> str:
    names = {name: state for name, state in modules if name.startswith("virtio")}
    there = [name for name, state in names.items() if state in {"module", "builtin"}]
    missing = [f"no {name}" for name, state in names.items() if state == "missing"]
    unsure = [f"{name}?" for name, state in names.items() if state == "unknown"]
    return " ".join(there + missing + unsure)


def _agent_rows(agent: AgentFacts) -> Iterator[tuple[str, str]]:
    words = [
        _shown(agent.installed, lambda yes: "installed" if yes else "not installed"),
        _shown(agent.version, lambda version: version or "version not recorded"),
        _shown(agent.enabled, lambda yes: "enabled" if yes else "not enabled"),
        _shown(agent.channel, lambda yes: "channel driver present" if yes else "no channel driver"),
    ]
    yield "qemu-guest-agent", ", ".join(words)
    if isinstance(agent.filtered_rpcs, Known) and agent.filtered_rpcs.value:
        yield "  filtered RPCs", " ".join(agent.filtered_rpcs.value)


def _cloud_init_rows(cloud: CloudInitFacts) -> Iterator[tuple[str, str]]:
    words = [
        _shown(cloud.installed, lambda yes: "installed" if yes else "not installed"),
        _shown(cloud.enabled, lambda yes: "enabled" if yes else "not enabled"),
        _shown(cloud.datasources, lambda names: "datasources " + (" ".join(names) or "not restricted")),
    ]
    yield "cloud-init", ", ".join(words)


def _identity_rows(linux: LinuxFacts) -> Iterator[tuple[str, str]]:
    yield "machine-id", _shown(linux.machine_id)
    yield "SSH host keys", _shown(linux.ssh_host_keys, lambda keys: " ".join(keys) or "none")


def _firmware(firmware: Firmware) -> str:
    ways = [name for name, boots in (("BIOS", firmware.bios), ("UEFI", firmware.uefi)) if boots]
    return " and ".join(ways) or "nothing that starts"


def _shown(fact: Fact[T], show: Callable[[T], str] = str) -> str:
    return show(fact.value) if isinstance(fact, Known) else f"unknown ({fact.reason})"


def _properties(properties: Sequence[Property], paint: Paint) -> list[str]:
    if not properties:
        return []
    width = max(len(f"{item.name}={item.value}") for item in properties)
    lines = [paint("image properties", "title")]
    for item in properties:
        setting = printable(f"{item.name}={item.value}").ljust(width)
        lines.append(f"  {setting}  {paint(printable(item.reason), 'dim')}")
    return lines


def _finding(finding: Finding, paint: Paint) -> list[str]:
    role, word = _role(finding)
    lines = [f"  {paint(word.ljust(7), role)}  {finding.check.ljust(_WIDTH)} {printable(finding.message)}"]
    if finding.outcome in {Outcome.PASS, Outcome.SKIPPED}:
        return lines
    indent = " " * 11
    if finding.evidence:
        lines.append(f"{indent}{paint('seen', 'dim')}  {printable(finding.evidence)}")
    if finding.remedy:
        lines.append(f"{indent}{paint('fix', 'dim')}   {printable(finding.remedy)}")
    return lines


def _role(finding: Finding) -> tuple[str, str]:
    if finding.outcome is Outcome.PASS:
        return "good", "pass"
    if finding.outcome is Outcome.SKIPPED:
        return "dim", "skipped"
    if finding.outcome is not Outcome.FAIL:
        return ("bad" if finding.fails_image else "doubt"), finding.outcome.value
    return {
        Severity.ERROR: ("bad", "FAIL"),
        Severity.WARNING: ("doubt", "warning"),
        Severity.INFO: ("dim", "note"),
    }[finding.severity]


def _rank(finding: Finding) -> tuple[bool, int, int]:
    """Worst first: what fails the image, then by outcome and severity."""
    outcome = _OUTCOME_ORDER.index(finding.outcome)
    return not finding.fails_image, outcome, _SEVERITY_ORDER.index(finding.severity)


def _summary(found: Judgement, paint: Paint) -> str:
    failing = sum(finding.fails_image for finding in found.findings)
    passing = sum(finding.outcome is Outcome.PASS for finding in found.findings)
    if found.passed:
        return paint("PASS", "good") + f"  {passing} checks passed, nothing stands in the way"
    return paint("FAIL", "bad") + f"  {failing} of {len(found.findings)} checks stand in the way"


def _section(title: str, rows: Iterable[tuple[str, str]], paint: Paint) -> list[str]:
    return [paint(printable(title), "title"), *_rows(rows, paint)]


def _rows(rows: Iterable[tuple[str, str]], paint: Paint) -> list[str]:
    return [f"  {paint(printable(key).ljust(_WIDTH), 'dim')} {printable(value)}" for key, value in rows]
