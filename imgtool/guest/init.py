"""The first program of user space: which one the root file system is handed to, and whether it can be run.

Sources: bootparam(7) and init/main.c (`init=`, else /sbin/init, /etc/init, /bin/init, /bin/sh); the
`validate_init` of initramfs-tools and dracut's init.sh look for the same; systemd(1); inittab(5).
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.init_script import program_of_init
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.programs import Programs
from imgtool.guest.systemd.reached import NEVER_ENDS
from imgtool.guest.systemd.start import StartedUnits, UnitState
from imgtool.guest.tree import GuestTree
from imgtool.model.services import Trouble
from imgtool.util.text import human_size, printable

DEFAULTS = ("/sbin/init", "/etc/init", "/bin/init", "/bin/sh")
LOOK_FURTHER = frozenset({"initramfs-tools"})
"""Where init= cannot be run, its script `init` goes on with the kernel's list; the kernel itself stops."""
SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", "mksh", "fish", "csh", "tcsh"})
INIT_NAMES = re.compile(r"systemd|[a-z0-9-]*init(?:[.-][a-z0-9.-]+)?|runit|s6-.+|busybox|upstart|tini")
"""Programs that are made to be the first one."""
INITTAB = "/etc/inittab"
MAX_INITTAB_BYTES = 64 << 10
RESCUE = "rescue.target"
"""It requires sysinit.target, and so udev: units/rescue.target of systemd."""
STOPPING = {
    RESCUE: "rescue mode: a shell on the console, without network and cloud-init",
    "emergency.target": "emergency mode: a shell on the console, and nothing else",
    "system-update.target": "an offline update, and then starts anew",
    **dict.fromkeys(("poweroff.target", "halt.target", "exit.target", "shutdown.target"), "power off"),
    **dict.fromkeys(
        ("reboot.target", "kexec.target", "soft-reboot.target", "ctrl-alt-del.target"), "a reboot"
    ),
    **dict.fromkeys(("suspend.target", "hibernate.target", "sleep.target", "hybrid-sleep.target"), "sleep"),
    "kernel-command-line.target": "one command (systemd.run=), and then ends",
    "initrd.target": "what only an initramfs has",
}
"""Targets at which no instance is of use, and what they are."""
LEAST_MEMORY_BYTES = 96 << 20
"""Of the kernel, what it unpacks, and systemd."""
BAD_RUNLEVELS = {"0": "halt", "6": "reboot", "1": "single-user mode", "s": "single-user mode"}


@dataclass(frozen=True, slots=True)
class Init:
    """The program, or why there is none."""

    path: str
    """As it is asked for: /sbin/init."""
    place: str
    """What asks for it."""
    program: str = ""
    """Where its links lead."""
    problem: str = ""
    """Why nothing useful starts; empty where it does."""

    @property
    def is_systemd(self) -> bool:
        """Whether systemd's rules hold."""
        return posixpath.basename(self.program) == "systemd"


def find_init(
    tree: GuestTree, programs: Programs, command_line: CommandLine, *, looks_further: bool = False
) -> Init:
    """What is started as the first program. Raises GuestReadError where that cannot be read.

    `looks_further`: the initramfs takes another one where that of init= cannot be run.
    """
    asked = command_line.init
    if asked and not (looks_further and programs.obstacle(asked)):
        place = f"the kernel's command line: init={asked}"
        return _judged(tree, programs, asked, printable(place))
    found = next((path for path in DEFAULTS if tree.is_file(path)), None)
    if found is None:
        where = ", ".join(DEFAULTS)
        return Init(DEFAULTS[0], where, "", f"there is no init: none of {where}")
    return _judged(tree, programs, found, "the kernel's default")


def _judged(tree: GuestTree, programs: Programs, path: str, place: str) -> Init:
    shown = printable(path)
    if posixpath.basename(path) in SHELLS:
        program = printable(tree.resolve(path) or path)
        return Init(shown, place, program, f"{shown} is started in place of an init: a shell")
    obstacle = programs.obstacle(path)
    if obstacle is not None:
        return Init(shown, place, printable(tree.resolve(path) or path), f"init cannot be run: {obstacle}")
    program = program_of_init(tree, path)
    behind = programs.obstacle(program) if program != tree.resolve(path) else None
    if behind is None and not INIT_NAMES.fullmatch(posixpath.basename(program)):
        raise GuestReadError(f"{printable(program)} is started as init, and what it does is not known")
    return Init(shown, place, printable(program), f"init cannot be run: {behind}" if behind else "")


def startup_troubles(
    tree: GuestTree, init: Init, started: StartedUnits | None, command_line: CommandLine
) -> Iterator[Trouble]:
    """What keeps the guest from coming up to where its services run."""
    yield from _of_memory(command_line)
    if init.is_systemd and command_line.confirms_each_start:
        message = "systemd asks before it starts anything, and nobody answers (systemd.confirm_spawn)"
        yield Trouble(
            "stops", message, "the kernel's command line", "take that word off the kernel's command line"
        )
    if init.problem:
        remedy = "install an init (`apt install systemd-sysv`), or take init= off the kernel's command line"
        yield Trouble("stops", f"user space does not start: {init.problem}", init.place, remedy, "init")
    elif started is not None:
        yield from _of_systemd(started)
    elif not init.is_systemd:
        yield from _of_inittab(tree, command_line)


def _of_memory(command_line: CommandLine) -> Iterator[Trouble]:
    """`mem=`: the least of them counts (arch/x86/kernel/e820.c, parse_memopt)."""
    limit = command_line.memory_bytes
    if limit is not None and limit < LEAST_MEMORY_BYTES:
        message = f"mem= leaves {human_size(limit)}, too little for a kernel with its initramfs"
        yield Trouble(
            "stops", message, "the kernel's command line", "take mem= off the kernel's command line"
        )


def _of_systemd(started: StartedUnits) -> Iterator[Trouble]:
    default = started.default
    remedy = "`systemctl set-default multi-user.target`"
    if default.place.startswith("the kernel's command line"):
        remedy = "take that word off the kernel's command line"
    if default.fallback:
        message = f"the boot ends in {STOPPING[RESCUE]}; {default.fallback}"
        yield Trouble("stops", message, default.place, remedy, has_udev=True)
        return
    end = STOPPING.get(default.name)
    if end is not None:
        place = f"{default.place}: {default.name}"
        yield Trouble("stops", f"the boot ends in {end}", place, remedy, has_udev=default.name == RESCUE)
        return
    state = started.unit(default.name)
    if state.starts is False and NEVER_ENDS in state.reason:
        yield _of_endless(started, state)
    elif state.starts is False:
        message = f"systemd cannot start its default target: {state.reason}"
        yield Trouble("stops", message, default.place, "unmask or install that unit")
    elif started.files.unit("basic.target").name not in started.names:
        message = (
            f"the default target is {printable(default.name)}, which pulls in no basic.target: little starts"
        )
        yield Trouble("stops", message, default.place, remedy)


def _of_endless(started: StartedUnits, target: UnitState) -> Trouble:
    """Behind basic.target only what waits for the default target does not run; before it, nothing does."""
    stops = NEVER_ENDS in started.unit("basic.target").reason
    message = "the boot does not get to its services" if stops else "the default target is never reached"
    remedy = "give that service an end, TimeoutStartSec=, or another Type= than oneshot"
    return Trouble("stops" if stops else "waits", f"{message}: {target.reason}", target.name, remedy)


def _of_inittab(tree: GuestTree, command_line: CommandLine) -> Iterator[Trouble]:
    """System V's init: the runlevel of inittab, or a word of the kernel's command line."""
    content = tree.read_bytes(INITTAB, MAX_INITTAB_BYTES)
    if content is None:
        return
    fields = [line.split(":") for line in content.decode("utf-8", "replace").splitlines()]
    level = next((one[1] for one in fields if len(one) >= 3 and one[2] == "initdefault"), None)
    if level is None:
        return
    evidence = f"{INITTAB}: initdefault {printable(level)}"
    if command_line.has("single", "S", "s", "emergency", "-b", "1"):
        level, evidence = "s", "the kernel's command line"
    end = BAD_RUNLEVELS.get(level[:1].lower())
    if end is not None:
        yield Trouble(
            "stops", f"the boot ends in {end}", evidence, f"set the runlevel in {INITTAB} to 2 or 3"
        )


def describe_target(started: StartedUnits | None) -> tuple[str, str]:
    """The default target and its place. Raises GuestReadError where the init is none that is read."""
    if started is None:
        raise GuestReadError("it is not systemd")
    return started.default.name, started.default.place
