"""What a unit's own settings take away from the agent: its port, its directory, the time to start.

Sources: systemd.exec(5), systemd.resource-control(5) and systemd.service(5). The port's device belongs to
root and has mode 0600; the agent sends no sd_notify, and goes into the background only where it is told to.
"""

from collections.abc import Iterator

from imgtool.guest.exec_command import Command
from imgtool.guest.systemd import Unit
from imgtool.guest.systemd.unit import split_words
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

YES = frozenset({"1", "yes", "y", "true", "t", "on"})
"""parse_boolean() of systemd."""
ROOT = frozenset({"", "root", "0"})
OF_THE_PORT = ("vport", "virtio", "char-*")
"""How a DeviceAllow= begins or contains that means the port: by its path, or by its name in /proc/devices."""
HIDING = frozenset({"/dev", "/dev/virtio-ports"})
NOTIFYING = frozenset({"notify", "notify-reload"})
DAEMONIZE = frozenset({"-d", "--daemonize"})


def confined(tree: GuestTree, unit: Unit, command: Command) -> Iterator[str]:
    """Why the agent that the unit starts as `command` serves nobody, in clauses."""
    yield from _by_user(unit)
    yield from _by_devices(unit)
    yield from _by_directories(tree, unit)
    yield from _by_type(unit, command)


def _text(unit: Unit, key: str) -> str:
    value = unit.value("Service", key)
    return value.text if value is not None else ""


def _words(unit: Unit, key: str) -> list[str]:
    """All words of a list; an empty assignment takes back what stood before: unit.values does that."""
    return [word for value in unit.values("Service", key) for word in split_words(value.text)]


def _is_on(unit: Unit, key: str) -> bool:
    return _text(unit, key).lower() in YES


def _by_user(unit: Unit) -> Iterator[str]:
    user = _text(unit, "User")
    if _words(unit, "AmbientCapabilities"):
        return
    if user not in ROOT:
        yield f"User={printable(user)} may not open the port, which is root's"
    elif _is_on(unit, "DynamicUser") and user == "":
        yield "DynamicUser= runs it as a user who may not open the port"


def _by_devices(unit: Unit) -> Iterator[str]:
    if _is_on(unit, "PrivateDevices"):
        yield "PrivateDevices= gives it a /dev without the port"
    allowed = _words(unit, "DeviceAllow")
    closed = _text(unit, "DevicePolicy") in {"closed", "strict"} or bool(allowed)
    if closed and not any(part in word for word in allowed for part in OF_THE_PORT):
        yield "DevicePolicy= and DeviceAllow= keep it from opening the port"
    hidden = {path.lstrip("-+").rstrip("/") for path in _words(unit, "InaccessiblePaths")}
    if hidden & HIDING:
        yield f"InaccessiblePaths={min(hidden & HIDING)} hides the port from it"


def _by_directories(tree: GuestTree, unit: Unit) -> Iterator[str]:
    for key in ("WorkingDirectory", "RootDirectory", "RootImage"):
        path = _text(unit, key)
        if (
            path.startswith("/")
            and "%" not in path
            and not path.startswith("/run/")
            and not tree.exists(path)
        ):
            yield f"{key}={printable(path)} is not there, and no `-` before it says that it may be missing"


def _by_type(unit: Unit, command: Command) -> Iterator[str]:
    kind = _text(unit, "Type") or "simple"
    goes_behind = any(word in DAEMONIZE for word, _ in command.words[1:])
    if kind in NOTIFYING:
        yield f"Type={kind} waits for a message that it never sends, and then ends it"
    elif kind == "forking" and not goes_behind:
        yield "Type=forking waits until it goes into the background, which it does with -d only"
    elif kind in {"simple", "exec"} and goes_behind:
        yield f"-d puts it into the background, and Type={kind} takes that for its end"
