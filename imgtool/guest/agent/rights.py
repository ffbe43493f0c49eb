"""What OpenStack asks of the agent and its service may not do: the RPC is there, and answers with an error.

Sources: the kernel's fs/ioctl.c (ioctl_fsfreeze asks for CAP_SYS_ADMIN in the file system's own user name
space, which is the first one); systemd.exec(5) and config_parse_capability_set of systemd's load-fragment.c;
qmp_guest_set_user_password of QEMU's qga/commands-posix.c, which starts chpasswd.
"""

from collections.abc import Iterator

from imgtool.guest.exec_command import Command
from imgtool.guest.service_paths import ServicePaths
from imgtool.guest.service_setup import lost_calls
from imgtool.guest.systemd import Unit
from imgtool.guest.systemd.unit import split_words
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

FREEZING = ("guest-fsfreeze-freeze", "guest-fsfreeze-thaw")
SETTING_A_PASSWORD = "guest-set-user-password"  # noqa: S105 - an RPC's name
ADMIN = "CAP_SYS_ADMIN"
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
    if unit.flag("Service", "PrivateUsers", default=False):
        return f"PrivateUsers= leaves it no {ADMIN} that counts"
    if not _bounds_admin(unit):
        return f"CapabilityBoundingSet= takes {ADMIN} from it"
    lost = lost_calls(unit, command, frozenset({"ioctl"}))
    return f"SystemCallFilter=~{printable(lost[0])} takes ioctl from it" if lost else ""


def _bounds_admin(unit: Unit) -> bool:
    """Whether ADMIN is in the set in the end. Lines add up; an empty one, and the first, replace what was."""
    has, is_first = True, True
    for line in unit.lines:
        if line.section != "Service" or line.key != "CapabilityBoundingSet":
            continue
        is_inverted = line.value.startswith("~")
        words = split_words(line.value.removeprefix("~"))
        named = any(word.upper() == ADMIN for word in words)
        if is_first or not words:
            has = named != is_inverted
        elif named:
            has = not is_inverted
        is_first = False
    return has
