"""The agent's units: which of them systemd starts, and what they then run.

Source: systemd.unit(5), systemd.device(5), systemd.service(5). A unit is found by its usual names, by what
udev's rules want when the port appears, and by its command, among all units that the boot starts.
"""

from collections.abc import Iterator
from dataclasses import replace

from imgtool.guest.agent.by_others import service_of_script
from imgtool.guest.agent.confinement import confined
from imgtool.guest.agent.rights import failing_rpcs
from imgtool.guest.agent.service import PROGRAM, Service, obstacles, settings_of
from imgtool.guest.agent.settings import AgentSettings
from imgtool.guest.agent.stopped_by import stopped_by
from imgtool.guest.boot_services import UDEVD, BootServices, Start
from imgtool.guest.exec_command import (
    Command,
    commands_of,
    starting,
)
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.init_system import Started
from imgtool.guest.programs import Programs
from imgtool.guest.service_commands import may_reach
from imgtool.guest.service_paths import ServicePaths
from imgtool.guest.service_setup import never_runs
from imgtool.guest.systemd import Unit
from imgtool.guest.udev import PORT
from imgtool.model.facts import Unknown
from imgtool.util.text import printable

UNITS = (
    "qemu-guest-agent.service",
    "qemu-ga.service",
    r"qemu-ga@virtio\x2dports-org.qemu.guest_agent.0.service",
)
"""Debian, Red Hat, and SUSE today; SUSE up to 12; SLES 15 and Leap 15.0 to 15.2, of a template."""
UDEV_UNITS = (UDEVD, "systemd-udev-trigger.service")
"""Without them no device is found, and no driver is loaded by one."""
NEEDS = ("BindsTo", "BindTo", "Requires", "Requisite")
INIT_SCRIPTS = "/etc/init.d/"
"""What systemd-sysv-generator makes units of."""


def services_of_systemd(boot: BootServices, programs: Programs) -> Iterator[Service]:
    """Every unit that would run the agent, those that are started first."""
    if isinstance(boot.event, Unknown):
        raise GuestReadError(boot.event.reason)
    found = [_service(boot, unit, programs) for unit in dict.fromkeys(_units(boot))]
    yield from sorted(
        (one for one in found if one is not None), key=lambda one: (not one.runs, not one.place)
    )


def _units(boot: BootServices) -> Iterator[str]:
    yield from (boot.unit(name).name for name in UNITS if boot.exists(name))
    if not isinstance(boot.event, Unknown):
        yield from (name for name in boot.event.value.units if boot.exists(name))
    for name in sorted(boot.started):
        commands = boot.unit(name).values("Service", "ExecStart") if name.endswith(".service") else ()
        if any(PROGRAM in value.text for value in commands):
            yield name


def _service(boot: BootServices, name: str, programs: Programs) -> Service | None:
    unit = boot.unit(name)
    instance = name.partition("@")[2].rpartition(".")[0]
    commands = commands_of(boot.tree, unit.settings, instance)
    command = next((found for one in commands if (found := starting(one, PROGRAM)) is not None), None)
    start = boot.start(name)
    why, where = _not_started(boot, unit, start)
    if command is None and commands and commands[0].program.startswith(INIT_SCRIPTS):
        made = service_of_script(boot.tree, Started(start.place, commands[0].program), programs)
        return replace(made, name=name, obstacle=why or made.obstacle, evidence=start.place)
    if command is None and name not in UNITS:
        return None
    agent = settings_of(boot.tree, command)
    why = why or next(_own_obstacles(boot, unit, commands, command, agent), "")
    if not why and command is not None:
        why = next(obstacles(boot.tree, programs, command, agent), "")
    shown = command.shown if command is not None else ""
    path = command.program if command is not None else None
    failing = tuple(failing_rpcs(boot.tree, unit, command)) if command is not None else ()
    return Service(name, start.place.partition(": ")[0], path, agent, why, where, shown, start.place, failing)


def _not_started(boot: BootServices, unit: Unit, start: Start) -> tuple[str, str]:
    """Why the unit is not started, and the path of that: a mask, no port, a condition, no link."""
    if unit.state == "masked":
        return f"{unit.name}: {unit.problem}", start.mask
    why, where = _obstacle(boot, unit)
    if why or start.starts:
        return why, where
    return _nothing_wants(boot, unit.name, start.reason) if not start.place else (start.reason, "")


def _nothing_wants(boot: BootServices, name: str, reason: str) -> tuple[str, str]:
    """Said of a unit that is fine by itself and that nothing starts."""
    if "nothing that starts wants" not in reason or isinstance(boot.event, Unknown):
        return reason, ""
    if boot.event.value.overridden:
        path = printable(boot.event.value.overridden[0])
        return f"{path} stands in place of the udev rule, and nothing else wants {name}", path
    return f"no udev rule and no wants link starts {name}", ""


# ---------------------------------------------------------------- what prevents it


def _obstacle(boot: BootServices, unit: Unit) -> tuple[str, str]:
    """What keeps the port from the agent, and the path of that."""
    for name in UDEV_UNITS:
        other = boot.unit(name)
        if other.state == "masked":
            mask = other.place if other.place.startswith("/") else ""
            return f"{printable(name)}: {other.problem}: no device is found, so there is no port", mask
        why = never_runs(boot.tree, other)
        if why:
            return f"{why}: no device is found, so there is no port", ""
    if _needs_device(unit) and not boot.has_port_name:
        event = boot.event
        tagged = not isinstance(event, Unknown) and event.value.has_device_unit
        lacks = "its name in /dev/virtio-ports" if tagged else "the tag systemd"
        return f"{unit.name} needs the port's device, and no udev rule gives the port {lacks}", ""
    return "", ""


def _needs_device(unit: Unit) -> bool:
    return any(name.endswith(".device") and PORT in name for name, _ in unit.named(*NEEDS))


def _own_obstacles(
    boot: BootServices,
    unit: Unit,
    commands: tuple[Command, ...],
    command: Command | None,
    settings: AgentSettings,
) -> Iterator[str]:
    if command is None:
        shown = commands[0].shown if commands else "nothing"
        yield f"the unit starts {shown}, which is not {PROGRAM}"
    else:
        yield from confined(boot.tree, unit, command, settings)
        if commands and not may_reach(ServicePaths(boot.tree, unit), commands[0], PROGRAM):
            yield f"{commands[0].shown} ends before it comes to {PROGRAM}"
        stopped = stopped_by(boot, unit.names)
        if stopped:
            yield stopped
