"""What a unit's own settings take away from the agent: its port, its directory, the time to start.

Sources: systemd.exec(5), systemd.resource-control(5) and systemd.service(5). The port's device belongs to
root and has mode 0600; the agent sends no sd_notify, and goes into the background only where it is told to.
"""

import math
import posixpath
from collections.abc import Iterator

from imgtool.guest.agent.settings import AgentSettings
from imgtool.guest.exec_command import Command
from imgtool.guest.service_commands import start_timeout
from imgtool.guest.service_paths import ServicePaths
from imgtool.guest.service_rights import ROOT
from imgtool.guest.service_setup import lost_calls, setup_failures
from imgtool.guest.systemd import Unit
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

OF_THE_PORT = ("vport", "virtio", "char-*")
"""How a DeviceAllow= begins or contains that means the port: by its path, or by its name in /proc/devices."""
CALLS = frozenset({"@process", "@signal", "@io-event"})
"""Tried with qemu-ga 7.2: without them it is killed before it listens."""
ENDING = {
    "RuntimeMaxSec": frozenset({"always", "on-failure", "on-abnormal"}),
    "WatchdogSec": frozenset({"always", "on-failure", "on-abnormal", "on-watchdog"}),
}
"""What ends a service, and which values of Restart= start it again: the table of systemd.service(5)."""
NEVER = frozenset({"", "0", "infinity"})
NOTIFYING = frozenset({"notify", "notify-reload"})
PID_FILE = "/run/qemu-ga.pid"
"""What it writes where no option names another one."""
DAEMONIZE = frozenset({"-d", "--daemonize"})


def confined(tree: GuestTree, unit: Unit, command: Command, settings: AgentSettings) -> Iterator[str]:
    """Why the agent that the unit starts as `command` serves nobody, in clauses."""
    paths = ServicePaths(tree, unit)
    yield from _by_user(unit, command)
    yield from _by_devices(unit, command)
    yield from _by_paths(paths, command, settings)
    yield from setup_failures(paths, command)
    yield from _by_calls(unit, command)
    yield from _by_time(unit)
    yield from _by_type(unit, command, start_timeout(tree, unit))


def _by_user(unit: Unit, command: Command) -> Iterator[str]:
    user = unit.text("Service", "User")
    if command.keeps_root or unit.words("Service", "AmbientCapabilities"):
        return
    if user not in ROOT:
        yield f"User={printable(user)} may not open the port, which is root's"
    elif unit.flag("Service", "DynamicUser", default=False) and user == "":
        yield "DynamicUser= runs it as a user who may not open the port"


def _by_devices(unit: Unit, command: Command) -> Iterator[str]:
    if unit.flag("Service", "PrivateDevices", default=False) and not command.privileged:
        yield "PrivateDevices= gives it a /dev without the port"
    allowed = unit.words("Service", "DeviceAllow")
    closed = unit.text("Service", "DevicePolicy") in {"closed", "strict"} or bool(allowed)
    if closed and not any(part in word for word in allowed for part in OF_THE_PORT):
        yield "DevicePolicy= and DeviceAllow= keep it from opening the port"


def _by_paths(paths: ServicePaths, command: Command, settings: AgentSettings) -> Iterator[str]:
    """Yield what hides its port, and what keeps it from the files without which it ends."""
    hidden = paths.hidden(settings.port, privileged=command.privileged)
    if hidden:
        yield f"{hidden} hides the port from it"
    log = settings.log and posixpath.dirname(settings.log)
    for kind, folder in (("state", settings.state), ("log", log)):
        if not folder.startswith("/"):
            continue
        if paths.is_missing(folder):
            yield f"the directory of its {kind}, {printable(folder)}, is not there: it ends at once"
        elif not command.privileged and (why := paths.read_only(folder)):
            yield f"{why} keeps it from writing its {kind} in {printable(folder)}: it ends at once"


def _by_calls(unit: Unit, command: Command) -> Iterator[str]:
    lost = lost_calls(unit, command, CALLS)
    if lost:
        yield f"SystemCallFilter=~{printable(lost[0])} ends it when it starts"
    if unit.text("Service", "TasksMax") in {"1", "0%"}:
        yield "TasksMax= leaves it no thread beside the first"


def _by_time(unit: Unit) -> Iterator[str]:
    """Yield what ends it after a while, for good: it never calls a watchdog."""
    restart = unit.text("Service", "Restart")
    for key, restarts in ENDING.items():
        if unit.text("Service", key) not in NEVER and restart not in restarts:
            yield f"{key}= ends it, and Restart={printable(restart or 'no')} does not start it again"


def _by_type(unit: Unit, command: Command, limit: float) -> Iterator[str]:
    """Yield why systemd ends what never says that it has started, once the time for the start is over."""
    kind = unit.text("Service", "Type") or ("dbus" if unit.text("Service", "BusName") else "simple")
    goes_behind = any(word in DAEMONIZE for word, _ in command.words[1:])
    if kind in {"simple", "exec"} and goes_behind:
        yield f"-d puts it into the background, and Type={kind} takes that for its end"
    if limit == math.inf:
        return
    if kind in NOTIFYING:
        yield f"Type={kind} waits for a message that it never sends, and then ends it"
    elif kind == "dbus":
        yield "Type=dbus waits for a name on the bus that it never takes, and then ends it"
    elif kind == "oneshot":
        yield f"Type=oneshot ends it after the {limit:g} seconds of TimeoutStartSec="
    elif kind == "forking" and not goes_behind:
        yield "Type=forking waits until it goes into the background, which it does with -d only"
    elif kind == "forking" and (why := _wrong_pid_file(unit, command)):
        yield why


def _wrong_pid_file(unit: Unit, command: Command) -> str:
    """Why the file that systemd waits for is not the one that the agent writes."""
    awaited = unit.text("Service", "PIDFile")
    words = [word for word, _ in command.words]
    given = (words[at + 1] for at, word in enumerate(words[:-1]) if word in {"-f", "--pidfile"})
    joined = (word.partition("=")[2] for word in words if word.startswith("--pidfile="))
    written = [PID_FILE, *joined, *given][-1]
    if not awaited or _of_run(awaited) == _of_run(written):
        return ""
    return f"PIDFile={printable(awaited)} is awaited, and the agent writes {printable(written)}"


def _of_run(path: str) -> str:
    """The path in /run: systemd takes a relative one as being there."""
    path = posixpath.normpath(posixpath.join("/run", path))
    return path.removeprefix("/var") if path.startswith("/var/run/") else path
