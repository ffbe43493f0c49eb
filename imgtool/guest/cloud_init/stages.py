"""cloud-init's stages: which services run them, and whether the boot starts all of them.

Source: cloud-init's "Boot stages" and its units: before 24.3 one program a stage, since then one process
(cloud-init-main) that each stage's service wakes; its OpenRC scripts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.boot_services import CLOUD_INIT_TARGET, BootServices
from imgtool.guest.exec_command import Command, commands_of, located
from imgtool.guest.init_system import InitName, started_services
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.service_paths import ServicePaths
from imgtool.guest.service_rights import ROOT, without_capability, without_sockets
from imgtool.guest.service_setup import setup_failures
from imgtool.guest.systemd import Unit
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

TARGET = CLOUD_INIT_TARGET
MAIN = "cloud-init-main.service"
NETWORK = ("cloud-init-network.service", "cloud-init.service")
"""Since 24.3, and before."""
LOCAL, CONFIG, FINAL = "cloud-init-local.service", "cloud-config.service", "cloud-final.service"
STAGES = (MAIN, LOCAL, *NETWORK, CONFIG, FINAL)
FETCHES = (MAIN, *NETWORK)
"""What asks the metadata service, makes users, and writes their SSH keys."""
WRITTEN = ("/etc", "/var/lib/cloud", "/run/cloud-init")
METADATA = frozenset(
    {"any", "link-local", "0.0.0.0/0", "169.254.0.0/16", "169.254.169.254", "169.254.169.254/32"}
)
"""Words that mean the metadata service's address, or it among others."""
HOMES = ("/home", "/root")

MISSING = {
    LOCAL: "no config drive is read and no network is set up",
    "cloud-init.service": "no users and no keys are made",
    "cloud-init-network.service": "no users and no keys are made",
    MAIN: "the process that does all the work is not started",
    CONFIG: "the modules of the config stage do not run",
    FINAL: "user data's scripts do not run",
}
"""What is missing where a stage does not run."""
OPENRC_NEEDED = ("cloud-init-local", "cloud-init")
OPENRC_SERVICES = (*OPENRC_NEEDED, "cloud-config", "cloud-final", "cloud-init-ds-identify")


@dataclass(frozen=True, slots=True)
class Stages:
    """Whether all stages are started, and by what; or what is not, and why."""

    complete: bool
    evidence: str
    masked: bool = False
    """A mask keeps one of them from being started."""
    nothing: bool = False
    """Nothing starts one of them."""


def stages_of(boot: BootServices) -> tuple[str, ...]:
    """The units of the stages that this guest has."""
    found = tuple(unit for unit in STAGES if boot.exists(unit))
    return tuple(unit for unit in found if unit != NETWORK[1] or NETWORK[0] not in found)


def stages_by_systemd(boot: BootServices) -> Stages:
    """Whether the boot starts all of them."""
    stages = stages_of(boot)
    for unit in (TARGET, *stages):
        if boot.unit(unit).state == "masked":
            return Stages(complete=False, evidence=f"{unit}: {boot.unit(unit).problem}", masked=True)
    started = {unit: boot.start(unit) for unit in stages}
    missing = next((unit for unit in stages if not started[unit].starts), None)
    if missing is not None:
        reason = started[missing].reason
        nothing = "nothing that starts wants" in reason
        said = f"nothing starts {missing}" if nothing else reason
        return Stages(complete=False, evidence=f"{said}: {MISSING[missing]}", nothing=nothing)
    odd = next(_odd_commands(boot, stages), None)
    if odd is not None:
        return Stages(complete=False, evidence=odd)
    target = boot.start(TARGET).place if boot.exists(TARGET) else ""
    return Stages(complete=True, evidence="; ".join(filter(None, (started[stages[0]].place, target))))


def _odd_commands(boot: BootServices, stages: tuple[str, ...]) -> Iterator[str]:
    """A stage whose command was changed to something else, or whose command lacks a program."""
    for unit in stages:
        commands = commands_of(boot.tree, boot.unit(unit).settings)
        if commands:
            works = unit == MAIN or MAIN not in stages
            yield from (f"{unit}: {why}" for why in _failing(boot, unit, commands[0], works=works))
        if commands and not any("cloud-init" in command.shown for command in commands):
            yield f"{unit} starts {commands[0].shown}, which is not cloud-init"
        if any("nc -U" in command.shown for command in commands) and located(boot.tree, "nc") is None:
            yield f"{unit} calls nc, which is not there: the stage fails"


def _failing(boot: BootServices, unit: str, command: Command, *, works: bool) -> Iterator[str]:
    """What keeps the stage from being started; where it `works` itself, what keeps it from that as well."""
    paths = ServicePaths(boot.tree, boot.unit(unit))
    yield from setup_failures(paths, command)
    if works and not command.privileged:
        yield from _shut_in(paths, command)


def _shut_in(paths: ServicePaths, command: Command) -> Iterator[str]:
    unit = paths.unit
    user = unit.text("Service", "User")
    if user not in ROOT and not command.keeps_root:
        yield f"User={printable(user)} may not write the system's settings"
    for path in WRITTEN if unit.name not in FETCHES else (*WRITTEN, *HOMES):
        why = paths.read_only(path) or paths.hidden(path)
        if why:
            yield f"{why} keeps it from writing in {path}"
    if unit.name in FETCHES:
        yield from _without_network(unit)
        if why := without_capability(unit, "CAP_CHOWN"):
            yield f"{why}, which makes the home of its user"


def _without_network(unit: Unit) -> Iterator[str]:
    """Yield what keeps it from the metadata service: systemd.exec(5), systemd.resource-control(5)."""
    why = without_sockets(unit, "AF_INET")
    if why:
        yield f"{why}: the metadata service is out of its reach"
    denied, allowed = (set(unit.words("Service", key)) for key in ("IPAddressDeny", "IPAddressAllow"))
    if denied & METADATA and not allowed & METADATA:
        yield "IPAddressDeny= keeps it from the metadata service"


def stages_by_others(tree: GuestTree, init: InitName, line: CommandLine) -> Stages:
    """Under OpenRC and System V's init: the two stages that fetch the metadata have to be started."""
    found = {one.place: one for one in started_services(tree, init, OPENRC_SERVICES, line)}
    obstacle = next((one.obstacle for one in found.values() if one.obstacle), None)
    if obstacle is not None:
        return Stages(complete=False, evidence=obstacle)
    names = {place.rsplit("/", 1)[-1].lstrip("S0123456789"): place for place in found}
    if not names:
        return Stages(complete=False, evidence="no systemd unit of it, and no runlevel starts it")
    missing = [name for name in OPENRC_NEEDED if name not in names]
    if missing:
        return Stages(complete=False, evidence=f"no runlevel starts {missing[0]}")
    return Stages(complete=True, evidence=names[OPENRC_NEEDED[0]])
