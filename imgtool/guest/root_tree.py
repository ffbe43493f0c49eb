"""What the root file system itself must have, so that systemd comes up on it.

Sources: systemd's src/shared/mount-setup.c: /proc, /sys, /dev and /run are mounted first of all, each with
MNT_FATAL; a directory that is missing is made, which a root that the kernel mounts read-only does not let it,
and then it freezes. systemd-udevd.service(8): without it no device has a unit, so that what waits for one,
and the agent by its port, never starts. src/core/dbus-manager.c (method_switch_root) for os-release.
"""

from collections.abc import Iterator

from imgtool.guest.exec_command import located, program_obstacle
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.programs import Programs
from imgtool.guest.systemd import StartedUnits
from imgtool.guest.systemd.unit import split_words
from imgtool.guest.tree import GuestTree
from imgtool.model.services import Trouble
from imgtool.util.text import enumerated, printable

OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
FIRST_MOUNTS = ("/proc", "/sys", "/dev", "/run")
SHELLS = tuple(
    f"{directory}/{name}" for directory in ("/usr/bin", "/bin") for name in ("dash", "bash", "busybox")
)
"""One of them is in every root that is whole; what has none of them is put together elsewhere."""
MIN_SHELL_BYTES = 64 << 10
"""The smallest of them, Debian's dash, has 120 KiB; what is smaller stands in for one, as the rest may."""
UDEVD = "systemd-udevd.service"
PREFIXES = "@-:+!|"
"""What may stand before the program of an ExecStart=: systemd.service(5)."""


def is_whole(tree: GuestTree) -> bool:
    """Whether a shell is there, under whatever name: then a program that needs another one is broken."""
    return any(tree.size_bytes(path) >= MIN_SHELL_BYTES for path in SHELLS)


def root_tree_troubles(
    tree: GuestTree,
    started: StartedUnits,
    line: CommandLine,
    programs: Programs,
    generator: str | None = None,
) -> Iterator[Trouble]:
    """Directories and programs that systemd cannot do without; none where the root is not whole.

    `generator`: what made the initramfs.
    """
    if not is_whole(tree):
        return
    if generator == "dracut" and not line.init:
        yield from _of_release(tree)
    yield from _of_mounts(tree, line)
    yield from _of_udev(tree, started, programs)


def _of_release(tree: GuestTree) -> Iterator[Trouble]:
    """What dracut's systemd asks for before it hands over: `systemctl switch-root`, path_is_os_tree."""
    if not any(map(tree.is_file, OS_RELEASE)):
        message = "the initramfs does not hand over to this root: systemd takes no root without an os-release"
        remedy = f"put {OS_RELEASE[0]} back: a link to {OS_RELEASE[1]}, of the package that has it"
        yield Trouble("stops", message, f"none of {enumerated(OS_RELEASE)}", remedy, "init")


def _of_mounts(tree: GuestTree, line: CommandLine) -> Iterator[Trouble]:
    missing = [path for path in FIRST_MOUNTS if not tree.is_directory(path)]
    if missing and _is_read_only(line):
        are = "is no directory" if len(missing) == 1 else "are no directories"
        message = f"systemd freezes at once: {enumerated(missing)} {are} on a root that is mounted read-only"
        remedy = f"make them: `mkdir {' '.join(missing)}` in the image"
        yield Trouble("stops", message, f"{', '.join(missing)} and the kernel's command line: ro", remedy)


def _is_read_only(line: CommandLine) -> bool:
    """Only where the kernel is told so."""
    said = [one.key for one in line.kernel if one.value is None and one.key in {"ro", "rw"}]
    return said[-1:] == ["ro"]


def _of_udev(tree: GuestTree, started: StartedUnits, programs: Programs) -> Iterator[Trouble]:
    unit = started.files.unit(UDEVD)
    command = unit.value("Service", "ExecStart")
    if command is None or unit.name not in started.names:
        return
    words = split_words(command.text)
    named = words[0].lstrip(PREFIXES) if words else ""
    obstacle = program_obstacle(tree, programs, located(tree, named) or named) if named else None
    if obstacle is not None:
        message = f"udev cannot be run, so that no device and no agent's port shows up: {obstacle}"
        yield Trouble("stops", message, printable(command.source), "install the guest's package udev again")
