"""An inspection, as text."""

from collections.abc import Iterator, Mapping, Sequence

from imgtool.model.delivery import Property
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.image import DiskImage
from imgtool.model.inspection import Inspection
from imgtool.model.kernel import Initramfs, Kernel, ModuleState
from imgtool.model.linux import LinuxFacts
from imgtool.model.services import AgentFacts, CloudInitFacts
from imgtool.model.windows import WindowsFacts
from imgtool.report.as_text.layout import Paint, aligned, plain, properties, section, shown
from imgtool.report.as_text.machine import boot_rows, in_use, leftover_rows, started_by
from imgtool.report.as_text.windows import driver_rows, hibernation_rows
from imgtool.text import human_size

_EARLY = ("virtio_pci", "virtio_blk", "virtio_scsi")
"""What an initramfs needs to reach a disk."""

_MACHINE = (*_EARLY, "virtio_net", "virtio_console", "virtio_balloon", "virtio_rng")
"""What the running system uses."""


Row = tuple[str, str]
"""Key and value; a key that belongs to the one before it is indented by two blanks."""


def inspection(facts: Inspection, derived: Sequence[Property], paint: Paint = plain) -> str:
    """`imgtool inspect`."""
    rows = [*image_rows(facts.image), ("consistent", _consistency(facts.consistent))]
    lines = section(str(facts.image.origin.path), rows, paint)
    lines += ["", *section("guest", guest_rows(facts.guest), paint)]
    lines += aligned(_filesystem_rows(facts.guest), paint)
    if derived:
        lines += ["", *properties(derived, paint)]
    return "\n".join(lines)


def image_rows(image: DiskImage) -> list[Row]:
    """The image file."""
    origin = image.origin
    details = [f"version {image.version}" if image.version else ""]
    details += [f"clusters of {human_size(image.cluster_size_bytes)}" if image.cluster_size_bytes else ""]
    details += [f"compression {image.compression_type}" if image.compression_type else ""]
    details += [f"inside {origin.wrapper}" if origin.wrapper else ""]
    rows = [
        ("format", ", ".join([image.format, *filter(None, details)])),
        ("virtual size", f"{human_size(image.virtual_size_bytes)} ({image.virtual_size_bytes} bytes)"),
        ("file size", human_size(origin.file_size_bytes)),
        ("allocated", human_size(origin.allocated_bytes)),
    ]
    if image.snapshots:
        rows.append(("snapshots", str(image.snapshots)))
    return rows


def _consistency(fact: Fact[bool]) -> str:
    if isinstance(fact, Unknown):
        return shown(fact)
    return f"{'yes' if fact.value else 'no'} ({fact.evidence})"


def guest_rows(guest: GuestFacts) -> list[Row]:
    """The system inside, and what can start it; not the file systems."""
    if guest.linux is not None:
        rows = _linux_rows(guest.linux)
    elif guest.windows is not None:
        rows = _windows_rows(guest.windows)
    else:
        rows = iter([("system", f"unknown: {guest.reason}")])
    return [*rows, ("firmware", shown(guest.firmware, started_by))]


def _linux_rows(linux: LinuxFacts) -> Iterator[Row]:
    yield "system", " ".join(shown(one) for one in (linux.os_distro, linux.os_version, linux.architecture))
    yield from _kernel_rows(linux.kernels)
    yield from boot_rows(linux)
    yield from _agent_rows(linux.agent)
    yield from _cloud_init_rows(linux.cloud_init)
    yield from _identity_rows(linux)
    yield from leftover_rows(linux)


def _windows_rows(windows: WindowsFacts) -> Iterator[Row]:
    yield "system", " ".join(shown(one) for one in (windows.product, windows.version, windows.architecture))
    yield from driver_rows(windows)
    yield from _agent_rows(windows.agent)
    yield "Cloudbase-Init", shown(windows.cloud_init, lambda yes: "installed" if yes else "not installed")
    yield from hibernation_rows(windows)


def _filesystem_rows(guest: GuestFacts) -> Iterator[Row]:
    for one in guest.filesystems:
        mounted = f" on {one.mount_point}" if one.mount_point else ""
        label = f' "{one.label}"' if one.label else ""
        yield one.device, f"{one.type}{label}{mounted}{in_use(one)}"


def _kernel_rows(kernels: Fact[tuple[Kernel, ...]]) -> Iterator[Row]:
    if isinstance(kernels, Unknown):
        yield "kernel", f"unknown: {kernels.reason}"
        return
    for kernel in kernels.value:
        yield "kernel", kernel.version + (" (boots)" if kernel.default else "")
        yield "  modules", _modules(kernel.modules, _MACHINE)
        yield "  initramfs", shown(kernel.initramfs, lambda archive: archive.path if archive else "none")
        if isinstance(kernel.initramfs, Known) and kernel.initramfs.value:
            yield from _initramfs_rows(kernel.initramfs.value)


def _initramfs_rows(archive: Initramfs) -> Iterator[Row]:
    kind = {True: ", host-only", False: ", generic", None: ""}[archive.host_only]
    yield "    made by", f"{archive.generator or 'unknown'}{kind}, {archive.compression}"
    yield "    modules", _modules(archive.modules, _EARLY)
    if archive.problem:
        yield "    problem", archive.problem


def _modules(states: Mapping[str, ModuleState], names: Sequence[str]) -> str:
    """Those that are there, then those that are not, then those of which nobody knows."""
    there = [name for name in names if states.get(name) in {"module", "builtin"}]
    missing = [name for name in names if states.get(name) == "missing"]
    unsure = [f"{name}?" for name in names if states.get(name, "unknown") == "unknown"]
    return " ".join([*there, *unsure]) + (f"; missing: {' '.join(missing)}" if missing else "")


def _agent_rows(agent: AgentFacts) -> Iterator[Row]:
    words = [
        shown(agent.installed, lambda yes: "installed" if yes else "not installed"),
        shown(agent.version, lambda version: version or "version not recorded"),
        shown(agent.enabled, lambda yes: "enabled" if yes else "not enabled"),
        shown(agent.channel, lambda yes: "channel driver present" if yes else "no channel driver"),
    ]
    yield "qemu-guest-agent", ", ".join(words)
    if isinstance(agent.filtered_rpcs, Known) and agent.filtered_rpcs.value:
        yield "  filtered RPCs", " ".join(agent.filtered_rpcs.value)


def _cloud_init_rows(cloud: CloudInitFacts) -> Iterator[Row]:
    words = [
        shown(cloud.installed, lambda yes: "installed" if yes else "not installed"),
        shown(cloud.version, lambda version: version or "version not recorded"),
        shown(cloud.enabled, lambda yes: "enabled" if yes else "not enabled"),
        shown(cloud.datasources, lambda names: "datasources " + (" ".join(names) or "not restricted")),
    ]
    yield "cloud-init", ", ".join(words)


def _identity_rows(linux: LinuxFacts) -> Iterator[Row]:
    yield "machine-id", shown(linux.machine_id)
    yield "SSH host keys", shown(linux.ssh_host_keys, lambda keys: " ".join(keys) or "none")
