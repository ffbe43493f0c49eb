"""Whether the conditions of a unit hold when a Nova instance boots for the first time.

machine_conditions.py has those that are not about files.

Source: systemd.unit(5), "Conditions and Asserts"; src/shared/condition.c. Nova's instances run on KVM, from a
disk without a battery, as root. What only the running machine knows is unknown.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.found_files import find_files
from imgtool.guest.systemd.lookup import unit_file
from imgtool.guest.systemd.machine_conditions import (
    AGENT_PORT,
    MACHINE_LOOKS,
    Look,
    Machine,
    WrongValueError,
)
from imgtool.guest.systemd.names import escape_path, specified
from imgtool.guest.systemd.unit import Unit
from imgtool.guest.systemd.unit_rules import UNKNOWN_SPECIFIER, is_whole_path
from imgtool.guest.tmpfiles import is_made
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

MAX_CONDITIONS = 500
AT_RUN_TIME = ("/run", "/var/run", "/proc", "/sys", "/dev")
PRESENT = (
    "/dev/null", "/dev/console", "/dev/tty0", "/dev/kmsg", "/proc", "/proc/cmdline", "/proc/modules", "/sys",
    "/sys/fs/cgroup", "/sys/class/net", "/proc/sys", "/dev", "/run",
    "/dev/virtio-ports/org.qemu.guest_agent.0", "/sys/kernel/security", "/sys/kernel/debug", "/sys/class/tty",
)  # fmt: skip
"""What every instance has, with the agent's channel that hw_qemu_guest_agent=yes gives it."""
ALWAYS_MOUNTED = frozenset({"/", "/proc", "/sys", "/dev", "/run", "/dev/pts", "/sys/fs/cgroup"})
MACHINE_ID = "/etc/machine-id"
"""systemd fills it before it starts a unit."""
MAX_BRACES = 4
MADE_BY_OTHERS = ("/run/systemd/", "/run/udev/", "/run/dbus/", "/run/initctl", "/run/lock", "/run/user")


@dataclass(frozen=True, slots=True)
class Held:
    """Whether conditions hold; None where that shows at run time only."""

    value: bool | None
    which: str = ""
    """The condition that does not hold, or that cannot be told, with its file."""
    is_assert: bool = False


@dataclass(frozen=True, slots=True)
class _Condition:
    kind: str
    argument: str
    trigger: bool
    negated: bool
    shown: str


def what_holds(tree: GuestTree, unit: Unit, machine: Machine) -> Held:
    """All conditions, then all asserts, of the unit."""
    for prefix in ("Condition", "Assert"):
        held = _all(tree, list(_conditions(unit, prefix)), machine)
        if held.value is not True:
            return Held(held.value, held.which, prefix == "Assert")
    return Held(value=True)


def _conditions(unit: Unit, prefix: str) -> Iterator[_Condition]:
    """An empty assignment of any of them takes all before it back."""
    found: list[_Condition] = []
    for line in unit.lines:
        if line.section != "Unit" or not line.key.startswith(prefix):
            continue
        if not line.value:
            found.clear()
            continue
        argument = line.value
        trigger = argument.startswith("|")
        argument = argument.removeprefix("|").lstrip()
        negated = argument.startswith("!")
        argument = specified(argument.removeprefix("!").lstrip(), unit.name)
        shown = printable(f"{line.key}={line.value} ({line.source})")
        condition = _Condition(line.key.removeprefix(prefix), argument, trigger, negated, shown)
        if not _is_ignored(condition):
            found.append(condition)
    if len(found) > MAX_CONDITIONS:
        raise GuestReadError(f"{printable(unit.name)} has more than {MAX_CONDITIONS} conditions")
    return iter(found)


def _is_ignored(one: _Condition) -> bool:
    """Whether systemd passes over the line: no condition, a specifier or a path that is none."""
    if UNKNOWN_SPECIFIER.search(one.argument) is not None:
        return True
    if one.kind in _PATH_LOOKS or one.kind == "NeedsUpdate":
        return not is_whole_path(one.argument)
    return one.kind not in MACHINE_LOOKS


def _all(tree: GuestTree, conditions: list[_Condition], machine: Machine) -> Held:
    """All plain ones hold, and one of the triggering ones, where there are any."""
    plain = [(one, _holds(tree, one, machine)) for one in conditions if not one.trigger]
    triggers = [(one, _holds(tree, one, machine)) for one in conditions if one.trigger]
    lost = next((one.shown for one, value in plain if value is False), None)
    if lost is not None:
        return Held(value=False, which=lost)
    if triggers and all(value is False for _, value in triggers):
        return Held(value=False, which=triggers[0][0].shown)
    unsure = next((one.shown for one, value in plain if value is None), None)
    if unsure is None and triggers and not any(value is True for _, value in triggers):
        unsure = next(one.shown for one, value in triggers if value is None)
    return Held(value=True) if unsure is None else Held(value=None, which=unsure)


def _holds(tree: GuestTree, one: _Condition, machine: Machine) -> bool | None:
    look = _PATH_LOOKS.get(one.kind) or MACHINE_LOOKS[one.kind]
    try:
        value = look(tree, one.argument, machine)
    except WrongValueError:
        return False
    return value if value is None else value is not one.negated


# ---------------------------------------------------------------- paths


def _at_run_time(path: str) -> bool | None:
    """Say of a path that is made at boot whether it is there before anything else made it."""
    plain = posixpath.normpath(path)
    if plain in PRESENT:
        return True
    if plain.startswith(("/run/", "/var/run/")):
        inside = plain.removeprefix("/var")
        return None if inside.startswith(MADE_BY_OTHERS) else False
    return None


def _on_path(look: Callable[[GuestTree, str], bool]) -> Look:
    def examine(tree: GuestTree, path: str, _machine: Machine) -> bool | None:
        if not path.startswith("/"):
            return None
        if path.startswith(tuple(f"{one}/" for one in AT_RUN_TIME)) or path in AT_RUN_TIME:
            return True if is_made(tree, path) else _at_run_time(path)
        if posixpath.normpath(path) == MACHINE_ID:
            return True
        found = look(tree, path)
        return found if found or tree.exists(path) or not is_made(tree, path) else None

    return examine


def _glob(tree: GuestTree, pattern: str) -> bool:
    return bool(find_files(tree, list(_braces(pattern))).value)


def _braces(pattern: str) -> Iterator[str]:
    """The patterns of `a{b,c}d`: glob(7), GLOB_BRACE."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if found is None or pattern.count("{") > MAX_BRACES:
        yield pattern
        return
    for part in found[1].split(","):
        yield from _braces(pattern[: found.start()] + part + pattern[found.end() :])


def _is_mount_point(tree: GuestTree, path: str, _machine: Machine) -> bool | None:
    plain = posixpath.normpath(path)
    if plain in ALWAYS_MOUNTED:
        return True
    lines = (line.split() for line in (tree.read_text("/etc/fstab") or "").splitlines())
    named = any(posixpath.normpath(words[1]) == plain for words in lines if len(words) > 1)
    mounted = unit_file(tree, f"{escape_path(plain)}.mount") is not None
    return None if named or mounted or plain.startswith(AT_RUN_TIME) else False


def _is_directory_not_empty(tree: GuestTree, path: str) -> bool:
    return bool(tree.names(path))


def _is_file_not_empty(tree: GuestTree, path: str) -> bool:
    return tree.is_file(path) and tree.size_bytes(path) > 0


def _never(_tree: GuestTree, _argument: str, _machine: Machine) -> bool | None:
    return False


_PATH_LOOKS: dict[str, Look] = {
    "PathExists": _on_path(GuestTree.exists),
    "PathExistsGlob": _on_path(_glob),
    "PathIsDirectory": _on_path(GuestTree.is_directory),
    "PathIsSymbolicLink": _on_path(GuestTree.is_link),
    "PathIsReadWrite": _on_path(GuestTree.exists),
    "PathIsEncrypted": _never,
    "DirectoryNotEmpty": _on_path(_is_directory_not_empty),
    "FileNotEmpty": _on_path(_is_file_not_empty),
    "FileIsExecutable": _on_path(GuestTree.is_executable),
    "PathIsMountPoint": _is_mount_point,
}

__all__ = ["AGENT_PORT", "Held", "Machine", "what_holds"]
