"""What OpenStack asks of the agent and its service may not do: the RPC is there, and answers with an error.

Sources: the kernel's fs/ioctl.c (ioctl_fsfreeze asks for CAP_SYS_ADMIN in the file system's own user name
space, which is the first one); qmp_guest_set_user_password of QEMU's qga/commands-posix.c, which starts
chpasswd.
"""

from collections.abc import Iterator

from imgtool.guest.exec_command import Command
from imgtool.guest.service_paths import ServicePaths
from imgtool.guest.service_rights import without_capability
from imgtool.guest.service_setup import lost_calls
from imgtool.guest.systemd import Unit
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

FREEZING = ("guest-fsfreeze-freeze", "guest-fsfreeze-thaw")
SETTING_A_PASSWORD = "guest-set-user-password"  # noqa: S105 - an RPC's name
SHADOW = "/etc/shadow"


def failing_rpcs(tree: GuestTree, unit: Unit, command: Command) -> Iterator[tuple[str, str]]:
    """RPCs that the unit's own settings keep from working, each with the reason."""
    if command.privileged:
        return
    why = _no_freezing(unit, command)
    if why:
        yield from ((name, why) for name in FREEZING)
    said = ServicePaths(tree, unit).read_only(SHADOW)
    if said:
        yield SETTING_A_PASSWORD, f"{said} keeps it from writing {SHADOW}"


def _no_freezing(unit: Unit, command: Command) -> str:
    why = without_capability(unit, "CAP_SYS_ADMIN")
    if why:
        return why
    lost = lost_calls(unit, command, frozenset({"ioctl"}))
    return f"SystemCallFilter=~{printable(lost[0])} takes ioctl from it" if lost else ""
