"""Units that systemd refuses to load, though their files are read.

What it refuses is not started, whoever wants it: its load state is `bad-setting`. Sources: service_verify,
socket_verify, timer_verify and path_verify of src/core; config_parse_exec for commands. A service without any
command is refused as well; that is left to who asks for a command, since it does nothing in either case.
"""

from collections.abc import Callable

from imgtool.guest.systemd.syntax import Line
from imgtool.guest.systemd.unit import Unit, split_words
from imgtool.util.text import printable

AUTOMATIC_RESTARTS = frozenset({"always", "on-success"})
SERVICE_TYPES = frozenset({"simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle"})
COMMAND_PREFIXES = "-@:+!|"
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


def fatal(line: Line) -> str:
    """Why the unit is refused whose own file has this line; of a drop-in nothing behind it is read."""
    word = _bad_command(line)
    if not word or _may_fail(word):
        return ""
    return f"{line.source}: {line.key}={printable(line.value[:80])} names no program by its whole path"


def passed_over(line: Line) -> bool:
    """Whether it is a bad command that may fail: it is as if the line were not there."""
    return _may_fail(_bad_command(line))


def _may_fail(word: str) -> bool:
    return "-" in word[: len(word) - len(word.lstrip(COMMAND_PREFIXES))]


def _bad_command(line: Line) -> str:
    """The first word of a command whose program is neither a plain name nor a whole path; else empty."""
    if line.section != "Service" or line.key not in COMMANDS:
        return ""
    for words in _split_commands(line.value):
        path = words[0].lstrip(COMMAND_PREFIXES)
        is_relative = not path.startswith("/") and "/" in path
        if "%" not in path and (not path or path.endswith("/") or is_relative):
            return words[0]
    return ""


def _split_commands(text: str) -> list[list[str]]:
    """The commands of a line; `;` stands between them."""
    commands: list[list[str]] = [[]]
    for word in split_words(text):
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
        return _without_start(unit, kind)
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
