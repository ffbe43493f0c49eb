"""A small guest with systemd, and what starts in it."""

from collections.abc import Mapping

from support.guest_tree import Content, Link, guest_tree

from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.systemd import Machine, StartedUnits, UnitState, what_starts

LIB = "/usr/lib/systemd/system"
ETC = "/etc/systemd/system"

BASIC = "[Unit]\nRequires=sysinit.target\nWants=sockets.target timers.target paths.target\n"

SYSTEM: dict[str, Content] = {
    "/etc/machine-id": "",
    "/lib": Link("usr/lib"),
    f"{LIB}/default.target": Link("graphical.target"),
    f"{LIB}/graphical.target": "[Unit]\nRequires=multi-user.target\n",
    f"{LIB}/multi-user.target": "[Unit]\nRequires=basic.target\n",
    f"{LIB}/basic.target": BASIC,
    f"{LIB}/sysinit.target": "[Unit]\nWants=local-fs.target swap.target\n",
    f"{LIB}/local-fs.target": "[Unit]\nDefaultDependencies=no\nOnFailure=emergency.target\n",
    f"{LIB}/swap.target": "[Unit]\n",
    f"{LIB}/sockets.target": "[Unit]\n",
    f"{LIB}/timers.target": "[Unit]\n",
    f"{LIB}/paths.target": "[Unit]\n",
    f"{LIB}/rescue.target": "[Unit]\nRequires=sysinit.target rescue.service\n",
    f"{LIB}/rescue.service": "[Service]\nExecStart=/bin/sh\n",
    f"{LIB}/emergency.target": "[Unit]\nRequires=emergency.service\n",
    f"{LIB}/emergency.service": "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sh\n",
    f"{LIB}/getty.target": "[Unit]\n",
    f"{LIB}/remote-fs.target": "[Unit]\n",
    f"{ETC}/multi-user.target.wants/remote-fs.target": Link(f"{LIB}/remote-fs.target"),
    f"{LIB}/multi-user.target.wants/getty.target": Link("../getty.target"),
    f"{LIB}/systemd-udevd.service": "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/udevd\n",
    f"{LIB}/sysinit.target.wants/systemd-udevd.service": Link("../systemd-udevd.service"),
    f"{LIB}/ssh.service": "[Service]\nExecStart=/usr/sbin/sshd\n[Install]\nWantedBy=multi-user.target\n",
    f"{ETC}/multi-user.target.wants/ssh.service": Link(f"{LIB}/ssh.service"),
}
"""Enabled: ssh.service. Not enabled: what a test adds."""

WANTED = f"{ETC}/multi-user.target.wants"


def started(files: Mapping[str, Content], command_line: str = "ro", **machine: object) -> StartedUnits:
    """What starts in SYSTEM with `files`."""
    return what_starts(
        guest_tree({**SYSTEM, **files}),
        Machine(parse_command_line(command_line), "x86_64", **machine),  # type: ignore[arg-type]  # by name, as the test says
    )


def state(files: Mapping[str, Content], unit: str = "a.service", command_line: str = "ro") -> UnitState:
    """What becomes of `unit`."""
    return started(files, command_line).unit(unit)
