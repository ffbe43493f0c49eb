"""Conditions of units about the machine, and not about files: src/shared/condition.c of systemd 252.

Each function says whether its condition holds on a Nova instance that boots for the first time, or that only
the running machine knows (None). A value that systemd cannot read fails the condition, negated or not:
WrongValueError. Words of a size or a number are compared with the least and the most that an instance has.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.release import OS_RELEASE_FILES, shell_assignments
from imgtool.guest.systemd.unit import as_boolean, split_words
from imgtool.guest.tree import GuestTree
from imgtool.guest.version_order import version_key
from imgtool.util.text import parse_size

AGENT_PORT = r"dev-virtio\x2dports-org.qemu.guest_agent.0.device"
"""The device unit of the guest agent's channel, which an instance with hw_qemu_guest_agent=yes has."""
ARCHITECTURES = {
    "x86_64": "x86-64", "i686": "x86", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64-le",
    "ppc64": "ppc64", "s390x": "s390x", "riscv64": "riscv64", "riscv32": "riscv32",
    "loongarch64": "loongarch64",
}  # fmt: skip
"""`uname -m` to systemd's names."""
CAPABILITIES = frozenset(
    [
        "audit_control",
        "audit_read",
        "audit_write",
        "block_suspend",
        "bpf",
        "checkpoint_restore",
        "chown",
        "dac_override",
        "dac_read_search",
        "fowner",
        "fsetid",
        "ipc_lock",
        "ipc_owner",
        "kill",
        "lease",
        "linux_immutable",
        "mac_admin",
        "mac_override",
        "mknod",
        "net_admin",
        "net_bind_service",
        "net_broadcast",
        "net_raw",
        "perfmon",
        "setfcap",
        "setgid",
        "setpcap",
        "setuid",
        "sys_admin",
        "sys_boot",
        "sys_chroot",
        "sys_module",
        "sys_nice",
        "sys_pacct",
        "sys_ptrace",
        "sys_rawio",
        "sys_resource",
        "sys_time",
        "sys_tty_config",
        "syslog",
        "wake_alarm",
    ]
)
EVERY_X86_64 = frozenset(["fpu", "tsc", "cx8", "cmov", "mmx", "fxsr", "sse", "sse2", "syscall", "lm"])
"""What each processor of this kind can do."""
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "<>": operator.ne, "==": operator.eq,
    "<": operator.lt, ">": operator.gt, "=": operator.eq,
}  # fmt: skip
MEMORY = (64 << 20, 64 << 40)
PROCESSORS = (1, 4096)
"""The least and the most that an instance has."""
MACHINE_ID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
MAX_OS_RELEASE_BYTES = 64 << 10


class WrongValueError(Exception):
    """A value that systemd cannot read."""


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
    kernel: str | None = None
    """The release of the kernel that boots, as `uname -r` says it; None where that is not known."""


Look = Callable[[GuestTree, str, Machine], bool | None]


def _boolean(text: str) -> bool:
    found = as_boolean(text)
    if found is None:
        raise WrongValueError(text)
    return found


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
    wanted = _boolean(argument)
    forced = as_boolean(machine.command_line.systemd_value("systemd.condition-first-boot") or "")
    found = machine.first_boot if forced is None else forced
    return found is wanted


def _security(_tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    if argument == "selinux":
        return machine.selinux
    only_running = {"apparmor", "ima", "audit", "uefi-secureboot", "tpm2", "measured-uki"}
    return None if argument in only_running else False


def _ac_power(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    """A machine without a battery is on AC power."""
    return _boolean(argument)


def _user(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    return argument in {"root", "0", "@system"}


def _group(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    """The first process is in no group besides its own."""
    return argument in {"root", "0"}


def _capability(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    """The system manager has all of them."""
    name = argument.lower()
    if not name.startswith("cap_") or name.removeprefix("cap_") not in CAPABILITIES:
        raise WrongValueError(argument)
    return True


def _never(_tree: GuestTree, _argument: str, _machine: Machine) -> bool | None:
    return False


# ---------------------------------------------------------------- comparisons


def _compared(text: str) -> tuple[str, str]:
    """The operator at the beginning, empty where there is none, and the rest."""
    found = next((one for one in OPERATORS if text.startswith(one)), "")
    return found, text[len(found) :].strip()


def _between(argument: str, bounds: tuple[int, int], number: Callable[[str], int | None]) -> bool | None:
    """Whether it holds for all amounts from the least to the most, for none of them, or for some."""
    sign, text = _compared(argument)
    wanted = number(text)
    if wanted is None:
        raise WrongValueError(argument)
    compare: Callable[[int, int], bool] = OPERATORS[sign or ">="]
    inside = {wanted} if bounds[0] <= wanted <= bounds[1] else set[int]()
    answers = {compare(amount, wanted) for amount in {*bounds, *inside}}
    return answers.pop() if len(answers) == 1 else None


def _memory(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    return _between(argument, MEMORY, parse_size)


def _processors(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    return _between(argument, PROCESSORS, lambda text: int(text) if text.isdecimal() else None)


def _kernel_version(_tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    """All words have to fit: a comparison of versions, or a pattern."""
    if machine.kernel is None:
        return None
    return all(_fits_release(word, machine.kernel) for word in _joined(split_words(argument)))


def _joined(words: list[str]) -> Iterator[str]:
    """Words; a first one that is an operator alone belongs to the second."""
    if len(words) > 1 and words[0] in OPERATORS:
        words = [words[0] + words[1], *words[2:]]
    yield from words


def _fits_release(word: str, release: str) -> bool:
    sign, version = _compared(word)
    if not sign:
        return fnmatchcase(release, word)
    if not version:
        raise WrongValueError(word)
    return bool(OPERATORS[sign](version_key(release), version_key(version)))


def _os_release(tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    """`ID=debian`, `VERSION_ID>=11`: all words have to fit; `=` and `!=` compare texts."""
    content = next(
        filter(None, (tree.read_bytes(path, MAX_OS_RELEASE_BYTES) for path in OS_RELEASE_FILES)), b""
    )
    values = shell_assignments(content.decode("utf-8", "replace"))
    return all(_fits_os_release(word, values) for word in split_words(argument))


def _fits_os_release(word: str, values: dict[str, str]) -> bool:
    found = re.match(r"([^<>=!$]+)(!?\$=|[<>=!]+)(.+)", word)
    if found is None:
        raise WrongValueError(word)
    actual, sign, wanted = values.get(found[1], ""), found[2], found[3]
    if sign.endswith("$="):
        return fnmatchcase(actual, wanted) is not sign.startswith("!")
    if sign not in OPERATORS:
        raise WrongValueError(word)
    if sign in {"=", "==", "!=", "<>"}:
        return bool(OPERATORS[sign](actual, wanted))
    return bool(OPERATORS[sign](version_key(actual), version_key(wanted)))


# ---------------------------------------------------------------- what depends on the hypervisor


def _feature(_tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    return True if machine.architecture == "x86_64" and argument.lower() in EVERY_X86_64 else None


def _controllers(_tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    """Controllers that there are not are passed over; those that there are, a distribution's kernel has."""
    taken_away = any("cgroup" in word for word in machine.command_line.words)
    return None if argument in {"v1", "v2"} or taken_away else True


def _host(_tree: GuestTree, argument: str, _machine: Machine) -> bool | None:
    """An instance has a machine-id of its own; its name comes from Nova."""
    if argument == "*":
        return True
    return False if MACHINE_ID.fullmatch(argument) else None


def _firmware(_tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    if argument == "uefi" or argument.startswith("smbios-field("):
        return None
    by_tree = argument == "device-tree" or argument.startswith("device-tree-compatible(")
    return None if by_tree and machine.architecture != "x86_64" else False


def _needs_update(tree: GuestTree, argument: str, machine: Machine) -> bool | None:
    forced = as_boolean(machine.command_line.systemd_value("systemd.condition-needs-update") or "")
    if forced is not None:
        return forced
    return None if tree.exists(f"{argument.rstrip('/')}/.updated") else True


def _unknown(_tree: GuestTree, _argument: str, _machine: Machine) -> bool | None:
    return None


MACHINE_LOOKS: dict[str, Look] = {
    "Virtualization": _virtualization,
    "KernelCommandLine": _command_line,
    "KernelVersion": _kernel_version,
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
    "Memory": _memory,
    "CPUs": _processors,
    "CPUFeature": _feature,
    "ControlGroupController": _controllers,
    "Host": _host,
    "Firmware": _firmware,
    "NeedsUpdate": _needs_update,
    **dict.fromkeys(("MemoryPressure", "CPUPressure", "IOPressure"), _unknown),
    **dict.fromkeys(("KernelModuleLoaded", "Version", "PathIsSocket"), _unknown),
}
"""The last ones are newer than systemd 252; another name than all of these is no condition."""
