"""Units that systemd refuses to load, though their files are read.

What it refuses is not started, whoever wants it: its load state is `bad-setting`. Sources: service_verify,
socket_verify, timer_verify and path_verify of src/core; config_parse_exec for commands, and
config_parse_unit_path_printf for directories. A service without any
command is refused as well; that is left to who asks for a command, since it does nothing in either case.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from imgtool.guest.systemd.syntax import Line
from imgtool.guest.systemd.unit import Unit
from imgtool.guest.systemd.words import UnbalancedError, words_of
from imgtool.util.text import printable

AUTOMATIC_RESTARTS = frozenset({"always", "on-success"})
SERVICE_TYPES = frozenset({"simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle"})
FATAL_PATHS = frozenset({"WorkingDirectory", "RootDirectory", "RootImage"})
"""Where a path that is none refuses the whole unit."""
UNKNOWN_SPECIFIER = re.compile(r"%[ekxzFKOQXZ0-9]")
"""Letters and digits that stand for nothing; other characters behind `%` stay as they are."""
UNKNOWN_FAILS_SINCE = 250
TIMES = (
    *("OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec", "OnCalendar"),
    *("OnClockChange", "OnTimezoneChange"),
)
PATHS = ("PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty")


COMMANDS = frozenset(
    {
        *("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop"),
        "ExecStopPost",
    }
)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What systemd does not take of a line."""

    why: str
    ignored: bool
    """The line is as if it were not there; else the unit is refused."""


def fatal(line: Line, version: int | None = None) -> str:
    """Why the unit is refused whose own file has this line; of a drop-in nothing behind it is read."""
    fault = _fault(line, version)
    if fault is None or fault.ignored:
        return ""
    return f"{line.source}: {line.key}={printable(line.value[:80])} {fault.why}"


def passed_over(line: Line, version: int | None = None) -> bool:
    """Whether it is a bad command that may fail: it is as if the line were not there."""
    fault = _fault(line, version)
    return fault is not None and fault.ignored


def _fault(line: Line, version: int | None) -> _Fault | None:
    if line.section != "Service" or not line.value:
        return None
    if line.key in COMMANDS:
        return _command_fault(line.value, version)
    if line.key in FATAL_PATHS:
        why = _path_fault(line.key, line.value, version)
        return _Fault(why, ignored=_may_be_missing(line)) if why else None
    return None


def _command_fault(value: str, version: int | None) -> _Fault | None:
    """Do as config_parse_exec does: a bad command is fatal, unless `-` lets it fail."""
    unbalanced = False
    try:
        words = words_of(value)
    except UnbalancedError as error:
        words, unbalanced = error.words, True
        if not words:
            return _Fault("has a quote without an end", ignored=True)
    for command in _commands_in(words):
        flags, path = command_prefix(command[0])
        why = _program_fault(path) or _specifier_fault(" ".join(command), version)
        if not why and "@" in flags and len(command) < 2:
            why = "has no name for the program behind @"
        if why:
            return _Fault(why, ignored="-" in flags)
    ignored = command_prefix(words[0])[0].startswith("-") if words else False
    return _Fault("has a quote without an end", ignored) if unbalanced else None


def command_prefix(word: str) -> tuple[str, str]:
    """The special characters before a program, and the program: each once, and one of `+`, `!`, `!!`."""
    flags = ""
    for at, character in enumerate(word):
        privileges = "".join(one for one in flags if one in "+!")
        allowed = {"+": not privileges, "!": privileges in {"", "!"}}
        if not allowed.get(character, character in "-@:|" and character not in flags):
            return flags, word[at:]
        flags += character
    return flags, ""


def _program_fault(path: str) -> str:
    is_relative = not path.startswith("/") and "/" in path
    if "%" not in path and (not path or path.endswith("/") or is_relative):
        return "names no program by its whole path"
    return ""


def _specifier_fault(text: str, version: int | None) -> str:
    """An error since systemd 250; before, what is unknown stays as it is."""
    if (version or UNKNOWN_FAILS_SINCE) < UNKNOWN_FAILS_SINCE:
        return ""
    found = UNKNOWN_SPECIFIER.search(text.replace("%%", ""))
    return f"has {found[0]} in it, which stands for nothing" if found is not None else ""


def _path_fault(key: str, path: str, version: int | None) -> str:
    bare = path.removeprefix("-") if key == "WorkingDirectory" else path
    if bare == "~" and key == "WorkingDirectory":
        return ""
    is_whole = is_whole_path(bare) or bare.startswith("%")
    return _specifier_fault(bare, version) or ("" if is_whole else "is no whole path, or has `..` in it")


def is_whole_path(path: str) -> bool:
    """Whether systemd takes it for a path: from the top on, and never up again."""
    return path.startswith("/") and ".." not in path.split("/")


def _may_be_missing(line: Line) -> bool:
    return line.key == "WorkingDirectory" and line.value.startswith("-")


def _split_commands(text: str) -> list[list[str]]:
    """The commands of a line; `;` stands between them."""
    try:
        words = words_of(text)
    except UnbalancedError as error:
        words = error.words
    return _commands_in(words)


def _commands_in(words: list[str]) -> list[list[str]]:
    commands: list[list[str]] = [[]]
    for word in words:
        if word == ";":
            commands.append([])
        else:
            commands[-1].append(word)
    return [words for words in commands if words]


def refusal(unit: Unit) -> str:
    """Why a unit is refused, in one clause; empty where it is not."""
    judge = _OF_TYPE.get(unit.type)
    return judge(unit) if judge is not None else ""


def _of_service(unit: Unit) -> str:
    starts = sum(len(_split_commands(value.text)) for value in unit.values("Service", "ExecStart"))
    kind = _service_type(unit, starts)
    if not starts:
        return _without_start(unit, kind) or _misplaced(unit)
    if starts > 1 and kind != "oneshot":
        return f"it has {starts} commands of ExecStart=, which only Type=oneshot may have"
    restart = unit.value("Service", "Restart")
    if kind == "oneshot" and restart is not None and restart.text in AUTOMATIC_RESTARTS:
        return f"{restart.source}: Restart={restart.text} is not allowed for Type=oneshot"
    if kind == "dbus" and unit.value("Service", "BusName") is None:
        return "it is of Type=dbus, and has no BusName="
    return ""


def _without_start(unit: Unit, kind: str) -> str:
    stops = bool(unit.values("Service", "ExecStop"))
    succeeds = unit.value("Unit", "SuccessAction")
    acts = succeeds is not None and succeeds.text != "none"
    if not stops and not acts:
        return ""
    if kind != "oneshot":
        return "it has no ExecStart=, which only Type=oneshot may lack"
    if not acts and not unit.flag("Service", "RemainAfterExit", default=False):
        return "it has no ExecStart=, and no RemainAfterExit=yes"
    return ""


def _misplaced(unit: Unit) -> str:
    """Why it has no command: its lines stand in a section that systemd does not know, or not for that."""
    line = next((one for one in unit.lines if one.key == "ExecStart" and one.section != "Service"), None)
    if line is None:
        return ""
    return f"{line.source}: ExecStart= stands in [{printable(line.section)}], and so it has no command"


def _service_type(unit: Unit, starts: int) -> str:
    """Return it as service_add_extras takes it where none is given; a type that there is not is ignored."""
    given = [value.text for value in unit.values("Service", "Type") if value.text in SERVICE_TYPES]
    if given:
        return given[-1]
    if unit.value("Service", "BusName") is not None:
        return "dbus"
    return "simple" if starts else "oneshot"


def _of_socket(unit: Unit) -> str:
    listens = [line for line in unit.lines if line.section == "Socket" and line.key.startswith("Listen")]
    if not any(line.value for line in listens):
        return "it has no ListenStream= or the like"
    if unit.flag("Socket", "Accept", default=False) and unit.value("Socket", "Service") is not None:
        return "it has Accept=yes, and so may have no Service="
    return ""


def _of_timer(unit: Unit) -> str:
    return "" if unit.values("Timer", *TIMES) else "it has no OnCalendar=, OnBootSec= or the like"


def _of_path(unit: Unit) -> str:
    return "" if unit.values("Path", *PATHS) else "it has no PathExists= or the like"


_OF_TYPE: dict[str, Callable[[Unit], str]] = {
    "service": _of_service,
    "socket": _of_socket,
    "timer": _of_timer,
    "path": _of_path,
}
