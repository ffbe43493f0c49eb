"""What comes before and behind a service's command: whether it ends, in time, and with which status.

Sources: systemd.service(5), "ExecStartPre=", "ExecCondition=", "SuccessExitStatus=", "TimeoutStartSec=";
service_spawn of src/core/service.c, which gives each command the whole time.
"""

import math
import posixpath
from collections.abc import Iterator, Sequence

from imgtool.guest.command_status import CommandStatus
from imgtool.guest.exec_command import Command, commands_of, located, program_obstacle
from imgtool.guest.programs import Programs
from imgtool.guest.service_paths import ServicePaths
from imgtool.guest.service_view import view_of
from imgtool.guest.systemd import Unit
from imgtool.guest.systemd.manager import manager_setting
from imgtool.guest.systemd.reached import LONG_SECONDS
from imgtool.guest.systemd.times import seconds_of
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

PASSES_OVER = "ExecCondition"
"""What comes before the start and, where it fails, leaves the unit out; what requires it goes on."""
FAILING = ("ExecStartPre", "ExecStartPost")
"""What fails the unit where it fails."""
DEFAULT_TIMEOUT = 90.0
CONDITION_ERROR = 255
"""The only status of ExecCondition= that fails the unit."""


def start_timeout(tree: GuestTree, unit: Unit) -> float:
    """The seconds that each command of the start has; infinite where there is no limit."""
    given = [line.value for line in unit.lines if line.section == "Service" and line.key in _TIMEOUTS]
    times = [one for one in map(seconds_of, given) if one is not None]
    if times:
        return times[-1] or math.inf
    if unit.text("Service", "Type") == "oneshot":
        return math.inf
    return seconds_of(manager_setting(tree, "DefaultTimeoutStartSec")) or DEFAULT_TIMEOUT


_TIMEOUTS = frozenset({"TimeoutStartSec", "TimeoutSec"})


def failing_beside(paths: ServicePaths, keys: Sequence[str]) -> Iterator[str]:
    """Return the commands before and behind it that cannot succeed: the service fails, or is passed over."""
    tree, unit = paths.tree, paths.unit
    for key in keys:
        for beside in commands_of(tree, unit.settings, key=key):
            shown = f"{key}={beside.shown}"
            if (late := _too_long(paths, beside)) or (not beside.may_fail and fails(paths, beside)):
                yield f"{shown} {late or 'fails'}, so the unit does not start"
            elif not beside.may_fail and (why := not_there_to_run(paths, beside)):
                yield f"{shown}: {why}"


def fails(paths: ServicePaths, command: Command) -> bool:
    """Whether the command surely ends with a status that is no success."""
    tree = view_of(paths.tree, paths.unit) or paths.tree
    status = CommandStatus(tree, paths.is_missing).of([word for word, _ in command.words])
    good = paths.unit.words("Service", "SuccessExitStatus")
    return status is not None and status != 0 and str(status) not in good


def may_reach(paths: ServicePaths, command: Command, program: str) -> bool:
    """Whether the shell that the command starts comes to `program`; True where that cannot be told."""
    return CommandStatus(paths.tree, paths.is_missing).may_reach([word for word, _ in command.words], program)


def _too_long(paths: ServicePaths, command: Command) -> str:
    """Why it does not end in its time: it is a `sleep` that takes longer."""
    seconds = _slept(command)
    limit = start_timeout(paths.tree, paths.unit)
    if seconds >= LONG_SECONDS and limit == math.inf:
        return "never ends"
    return f"takes longer than the {limit:g} seconds of TimeoutStartSec=" if seconds > limit else ""


def _slept(command: Command) -> float:
    words = [word for word, _ in command.words]
    if not words or posixpath.basename(words[0]) != "sleep":
        return 0.0
    times = (math.inf if word in {"infinity", "inf"} else seconds_of(word) for word in words[1:])
    return sum(one for one in times if one is not None)


def not_there_to_run(paths: ServicePaths, command: Command) -> str:
    """Why there is no such program; empty where there is, or where the boot may make it."""
    if "%" in command.program or _comes_later(command.program):
        return ""
    path = located(paths.tree, command.program)
    if path is None or not paths.tree.is_executable(path):
        return f"there is no program {printable(command.program)}"
    return program_obstacle(paths.tree, Programs(paths.tree), path) or ""


def _comes_later(path: str) -> bool:
    return path.startswith(("/run/", "/var/run/", "/tmp/"))  # noqa: S108 - a guest's path
