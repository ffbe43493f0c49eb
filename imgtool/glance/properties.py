"""Image properties from what is really inside the image. Pure.

A fact that is unknown derives nothing: a wrong property keeps a good image from booting, a missing one
leaves the cloud's default. Meanings: https://docs.openstack.org/glance/latest/admin/useful-image-properties.html

os_require_quiesce is set only where the operator asks for it: Nova then takes no snapshot that is not frozen.
Where the agent cannot freeze, every snapshot of every instance fails; so this is refused beforehand. Source:
https://docs.openstack.org/nova/latest/admin/configuration/hypervisor-kvm.html, and Nova's guest-fsfreeze-*.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from imgtool.errors import UsageError
from imgtool.glance.secure_boot import check_secure_boot, of_secure_boot, refuse_unseen
from imgtool.guest.windows.start import (
    BLOCK,
    NETWORK,
    RANDOM,
    SCSI,
    STORAGE,
    driver_named,
    obstacle_at_boot,
    obstacle_later,
)
from imgtool.model.delivery import Property
from imgtool.model.drivers import DriverSet, Reach, reach_of, wants_scsi_cdrom
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.kernel import Kernel
from imgtool.model.layout import Firmware
from imgtool.model.linux import LinuxFacts
from imgtool.model.nova_properties import faults, is_on
from imgtool.model.services import AgentFacts, CloudInitFacts
from imgtool.model.windows import WindowsDriver, WindowsFacts

PROPERTY = "os_require_quiesce"
FREEZE_RPCS = ("guest-fsfreeze-freeze", "guest-fsfreeze-thaw", "guest-fsfreeze-status")


def check_quiesce(inspection: Inspection, overrides: Mapping[str, str]) -> None:
    """Raise UsageError where it is asked for and the guest's agent was not seen to be able to freeze."""
    if not is_on(overrides, PROPERTY):
        return
    agent = _agent(inspection.guest)
    obstacle = "no system was found in the image" if agent is None else next(_obstacles(agent), None)
    if obstacle is not None:
        raise UsageError(
            f"{PROPERTY} would make every snapshot fail: {obstacle}",
            hint=f"correct the image's agent (imgtool check), or leave --property {PROPERTY} out",
        )


def _agent(guest: GuestFacts) -> AgentFacts | None:
    if guest.linux is not None:
        return guest.linux.agent
    return guest.windows.agent if guest.windows is not None else None


def _obstacles(agent: AgentFacts) -> Iterator[str]:
    """Unknown is no yes."""
    needed = {"installed": agent.installed, "enabled": agent.enabled, "reached by its channel": agent.channel}
    for what, fact in needed.items():
        if isinstance(fact, Unknown):
            yield f"whether the agent is {what} is unknown ({fact.reason})"
        elif not fact.value:
            yield f"the agent is not {what} ({fact.evidence})"
    lost = {"configuration forbids": agent.filtered_rpcs, "service keeps from working": agent.failing_rpcs}
    for what, rpcs in lost.items():
        if isinstance(rpcs, Unknown):
            yield f"what the agent's {what} is unknown ({rpcs.reason})"
        elif named := [one for one in FREEZE_RPCS if one in rpcs.value]:
            yield f"the agent's {what} {', '.join(named)} ({rpcs.evidence})"


SAFE_VALUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+~ -]{0,63}")
"""What a value from a guest may look like: names of distributions, versions and users do."""


def given(overrides: Mapping[str, str]) -> tuple[Property, ...]:
    """Return the properties of an image that nobody has looked into, sorted by name.

    Raises UsageError for one that is set only where the agent was seen.
    """
    if is_on(overrides, PROPERTY):
        raise UsageError(
            f"{PROPERTY} would make every snapshot fail unless the agent can freeze, which is not known",
            hint=f"leave --property {PROPERTY} out, or --method web-download: then the image is inspected",
        )
    refuse_unseen(overrides)
    chosen = {name: Property(name, value, "given by the user") for name, value in overrides.items() if value}
    return tuple(chosen[name] for name in sorted(chosen))


def derive(
    inspection: Inspection, overrides: Mapping[str, str], *, derive: bool = True
) -> tuple[Property, ...]:
    """Properties for Glance, sorted by name. `overrides` win; one with an empty value unsets the property.

    Without `derive` there are only those. Raises UsageError for one that would break what the image can do.
    """
    check_quiesce(inspection, overrides)
    check_secure_boot(inspection.guest, overrides)
    derived: Iterable[Property] = (*_of_guest(inspection.guest), *of_secure_boot(overrides)) if derive else ()
    chosen = {found.name: found for found in derived if _is_taken(found)}
    for name, value in overrides.items():
        chosen[name] = Property(name, value, "given by the user")
    return tuple(chosen[name] for name in sorted(chosen) if chosen[name].value)


def _is_taken(found: Property) -> bool:
    """Nova refuses every server of an image with another value: an architecture that it does not know."""
    return SAFE_VALUE.fullmatch(found.value) is not None and not any(faults([(found.name, found.value)]))


def _of_guest(guest: GuestFacts) -> Iterator[Property]:
    if guest.linux is not None:
        yield from _of_linux(guest.linux, guest.firmware)
    elif guest.windows is not None:
        yield from _of_windows(guest.windows, guest.firmware)


def _of_linux(linux: LinuxFacts, firmware: Fact[Firmware]) -> Iterator[Property]:
    yield Property("os_type", "linux", "a Linux system is on the disk")
    yield from _distribution(linux.os_distro)
    yield from _copied("os_version", linux.os_version)
    yield from _copied("architecture", linux.architecture)
    if linux.default_kernel is not None:
        yield from _of_config_drive(linux.default_kernel)
        yield from _of_disk(reach_of(linux.default_kernel))
        yield from _of_kernel(linux.default_kernel)
    yield from _of_agent(linux.agent)
    yield from _of_cloud_init(linux.cloud_init)
    yield from _of_firmware(firmware, linux.architecture)


def _of_windows(windows: WindowsFacts, firmware: Fact[Firmware]) -> Iterator[Property]:
    yield Property("os_type", "windows", "a Windows system is on the disk")
    yield Property("os_distro", "windows", "a Windows system is on the disk")
    yield from _copied("os_version", windows.version)
    yield from _copied("architecture", windows.architecture)
    if isinstance(windows.drivers, Known):
        yield from _of_drivers(windows.drivers.value)
    yield from _of_agent(windows.agent)
    yield from _of_firmware(firmware, windows.architecture)


def _of_drivers(drivers: tuple[WindowsDriver, ...]) -> Iterator[Property]:
    """virtio-blk where Windows can start from it, else virtio-scsi, else nothing."""
    starting = [one.name for one in drivers if one.name in STORAGE and obstacle_at_boot(one) is None]
    if BLOCK in starting:
        yield Property("hw_disk_bus", "virtio", f"{BLOCK} starts at boot")
    elif SCSI in starting:
        yield Property("hw_disk_bus", "scsi", f"{SCSI} starts at boot")
        yield Property("hw_scsi_model", "virtio-scsi", f"{SCSI} starts at boot")
    for driver, name in ((NETWORK, "hw_vif_model"), (RANDOM, "hw_rng_model")):
        found = driver_named(drivers, driver)
        if found is not None and obstacle_later(found) is None:
            yield Property(name, "virtio", f"Windows has {driver}")


_LIBOSINFO = {
    "alpine": "alpinelinux", "arch": "archlinux", "manjaro": "Manjaro", "void": "voidlinux",
    "elementary": "elementaryos", "clear-linux-os": "clearlinux", "pop": "popos", "sles_sap": "sles",
}  # fmt: skip
"""IDs of os-release(5), and their names in libosinfo's database where they differ: readers of os_distro know
those. See `osinfo-query os`, and Glance's list of useful image properties."""


def _distribution(fact: Fact[str]) -> Iterator[Property]:
    """os_distro in libosinfo's words: openSUSE's Leap, Tumbleweed, MicroOS are one distribution there."""
    if not isinstance(fact, Known):
        return
    name = "opensuse" if fact.value.startswith("opensuse-") else _LIBOSINFO.get(fact.value, fact.value)
    reason = fact.evidence if name == fact.value else f"libosinfo's name of {fact.value}: {fact.evidence}"
    if name:
        yield Property("os_distro", name, reason)


def _copied(name: str, fact: Fact[str] | Fact[str | None]) -> Iterator[Property]:
    if isinstance(fact, Known) and fact.value:
        yield Property(name, fact.value, fact.evidence)


def _of_disk(reach: Reach) -> Iterator[Property]:
    """virtio-blk where the guest can start from it, else virtio-scsi, else nothing."""
    if reach.virtio_blk:
        yield Property("hw_disk_bus", "virtio", reach.reason("virtio_blk"))
    elif reach.virtio_scsi:
        reason = reach.reason("virtio_scsi and sd_mod")
        yield Property("hw_disk_bus", "scsi", reason)
        yield Property("hw_scsi_model", "virtio-scsi", reason)


def _of_config_drive(kernel: Kernel) -> Iterator[Property]:
    """Put it on a bus that the kernel reads, where Nova's default for a machine type may be none."""
    drivers = DriverSet(kernel.modules)
    if wants_scsi_cdrom(drivers):
        lacks = " and ".join(drivers.missing(("ahci", "ata_piix")))
        reason = f"for the config drive: kernel {kernel.version} has no {lacks}, but virtio_scsi and sr_mod"
        yield Property("hw_cdrom_bus", "scsi", reason)
        yield Property("hw_scsi_model", "virtio-scsi", reason)


_LATER = (
    ("virtio_net", "hw_vif_model"),
    ("virtio_rng", "hw_rng_model"),
    ("virtio_gpu", "hw_video_model"),
)


def _of_kernel(kernel: Kernel) -> Iterator[Property]:
    """Devices that are needed only once the root file system is there."""
    for module, name in _LATER:
        needed = ("virtio", "virtio_ring", "virtio_pci", module)
        if all(kernel.modules.get(one) in {"builtin", "module"} for one in needed):
            yield Property(name, "virtio", f"kernel {kernel.version} has {module}")


def _of_agent(agent: AgentFacts) -> Iterator[Property]:
    """Never os_require_quiesce: where the agent fails, it makes every snapshot fail. On request only."""
    needed = (agent.installed, agent.enabled, agent.channel)
    if all(isinstance(fact, Known) and fact.value is True for fact in needed):
        reason = "qemu-guest-agent is installed and enabled, and its channel's driver is there"
        yield Property("hw_qemu_guest_agent", "yes", reason)


def _of_cloud_init(cloud_init: CloudInitFacts) -> Iterator[Property]:
    if all(isinstance(fact, Known) and fact.value for fact in (cloud_init.installed, cloud_init.enabled)):
        yield from _copied("os_admin_user", cloud_init.default_user)


def _of_firmware(firmware: Fact[Firmware], architecture: Fact[str]) -> Iterator[Property]:
    """An image that boots both ways is left to the cloud's choice."""
    if not isinstance(firmware, Known) or firmware.value.bios == firmware.value.uefi:
        return
    if firmware.value.bios:
        yield Property("hw_firmware_type", "bios", f"it boots by BIOS only: {firmware.evidence}")
        return
    yield Property("hw_firmware_type", "uefi", f"it boots by UEFI only: {firmware.evidence}")
    if isinstance(architecture, Known) and architecture.value == "x86_64":
        yield Property("hw_machine_type", "q35", "UEFI on x86_64 wants q35; i440fx has no secure boot")
