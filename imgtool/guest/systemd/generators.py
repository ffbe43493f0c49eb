"""Units that exist at boot only: what systemd's generators make of other files and of the command line.

Sources: systemd-rc-local-generator(8), systemd-sysv-generator(8), systemd-getty-generator(8),
systemd-system-update-generator(8), systemd-run-generator(8).
"""

import re
from collections.abc import Iterator

from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.systemd.fstab_units import fstab_units
from imgtool.guest.systemd.generated import Generated, Link, generated_tree
from imgtool.guest.systemd.lookup import unit_file
from imgtool.guest.tree import GuestTree

RUN = "/run"
EARLY, NORMAL, LATE = "systemd/generator.early", "systemd/generator", "systemd/generator.late"
RC_LOCAL = ("/etc/rc.local", "/etc/rc.d/rc.local", "/etc/init.d/boot.local")
"""Of Debian, Red Hat, SUSE."""
SYSTEM_UPDATE = ("/system-update", "/etc/system-update")
RUNLEVELS = {
    "2": "multi-user.target",
    "3": "multi-user.target",
    "4": "multi-user.target",
    "5": "graphical.target",
}
MAX_SCRIPTS = 1000
RUN_TARGET = "kernel-command-line.target"
RUN_GENERATORS = tuple(
    f"{lib}/systemd/system-generators/systemd-run-generator" for lib in ("/usr/lib", "/lib")
)


def with_generated(tree: GuestTree, command_line: CommandLine) -> GuestTree:
    """The guest's tree as systemd finds it: /run is empty but for what the generators wrote."""
    files: dict[str, str | Link] = {}
    makers = (
        _rc_local(tree),
        _system_update(tree),
        _consoles(command_line),
        _sysv(tree),
        _run(tree, command_line),
    )
    for made in (*makers, fstab_units(tree, command_line)):
        files |= dict(made)
    return tree.with_mount(RUN, generated_tree(files))


Made = Iterator[tuple[str, str | Link]]


def _rc_local(tree: GuestTree) -> Made:
    if any(map(tree.is_executable, RC_LOCAL)) and unit_file(tree, "rc-local.service") is not None:
        link = f"{NORMAL}/multi-user.target.wants/rc-local.service"
        yield link, Link("/usr/lib/systemd/system/rc-local.service")


def _system_update(tree: GuestTree) -> Made:
    """An update that waits for the next boot takes the place of the default target."""
    if any(tree.is_link(path) or tree.exists(path) for path in SYSTEM_UPDATE):
        yield f"{EARLY}/default.target", Link("/usr/lib/systemd/system/system-update.target")


def _run(tree: GuestTree, command_line: CommandLine) -> Made:
    """A command in place of the default target, whose end ends the machine as well."""
    if command_line.systemd_values("systemd.run") and any(map(tree.is_executable, RUN_GENERATORS)):
        yield f"{EARLY}/default.target", Link(RUN_TARGET)
        yield f"{NORMAL}/{RUN_TARGET}", "[Unit]\nRequires=kernel-command-line.service\n"
        yield f"{NORMAL}/kernel-command-line.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n"


def _consoles(command_line: CommandLine) -> Made:
    """A login on each serial console of the kernel."""
    for value in command_line.systemd_values("console"):
        name = value.partition(",")[0]
        if name.startswith(("ttyS", "ttyAMA", "hvc", "xvc", "hvsi", "sclp")) and re.fullmatch(r"\w+", name):
            link = f"{NORMAL}/getty.target.wants/serial-getty@{name}.service"
            yield link, Link("/usr/lib/systemd/system/serial-getty@.service")


def _sysv(tree: GuestTree) -> Made:
    """Scripts of System V's init that have no unit of their name."""
    scripts = [name for name in tree.names("/etc/init.d")[:MAX_SCRIPTS] if _is_script(tree, name)]
    if not scripts:
        return
    starts = {level: tree.names(f"/etc/rc{level}.d") for level in RUNLEVELS}
    for name in scripts:
        unit = f"{name.removesuffix('.sh')}.service"
        if unit_file(tree, unit) is not None:
            continue
        yield f"{LATE}/{unit}", _SYSV_UNIT.format(name=name)
        for level, target in RUNLEVELS.items():
            if any(re.fullmatch(rf"S\d\d{re.escape(name)}", link) for link in starts[level]):
                yield f"{LATE}/{target}.wants/{unit}", Link(f"../{unit}")


def _is_script(tree: GuestTree, name: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9_.:-]+", name)) and tree.is_executable(f"/etc/init.d/{name}")


_SYSV_UNIT = """\
[Unit]
SourcePath=/etc/init.d/{name}
[Service]
Type=forking
Restart=no
RemainAfterExit=yes
ExecStart=/etc/init.d/{name} start
ExecStop=/etc/init.d/{name} stop
"""

__all__ = ["Generated", "with_generated"]
