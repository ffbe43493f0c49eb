"""What the running guest says, against what its disk said; and whether its root grew. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from imgtool.model.boot import AgentFacts, Bus, Difference, Stage
from imgtool.model.boot_path import BootPath, BootStep, FirmwareName, StepName
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.linux import LinuxFacts

_EPOCH = re.compile(r"^\d+:")
_UPSTREAM = re.compile(r"^\d+(?:\.\d+)*")


def differences(guest: GuestFacts, firmware: FirmwareName, agent: AgentFacts) -> tuple[Difference, ...]:
    """Where both are known and do not agree."""
    return (*_of_linux(guest.linux, agent), *_of_firmware(guest, firmware))


def stage_difference(
    guest: GuestFacts, firmware: FirmwareName, bus: Bus, stopped: Stage | None
) -> tuple[Difference, ...]:
    """Where the boot came to another end than its disk foretold; `stopped` is None where the agent answered.

    Nothing is compared where the way of the boot is not known, or was foretold for another firmware.
    """
    path = next((one for one in guest.boot_paths if one.firmware == firmware and one.used), None)
    if path is None or any(step.outcome == "unknown" for step in path.steps):
        return ()
    end = _foretold(path, bus)
    if (STAGE_OF[end.name] if end is not None else None) == stopped:
        return ()
    read = "it comes up" if end is None else f"it stops at {end.name}: {end.summary}"
    return (Difference("boot", read, "it comes up" if stopped is None else f"it stops at {stopped}"),)


def under_secure_boot(guest: GuestFacts) -> GuestFacts:
    """Return the same guest, whose boot by UEFI ends at the program that Secure Boot refuses.

    Where its signatures are not known, no boot is foretold.
    """
    found = guest.secure_boot
    if isinstance(found, Unknown):
        return replace(guest, boot_paths=())
    programs = found.value.programs
    refused = next((one for one in programs if one.refused), None)
    if refused is None:
        return guest
    name: StepName = (
        "firmware" if refused is programs[0] else "kernel" if refused.role == "kernel" else "loader"
    )
    stop = BootStep(name, "stops", f"Secure Boot refuses {refused.path}: {refused.refused}")
    paths = (replace(one, steps=(stop,)) if one.firmware == "uefi" else one for one in guest.boot_paths)
    return replace(guest, boot_paths=tuple(paths))


def _foretold(path: BootPath, bus: Bus) -> BootStep | None:
    """The step at which it will stop on a disk on that bus, or None; the agent's counts too."""
    steps = {step.name: step for step in path.steps}
    archive, agent = steps.get("initramfs"), steps.get("agent")
    if archive is not None and archive.outcome == "goes-on" and bus not in archive.buses:
        return archive
    silent = agent if agent is not None and agent.outcome != "goes-on" else None
    return path.stop or silent


STAGE_OF: Mapping[StepName, Stage] = {
    "firmware": "firmware",
    "loader": "boot-loader",
    "entry": "boot-loader",
    "kernel": "boot-loader",
    "initramfs": "initramfs",
    "root": "initramfs",
    "init": "user-space",
    "target": "user-space",
    "cloud-init": "user-space",
    "agent": "agent",
}
"""A step that the disk foretells to the stage that a serial log shows: a kernel that cannot be loaded is the
loader's to say."""


def root_grown(guest: GuestFacts, agent: AgentFacts) -> Fact[bool]:
    """Whether the root file system is larger than the partitions that it had in the image."""
    if isinstance(agent.filesystems, Unknown):
        return agent.filesystems
    sizes = [one.total_bytes for one in agent.filesystems.value if one.mountpoint == "/"]
    if not sizes or sizes[0] is None:
        return Unknown("the agent does not tell the size of the root file system")
    room = _room_of_root(guest)
    if room is None:
        return Unknown("the inspection does not tell on which partitions the root file system lies")
    return Known(sizes[0] > room, f"{sizes[0]} bytes, on partitions that had {room}")


def _room_of_root(guest: GuestFacts) -> int | None:
    roots = [one for one in guest.filesystems if one.mount_point == "/"]
    sizes = {one.number: one.size_bytes for one in guest.partitions}
    if len(roots) != 1 or not roots[0].partitions or not sizes.keys() >= set(roots[0].partitions):
        return None
    return sum(sizes[number] for number in roots[0].partitions)


def _of_linux(linux: LinuxFacts | None, agent: AgentFacts) -> Iterator[Difference]:
    if linux is None:
        return
    yield from _unequal("os_distro", linux.os_distro, agent.os_id)
    yield from _unequal("os_version", linux.os_version, agent.os_version)
    yield from _unequal("kernel", _default_kernel(linux), agent.kernel_release)
    if not _same_upstream(linux.agent.version, agent.version):
        yield from _unequal("agent_version", linux.agent.version, agent.version)


def _unequal(fact: str, inspected: Fact[str] | Fact[str | None], booted: Fact[str]) -> Iterator[Difference]:
    if not (isinstance(inspected, Known) and isinstance(booted, Known)):
        return
    if inspected.value not in {None, booted.value}:
        yield Difference(fact, str(inspected.value), booted.value)


def _default_kernel(linux: LinuxFacts) -> Fact[str]:
    kernel = linux.default_kernel
    return Known(kernel.version, "the default kernel") if kernel else Unknown("no default kernel is known")


def _same_upstream(package: Fact[str | None], program: Fact[str]) -> bool:
    """`1:7.2+dfsg-7+deb12u18` is the package of program 7.2.22: it says less, but nothing else."""
    if not (isinstance(package, Known) and isinstance(program, Known) and package.value):
        return True
    ours, its = (_numbers(version) for version in (package.value, program.value))
    shared = min(len(ours), len(its))
    return ours[:shared] == its[:shared]


def _numbers(version: str) -> list[str]:
    found = _UPSTREAM.match(_EPOCH.sub("", version))
    return found[0].split(".") if found else [version]


def _of_firmware(guest: GuestFacts, firmware: FirmwareName) -> Iterator[Difference]:
    """It came up by a firmware that, by the inspection, cannot start it."""
    if isinstance(guest.firmware, Unknown):
        return
    able = [name for name in ("bios", "uefi") if getattr(guest.firmware.value, name)]
    if firmware not in able:
        yield Difference("firmware", " and ".join(able) or "neither bios nor uefi", firmware)
