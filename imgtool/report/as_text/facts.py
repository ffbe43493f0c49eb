"""An inspection, as text: the image, a Linux guest's boot and remains, a Windows guest's drivers."""

from collections.abc import Iterator, Mapping, Sequence

from imgtool.formats.acceptance import as_it_is
from imgtool.model.boot_path import FIRMWARES, BootPath, BootStep
from imgtool.model.delivery import Property
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.image import DiskImage
from imgtool.model.inspection import Inspection
from imgtool.model.kernel import Initramfs, Kernel, ModuleState
from imgtool.model.layout import FilesystemFacts, Firmware
from imgtool.model.linux import DeviceReference, LinuxFacts
from imgtool.model.services import AgentFacts, CloudInitFacts
from imgtool.model.windows import WindowsDriver, WindowsFacts
from imgtool.report.as_text.layout import Paint, aligned, plain, properties, section, shown
from imgtool.util.text import human_size

_EARLY = ("virtio_pci", "virtio_blk", "virtio_scsi")
"""What an initramfs needs to reach a disk."""

_MACHINE = (*_EARLY, "virtio_net", "virtio_console", "virtio_balloon", "virtio_rng")
"""What the running system uses."""

_CONTAINERS = {"ova": "disk of the OVA", "vmdk": "data of the VMDK"}

Row = tuple[str, str]
"""Key and value; a key that belongs to the one before it is indented by two blanks."""


def inspection(facts: Inspection, derived: Sequence[Property], paint: Paint = plain) -> str:
    """`imgtool inspect`."""
    rows = [*image_rows(facts.image), ("consistent", _consistency(facts.consistent))]
    lines = section(str(facts.image.origin.path), rows, paint)
    lines += ["", *section("guest", guest_rows(facts.guest), paint)]
    lines += aligned(_filesystem_rows(facts.guest), paint)
    for title, steps in boot_sections(() if facts.guest.data_only else facts.guest.boot_paths):
        lines += ["", *section(title, steps, paint)]
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
    if image.container is not None:
        rows.append((_CONTAINERS[image.container.kind], image.container.member))
    if image.snapshots:
        rows.append(("snapshots", str(image.snapshots)))
    if (found := as_it_is(image)) is not None:
        rows.append(("OpenStack", found.message))
    return rows


def _consistency(fact: Fact[bool]) -> str:
    if isinstance(fact, Unknown):
        return shown(fact)
    return f"{'yes' if fact.value else 'no'} ({fact.evidence})"


def guest_rows(guest: GuestFacts) -> list[Row]:
    """The system inside, and what can start it; not the file systems."""
    family = [] if guest.family is None else [("family", f"{guest.family.title}: {guest.family.note}")]
    if guest.linux is not None:
        rows = _linux_rows(guest.linux)
    elif guest.windows is not None:
        rows = _windows_rows(guest.windows)
    else:
        said = "none: only data is on it" if guest.data_only else f"unknown: {guest.reason}"
        rows = iter([("system", said)] if guest.family is None else [])
    return [*family, *rows, ("firmware", shown(guest.firmware, started_by)), *_secure_boot(guest)]


def _secure_boot(guest: GuestFacts) -> list[Row]:
    """Return the row, of an image that is made for it."""
    found = guest.secure_boot
    if isinstance(found, Unknown) or not found.value.signed:
        return []
    refused = next((one for one in found.value.programs if one.refused), None)
    if refused is not None:
        return [("Secure Boot", f"stops at {refused.path}: {refused.refused}")]
    years = " and ".join(map(str, found.value.years))
    return [("Secure Boot", f"starts, by Microsoft's certificate of {years}")]


def boot_sections(paths: Sequence[BootPath]) -> Iterator[tuple[str, list[Row]]]:
    """The boot step by step: as Nova does it, then what else starts something."""
    for path in sorted(paths, key=lambda path: not path.used):
        if path.used or path.steps[0].outcome != "stops":
            by = FIRMWARES[path.firmware]
            yield (
                f"boot by {by}{', as Nova does it' if path.used else ''}",
                [_step(one) for one in path.steps],
            )


def _step(step: BootStep) -> Row:
    place = f" ({step.place})" if step.place else ""
    return step.name, f"{_OUTCOMES[step.outcome]}{step.summary}{place}"


_OUTCOMES = {
    "goes-on": "",
    "waits": "WAITS: ",
    "stops": "STOPS: ",
    "unknown": "unknown: ",
    "not-reached": "not reached: ",
}


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
    """Show those that are there, then those that are not, then those of which nobody knows."""
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
    if isinstance(agent.failing_rpcs, Known) and agent.failing_rpcs.value:
        yield "  failing RPCs", f"{' '.join(agent.failing_rpcs.value)} ({agent.failing_rpcs.evidence})"


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


def boot_rows(linux: LinuxFacts) -> Iterator[tuple[str, str]]:
    """Return the rows from the boot loader to a root file system that fills the disk."""
    yield "command line", shown(linux.command_line, lambda options: options or "empty")
    yield "devices named", shown(linux.device_references, _references)
    yield "root grows", _growth(linux)


def leftover_rows(linux: LinuxFacts) -> Iterator[tuple[str, str]]:
    """One line of each kind; LVM's list only where there is one, since few guests have it."""
    yield "left by cloud-init", shown(linux.cloud_init.leftovers, _listed)
    yield "pinned MAC addresses", shown(linux.pinned_macs, _listed)
    yield "secrets", shown(linux.secrets, _listed)
    fact = linux.lvm_devices_file
    if isinstance(fact, Unknown) or fact.value:
        yield "LVM devices file", shown(fact, lambda _: "names the devices of another machine")


def started_by(firmware: Firmware) -> str:
    """Which firmware finds something to start; the fallback loader in brackets."""
    uefi = f"UEFI ({firmware.fallback_loader or 'no fallback loader'})"
    ways = [name for name, boots in (("BIOS", firmware.bios), (uefi, firmware.uefi)) if boots]
    return " and ".join(ways) or "nothing that starts"


def in_use(filesystem: FilesystemFacts) -> str:
    """A remark where it was not unmounted, else empty."""
    clean = filesystem.clean
    return f", in use when copied ({clean.evidence})" if isinstance(clean, Known) and not clean.value else ""


def _references(references: Sequence[DeviceReference]) -> str:
    """All of them, each once, with what is wrong with one that the boot needs."""
    words = dict.fromkeys(f"{one.device}{_remark(one)}" for one in references)
    return ", ".join(words) or "none"


def _remark(one: DeviceReference) -> str:
    if one.required and one.resolves is False:
        return " (not on this disk)"
    if one.required and one.resolves is None:
        return " (may not be on this disk)"
    return " (not a stable name)" if one.required and not one.stable else ""


def _growth(linux: LinuxFacts) -> str:
    if linux.root_on_lvm:
        return "not by itself: it is on LVM"
    facts = (linux.root_is_last, linux.can_grow)
    hindered = [fact.evidence for fact in facts if isinstance(fact, Known) and not fact.value]
    unknown = [fact.reason for fact in facts if isinstance(fact, Unknown)]
    if hindered or unknown:
        return f"no: {hindered[0]}" if hindered else f"unknown ({unknown[0]})"
    return "at the first boot"


def _listed(found: Sequence[str]) -> str:
    return ", ".join(found) or "none"


STARTS = {0: "starts at boot", 1: "starts early", 2: "starts by itself", 3: "starts on demand", 4: "disabled"}


def driver_rows(windows: WindowsFacts) -> Iterator[tuple[str, str]]:
    """One row for each virtio driver."""
    if isinstance(windows.drivers, Unknown):
        yield "drivers", shown(windows.drivers)
        return
    if not windows.drivers.value:
        yield "drivers", "none of virtio"
    for driver in windows.drivers.value:
        yield "driver", f"{driver.name}, {_start(driver)}, {_file(driver)}{_devices(driver)}"


def hibernation_rows(windows: WindowsFacts) -> Iterator[tuple[str, str]]:
    """A row only where it is hibernated, or nobody knows."""
    if isinstance(windows.hibernated, Known) and not windows.hibernated.value:
        return
    yield "hibernated", shown(windows.hibernated, lambda _: "yes: it would be resumed")


def _start(driver: WindowsDriver) -> str:
    if driver.start is None:
        return "waits in the driver store"
    return STARTS.get(driver.start, f"Start={driver.start}")


def _file(driver: WindowsDriver) -> str:
    return driver.file or "its file is missing"


def _devices(driver: WindowsDriver) -> str:
    """Without the vendor, which is the same for all."""
    numbers = [one.rpartition("DEV_")[2] for one in driver.device_ids]
    return f", for {' '.join(numbers)}" if numbers else ""
