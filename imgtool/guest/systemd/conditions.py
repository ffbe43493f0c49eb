"""Whether the conditions of a unit hold when a Nova instance boots for the first time.

Source: systemd.unit(5), "Conditions and Asserts"; src/shared/condition.c. Nova's instances run on KVM, from a
disk without a battery, as root. What only the running machine knows is unknown.
"""

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.found_files import find_files
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.systemd.names import specified
from imgtool.guest.systemd.unit import Unit, as_boolean
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

MAX_CONDITIONS = 500
AGENT_PORT = r"dev-virtio\x2dports-org.qemu.guest_agent.0.device"
"""The device unit of the guest agent's channel, which an instance with hw_qemu_guest_agent=yes has."""
ARCHITECTURES = {
    "x86_64": "x86-64", "i686": "x86", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64-le",
    "ppc64": "ppc64", "s390x": "s390x", "riscv64": "riscv64", "riscv32": "riscv32",
    "loongarch64": "loongarch64",
}  # fmt: skip
"""`uname -m` to systemd's names."""
AT_RUN_TIME = ("/run", "/var/run", "/proc", "/sys", "/dev")
PRESENT = (
    "/dev/null", "/dev/console", "/dev/tty0", "/dev/kmsg", "/proc", "/proc/cmdline", "/proc/modules", "/sys",
    "/sys/fs/cgroup", "/sys/class/net", "/proc/sys", "/dev", "/run",
    "/dev/virtio-ports/org.qemu.guest_agent.0", "/sys/kernel/security", "/sys/kernel/debug", "/sys/class/tty",
)  # fmt: skip
"""What every instance has, with the agent's channel that hw_qemu_guest_agent=yes gives it."""
MADE_BY_OTHERS = ("/run/systemd/", "/run/udev/", "/run/dbus/", "/run/initctl", "/run/lock", "/run/user")


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of the machine that boots."""

    command_line: CommandLine
    architecture: str | None = None
    first_boot: bool = False
    """`what_starts` finds this out itself."""
    selinux: bool | None = None
    devices: tuple[str, ...] = (AGENT_PORT,)
    """Device units that it has besides those that nothing hangs on."""
    device_wants: tuple[tuple[str, str, str], ...] = ()
    """SYSTEMD_WANTS of udev's rules: (device unit, unit, where that stands)."""


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
        found.append(_Condition(line.key.removeprefix(prefix), argument, trigger, negated, shown))
    if len(found) > MAX_CONDITIONS:
        raise GuestReadError(f"{printable(unit.name)} has more than {MAX_CONDITIONS} conditions")
    return iter(found)


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
    look = _LOOKS.get(one.kind)
    value = look(tree, one.argument, machine) if look is not None else None
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


def _on_path(look: Callable[[GuestTree, str], bool]) -> Callable[[GuestTree, str, Machine], bool | None]:
    def examine(tree: GuestTree, path: str, _machine: Machine) -> bool | None:
        if not path.startswith("/"):
            return None
        if path.startswith(tuple(f"{one}/" for one in AT_RUN_TIME)) or path in AT_RUN_TIME:
            return _at_run_time(path)
        return look(tree, path)

    return examine


def _glob(tree: GuestTree, pattern: str) -> bool:
    return bool(find_files(tree, [pattern]).value)


def _is_directory_not_empty(tree: GuestTree, path: str) -> bool:
    return bool(tree.names(path))


def _is_file_not_empty(tree: GuestTree, path: str) -> bool:
    return tree.is_file(path) and tree.size_bytes(path) > 0


# ---------------------------------------------------------------- the machine


def _virtualization(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    truth = as_boolean(argument)
    return argument in {"vm", "kvm"} if truth is None else truth


def _command_line(_tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    """A word, or the left side of an assignment; with `=` the whole assignment."""
    has_value = "=" in argument
    options = machine.command_line.systemd
    return any(str(one) == argument if has_value else one.key == argument for one in options)


def _environment(_tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    """A variable of the first process, or one with its value: the kernel hands on what it does not know.

    Source: systemd, condition_test_environment; Linux, init/main.c, unknown_bootoption. The language is set
    by locale.conf and by the command line, and the other names of OWN_VARIABLES by kernel and systemd.
    """
    name = argument.partition("=")[0]
    if name in OWN_VARIABLES or name.startswith("LC_"):
        return None
    return _command_line(_tree, argument, machine)


OWN_VARIABLES = frozenset({"PATH", "HOME", "TERM", "LANG", "LANGUAGE", "USER", "SHELL", "BOOT_IMAGE"})


def _architecture(_tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    if argument == "native":
        return True
    known = ARCHITECTURES.get(machine.architecture or "")
    return None if known is None else argument == known


def _first_boot(_tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    wanted = as_boolean(argument)
    forced = as_boolean(machine.command_line.systemd_value("systemd.condition-first-boot") or "")
    found = machine.first_boot if forced is None else forced
    return None if wanted is None else found is wanted


def _security(_tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    if argument == "selinux":
        return machine.selinux
    return {"smack": False, "tomoyo": False, "ima": None, "cvm": False}.get(argument)


def _ac_power(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    """A machine without a battery is on AC power."""
    return as_boolean(argument)


def _user(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    return argument in {"root", "0", "@system"}


def _group(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    return True if argument in {"root", "0"} else None


def _capability(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    """The system manager has all of them."""
    return argument.upper().startswith("CAP_") or None


def _os_release(tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    """`ID=debian`: only equality is looked at."""
    key, equals, wanted = argument.partition("=")
    if not equals or not key.isidentifier() or len(argument.split()) != 1:
        return None
    from imgtool.guest.release import OS_RELEASE_FILES, shell_assignments  # noqa: PLC0415 - rare

    content = next(filter(None, (tree.read_bytes(path, 64 << 10) for path in OS_RELEASE_FILES)), b"")
    found = shell_assignments(content.decode("utf-8", "replace")).get(key, "")
    return fnmatchcase(found, wanted.strip("\"'"))


def _never(_tree: GuestTree, _argument: str, _machine: Machine) -> bool | None:
    return False


_LOOKS: dict[str, Callable[[GuestTree, str, Machine], bool | None]] = {
    "PathExists": _on_path(GuestTree.exists),
    "PathExistsGlob": _on_path(_glob),
    "PathIsDirectory": _on_path(GuestTree.is_directory),
    "PathIsSymbolicLink": _on_path(GuestTree.is_link),
    "PathIsReadWrite": _on_path(GuestTree.exists),
    "PathIsEncrypted": _never,
    "DirectoryNotEmpty": _on_path(_is_directory_not_empty),
    "FileNotEmpty": _on_path(_is_file_not_empty),
    "FileIsExecutable": _on_path(GuestTree.is_executable),
    "Virtualization": _virtualization,
    "KernelCommandLine": _command_line,
    "Environment": _environment,
    "Architecture": _architecture,
    "FirstBoot": _first_boot,
    "Security": _security,
    "ACPower": _ac_power,
    "User": _user,
    "Group": _group,
    "Capability": _capability,
    "Credential": _never,
    "OSRelease": _os_release,
}
"""Of what is not here (a host's name, pressure, memory, firmware) only the running machine knows."""
