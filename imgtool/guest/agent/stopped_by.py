"""Other services and scripts of the boot that stop the agent again once it runs.

Source: systemctl(1), pkill(1), killall(1).
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from imgtool.guest.agent.by_others import RC_LOCAL, RC_LOCAL_UNIT
from imgtool.guest.boot_services import BootServices
from imgtool.guest.exec_command import SHELLS, commands_of, scripted
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.systemd import Unit
from imgtool.util.text import printable

PROGRAM = "qemu-ga"
STOPPING = frozenset({"stop", "kill", "mask", "disable"})
"""What systemctl does to a unit; the last two end it with `--now` only."""
WITH_NOW = frozenset({"mask", "disable"})
KILLERS = frozenset({"pkill", "killall"})
STARTING = frozenset({"start", "restart", "try-restart", "enable", "unmask"})
CONDITIONAL = re.compile(r"\b(if|case|while|for|until|exit|test)\b|&&|\|\||\[")
"""A script with these may not come to all of its commands: nothing is said of it."""
KEYS = ("ExecStartPre", "ExecStart", "ExecStartPost")
MAX_SCRIPT_BYTES = 64 << 10


def stopped_by(boot: BootServices, names: Iterable[str]) -> str:
    """What stops the agent's unit, which has these names, in a clause; empty where nothing is known to."""
    units = {name.removesuffix(".service") for name in names}
    why = ""
    for place, words in _commands(boot, units):
        if _stops(words, units):
            why = f"{printable(place)} stops it again"
        elif _starts(words, units):
            why = ""
    return why


def _commands(boot: BootServices, own: set[str]) -> Iterator[tuple[str, list[str]]]:
    """The commands of the boot, each with where it stands; those of the agent's own unit are left out."""
    for name in sorted(boot.started):
        unit = boot.unit(name)
        if unit.type == "service" and name.removesuffix(".service") not in own and _may_stop(unit):
            for key in KEYS if _surely_runs(boot, name) else ():
                for command in commands_of(boot.tree, unit.settings, key=key):
                    words = [word for word, _ in command.words]
                    yield from ((f"{name}: {' '.join(one)}", one) for one in _plain(words))
    if boot.by_systemd and boot.exists(RC_LOCAL_UNIT) and _surely_runs(boot, RC_LOCAL_UNIT):
        yield from _of_rc_local(boot)


def _surely_runs(boot: BootServices, name: str) -> bool:
    """Whether the boot starts it; one that only the running guest knows of stops nothing for sure."""
    try:
        return boot.start(name).starts
    except GuestReadError:
        return False


def _may_stop(unit: Unit) -> bool:
    """A first look, so that not every service of the boot is followed."""
    return any(word in line.value for line in unit.lines for word in ("systemctl", *KILLERS))


def _of_rc_local(boot: BootServices) -> Iterator[tuple[str, list[str]]]:
    for path in RC_LOCAL:
        stream = boot.tree.open(path) if boot.tree.is_executable(path) else None
        text = stream.read(MAX_SCRIPT_BYTES).decode("utf-8", "replace") if stream is not None else ""
        for command in scripted(text, path) if CONDITIONAL.search(text) is None else ():
            words = [word for word, _ in command]
            yield f"{path}: {' '.join(words)}", words


def _plain(words: Sequence[str]) -> Iterator[list[str]]:
    """The command, or those of the script that a shell is given."""
    if posixpath.basename(words[0]) in SHELLS and "-c" in words[:-1]:
        script = words[words.index("-c") + 1]
        if CONDITIONAL.search(script) is None:
            yield from ([word for word, _ in command] for command in scripted(script, ""))
    else:
        yield list(words)


def _starts(words: Sequence[str], units: set[str]) -> bool:
    is_start = posixpath.basename(words[0]) == "systemctl" and STARTING.intersection(words)
    return bool(is_start) and any(word.removesuffix(".service") in units for word in words[1:])


def _stops(words: Sequence[str], units: set[str]) -> bool:
    name, rest = posixpath.basename(words[0]), words[1:]
    if name in KILLERS:
        return PROGRAM in rest
    verbs = [word for word in rest if not word.startswith("-")]
    if name != "systemctl" or not verbs or verbs[0] not in STOPPING:
        return False
    ends = verbs[0] not in WITH_NOW or "--now" in rest
    return ends and any(word.removesuffix(".service") in units for word in verbs[1:])


__all__ = ["stopped_by"]
