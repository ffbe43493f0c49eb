"""The steps of a boot after the kernel, from the facts of the system: initramfs to guest agent."""

from collections.abc import Iterator
from typing import Literal

from imgtool.model.boot_path import BootStep, StepOutcome
from imgtool.model.drivers import BLOCK, PCI, SCSI, before_root, root_drivers
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.kernel import Initramfs, Kernel
from imgtool.model.linux import DeviceReference, LinuxFacts
from imgtool.model.services import AgentFacts, CloudInitFacts, Trouble, UserSpaceFacts
from imgtool.util.text import printable

FSTAB = "/etc/fstab"
BUSES = {"virtio-blk": BLOCK, "virtio-scsi": SCSI}


def system_steps(linux: LinuxFacts) -> Iterator[BootStep]:
    """What follows once the kernel runs, each step as far as its own facts tell."""
    kernels = linux.kernels.value if isinstance(linux.kernels, Known) else ()
    booting = next((one for one in kernels if one.default), None)
    if booting is not None:
        yield _initramfs(linux, booting)
    yield _root(linux)
    yield _init(linux.user_space)
    yield _target(linux.user_space, linux.agent)
    yield from service_steps(linux.cloud_init, linux.agent)


def _initramfs(linux: LinuxFacts, kernel: Kernel) -> BootStep:
    if isinstance(kernel.initramfs, Unknown):
        return BootStep("initramfs", "unknown", kernel.initramfs.reason)
    archive = kernel.initramfs.value
    place = archive.path if archive is not None else kernel.initramfs.evidence
    if archive is not None and (archive.stops or archive.problem):
        return BootStep("initramfs", "stops", "; ".join(archive.stops) or str(archive.problem), place)
    drivers = before_root(kernel, archive)
    needed = PCI + root_drivers(linux.root_filesystem, on_lvm=linux.root_on_lvm, on_raid=linux.root_on_raid)
    reached = [bus for bus, names in BUSES.items() if drivers.has(needed + names)]
    what = _made_by(archive) if archive is not None else "no initramfs: the kernel alone"
    if reached and not (archive is not None and archive.unsure):
        summary = f"{what}: reaches the root on {' and '.join(reached)}"
        return BootStep("initramfs", "goes-on", summary, place, tuple(reached))
    lacking = drivers.missing(needed) or (drivers.missing(BLOCK) and drivers.missing(SCSI))
    if lacking:
        return BootStep("initramfs", "stops", f"{what}: has no {', '.join(lacking)}", place)
    why = (
        "; ".join(archive.unsure) if archive is not None and archive.unsure else "its drivers cannot be told"
    )
    return BootStep("initramfs", "unknown", f"{what}: {why}", place)


def _made_by(archive: Initramfs) -> str:
    return f"{archive.compression}, by {archive.generator or 'an unknown generator'}"


def _root(linux: LinuxFacts) -> BootStep:
    if isinstance(linux.device_references, Unknown):
        return BootStep("root", "unknown", linux.device_references.reason)
    roots = [one for one in linux.device_references.value if one.mount_point == "/" and one.source != FSTAB]
    if not roots:
        below = f"{' on LVM' if linux.root_on_lvm else ''}{' on RAID 1' if linux.root_on_raid else ''}"
        kind = f"{linux.root_filesystem}{below}"
        return BootStep("root", "goes-on", f"{kind}, which no root= names")
    return _named_root(roots[-1], linux)


def _named_root(root: DeviceReference, linux: LinuxFacts) -> BootStep:
    if root.problem:
        return BootStep("root", "stops", f"{root.device}: {root.problem}", root.source)
    if root.resolves is None:
        return BootStep(
            "root", "unknown", f"whether {root.device} is on this disk cannot be told", root.source
        )
    if not root.resolves:
        return BootStep("root", "stops", f"this disk has no {root.device}", root.source)
    return BootStep("root", "goes-on", f"{linux.root_filesystem}, {root.device}", root.source)


def _init(space: UserSpaceFacts) -> BootStep:
    if isinstance(space.init, Unknown):
        return BootStep("init", "unknown", space.init.reason)
    troubles = space.startup.value if isinstance(space.startup, Known) else ()
    found = next((one for one in troubles if one.step == "init" and one.effect == "stops"), None)
    if found is not None:
        return BootStep("init", "stops", found.message, found.evidence)
    return BootStep("init", "goes-on", printable(space.init.value), space.init.evidence)


def _target(space: UserSpaceFacts, agent: AgentFacts) -> BootStep:
    """What stops the way to it, or makes it wait, is told in its place.

    In rescue mode the agent answers where udev starts it (SYSTEMD_WANTS), so that the way goes on to it.
    """
    aims = space.target.value if isinstance(space.target, Known) else "its services"
    troubles: list[Trouble] = []
    for fact in (space.startup, space.mounts, space.selinux):
        if isinstance(fact, Unknown):
            return BootStep("target", "unknown", fact.reason)
        troubles.extend(fact.value)
    ends: tuple[Literal["stops", "unknown"], ...] = ("stops", "unknown")  # a wait of some seconds is none
    for outcome in ends:
        found = next((one for one in troubles if one.effect == outcome), None)
        if found is not None:
            answers = found.has_udev and _agent(agent).outcome == "goes-on"
            return BootStep("target", "goes-on" if answers else outcome, found.message, found.evidence)
    place = space.target.evidence if isinstance(space.target, Known) else ""
    return BootStep("target", "goes-on", aims, place)


def service_steps(cloud: CloudInitFacts, agent: AgentFacts) -> Iterator[BootStep]:
    """What becomes of cloud-init and of the agent, once the default target is reached."""
    yield _cloud_init(cloud)
    yield _agent(agent)


def _cloud_init(cloud: CloudInitFacts) -> BootStep:
    outcome, place = _outcome(cloud.installed, cloud.enabled)
    if outcome != "goes-on":
        return BootStep("cloud-init", outcome, "cloud-init does not run", place)
    if isinstance(cloud.datasources, Unknown):
        return BootStep("cloud-init", "unknown", "cloud-init runs", cloud.datasources.reason)
    names = ", ".join(cloud.datasources.value) or "all datasources"
    return BootStep("cloud-init", "goes-on", f"cloud-init with {names}", place)


def _agent(agent: AgentFacts) -> BootStep:
    outcome, place = _outcome(agent.installed, agent.enabled, agent.channel)
    said = "qemu-guest-agent answers" if outcome == "goes-on" else "qemu-guest-agent does not answer"
    return BootStep("agent", outcome, said, place)


def _outcome(*facts: Fact[bool]) -> tuple[StepOutcome, str]:
    """It stops at the first that is false, and is unknown at the first that cannot be told."""
    place = ""
    for fact in facts:
        if isinstance(fact, Unknown):
            return "unknown", fact.reason
        if not fact.value:
            return "stops", fact.evidence
        place = fact.evidence if fact is facts[1] else place
    return "goes-on", place
