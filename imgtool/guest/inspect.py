"""The story of one disk: volumes -> file systems -> the system on them -> its facts."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import BinaryIO

from imgtool.guest.boot_runs import BootRuns, run_boot
from imgtool.guest.boot_steps import boot_paths, with_system
from imgtool.guest.bootloader.start import Start
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.fact import fact_of
from imgtool.guest.family import family_of, recognised
from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.clean import read_clean
from imgtool.guest.filesystems.declared_size import declared_bytes
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.firmware import starts_on
from imgtool.guest.installed import read_installed
from imgtool.guest.inventory import read_inventory
from imgtool.guest.mounts import Device, System, find_system, with_kernels
from imgtool.guest.roots import NoSystemError
from imgtool.guest.system import read_architecture
from imgtool.guest.tree import GuestTree
from imgtool.guest.volumes import DiskLayout, Volume, read_layout
from imgtool.guest.windows.facts import read_windows
from imgtool.guest.windows.hives import Hives
from imgtool.guest.windows.programs import programs_fact
from imgtool.model.facts import NO_EXTRAS, Fact, GuestQuery, Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.inventory import Inventory
from imgtool.model.layout import FilesystemFacts, PartitionFacts
from imgtool.model.linux import LinuxFacts


def inspect_disk(disk: BinaryIO, size_bytes: int, guest_query: GuestQuery = NO_EXTRAS) -> GuestFacts:
    """All that can be told of the guest on this disk; never raises for what is on it.

    `disk` gives the guest's bytes, `size_bytes` of them; `guest_query` is what a policy asks for besides.
    What cannot be read is unknown, with the reason.
    """
    facts = GuestFacts("unknown", "the disk was not read")
    try:
        layout = read_layout(disk, size_bytes)
        facts = replace(facts, partition_table=layout.scheme, partitions=_partitions(layout))
        facts = replace(facts, table_faults=layout.faults)
        devices, problems = _open_devices(layout)
        facts = replace(facts, filesystems=_filesystems(devices, {}))
        contents = DiskContents(layout, devices, problems)
        with guarded("the boot"):
            runs = run_boot(layout, devices)
        facts = _with_boot(facts, runs)
        with guarded("the guest"):
            system = find_system(devices, problems, runs.options)
        facts = replace(facts, filesystems=_filesystems(devices, system.mount_points))
        with guarded("the system"):
            facts = _with_system(facts, system, contents, guest_query, runs)
    except NoSystemError as error:
        return _without_system(replace(facts, reason=str(error)), contents)
    except GuestReadError as error:
        return replace(facts, status="unknown", reason=str(error))
    return replace(facts, status="known")


def open_system(disk: BinaryIO, size_bytes: int) -> System:
    """The system on this disk, whose files are wanted. Raises GuestReadError where there is none."""
    layout = read_layout(disk, size_bytes)
    devices, problems = _open_devices(layout)
    with guarded("the guest"):
        system = find_system(devices, problems, run_boot(layout, devices).options)
        return with_kernels(system, devices)


def _with_boot(facts: GuestFacts, runs: BootRuns) -> GuestFacts:
    return replace(facts, firmware=runs.firmware, boot_paths=boot_paths(runs))


def _with_signatures(
    facts: GuestFacts, runs: BootRuns, tree: GuestTree, guest_query: GuestQuery
) -> GuestFacts:
    """Loaded only where UEFI starts something: BIOS verifies nothing."""
    if not guest_query.judged or not isinstance(runs.uefi.start, Start):
        return facts
    from imgtool.guest.secure_boot.chain import secure_boot_fact  # noqa: PLC0415 - see above

    return replace(facts, secure_boot=secure_boot_fact(runs.uefi, tree))


def _on_its_machine(runs: BootRuns, architecture: Fact[str], contents: DiskContents) -> BootRuns:
    """Return the same for the machine that the system is for: another one's loaders do not count."""
    if isinstance(architecture, Unknown) or starts_on(runs.uefi.start, architecture.value):
        return runs
    return run_boot(contents.layout, contents.devices, architecture.value)


def _without_system(facts: GuestFacts, contents: DiskContents) -> GuestFacts:
    """A family that is only recognised; or nothing but data, where all of the disk could be looked at."""
    with guarded("the disk"):
        family = recognised(contents)
    if family is not None:
        return replace(facts, family=family, reason=f"{family.title} ({family.evidence}): {family.note}")
    firmware = facts.firmware.value if isinstance(facts.firmware, Known) else None
    starts = firmware is None or firmware.bios or firmware.uefi
    return replace(facts, data_only=not starts and contents.hidden is None)


def _with_system(
    facts: GuestFacts, system: System, contents: DiskContents, guest_query: GuestQuery, runs: BootRuns
) -> GuestFacts:
    name = system.root.volume.name
    if system.kind == "linux":
        runs = _on_its_machine(runs, fact_of(lambda: read_architecture(system.tree)), contents)
        family = family_of(system.tree, system.arrangement)
        linux = _linux(system, contents, guest_query, runs)
        facts = replace(_with_boot(facts, runs), inventory=read_inventory(system.tree, guest_query))
        facts = _with_signatures(facts, runs, system.tree, guest_query)
        paths = with_system(facts.boot_paths, linux)
        return replace(facts, reason=f"Linux on {name}", linux=linux, family=family, boot_paths=paths)
    windows, facts = read_windows(system.tree, guest_query), _with_programs(facts, system, guest_query)
    if isinstance(windows.hibernated, Known) and windows.hibernated.value:
        facts = replace(facts, filesystems=_in_use(facts.filesystems, name, windows.hibernated.evidence))
    runs = _on_its_machine(runs, windows.architecture, contents)
    facts = _with_signatures(facts, runs, system.tree, guest_query)
    return replace(_with_boot(facts, runs), reason=f"Windows on {name}", windows=windows)


def _linux(system: System, contents: DiskContents, guest_query: GuestQuery, runs: BootRuns) -> LinuxFacts:
    """What judges is loaded only where that is asked for: half of all that reads guests."""
    if not guest_query.judged:
        return read_installed(system, guest_query, runs.chosen.loader)
    from imgtool.guest.linux import read_linux  # noqa: PLC0415 - see above

    return read_linux(system, contents, guest_query, runs.chosen.loader, runs.chosen.start)


def _with_programs(facts: GuestFacts, system: System, guest_query: GuestQuery) -> GuestFacts:
    if not guest_query.packages:
        return facts
    return replace(facts, inventory=Inventory(programs_fact(Hives(system.tree))))


def _in_use(
    filesystems: Sequence[FilesystemFacts], device: str, evidence: str
) -> tuple[FilesystemFacts, ...]:
    """A system that is hibernated has its file system still mounted."""
    unclean = Known(value=False, evidence=evidence)
    return tuple(replace(one, clean=unclean) if one.device == device else one for one in filesystems)


def _partitions(layout: DiskLayout) -> tuple[PartitionFacts, ...]:
    return tuple(
        PartitionFacts(one.number, one.type, one.label, one.start_bytes, one.size_bytes, one.table_bytes)
        for one in layout.partitions
    )


def _open_devices(layout: DiskLayout) -> tuple[list[Device], list[str]]:
    """Each volume with something known on it, and why others could not be looked at."""
    devices = []
    problems = [layout.problem] if layout.problem else []
    partitions = {partition.name: partition for partition in layout.partitions}
    for volume in layout.volumes:
        try:
            device = _open_device(volume)
        except GuestReadError as error:
            problems.append(str(error))
        else:
            devices.extend([replace(device, partition=partitions.get(volume.name))] if device else [])
    return devices, problems


def _open_device(volume: Volume) -> Device | None:
    with guarded(volume.name):
        filesystem = open_filesystem(volume.open(), volume.size_bytes)
    return Device(volume, filesystem, None) if filesystem is not None else None


def _filesystems(devices: Sequence[Device], mount_points: dict[str, str]) -> tuple[FilesystemFacts, ...]:
    return tuple(
        FilesystemFacts(
            device=device.volume.name,
            type=device.filesystem.type,
            label=device.filesystem.label,
            uuid=device.filesystem.uuid,
            mount_point=mount_points.get(device.volume.name),
            clean=fact_of(partial(_clean, device)),
            partitions=device.volume.partitions,
            declared_bytes=_declared_bytes(device),
            device_bytes=device.volume.size_bytes,
        )
        for device in devices
    )


def _declared_bytes(device: Device) -> int | None:
    volume = device.volume
    try:
        with guarded(volume.name):
            return declared_bytes(device.filesystem.type, volume.open(), volume.size_bytes)
    except GuestReadError:
        return None


def _clean(device: Device) -> Known[bool]:
    volume = device.volume
    with guarded(volume.name):
        return read_clean(device.filesystem.type, volume.open(), volume.size_bytes)
