"""The agent under inits other than systemd, and by a script that runs at the end of a boot.

Sources: the init scripts of Debian (debian/qemu-guest-agent.init), Alpine and Gentoo (qemu-guest-
agent.initd with its confd), Void's and Artix's service directories; dinit-service(5);
systemd-rc-local-generator(8).
"""

import posixpath
import re
from collections.abc import Iterator

from imgtool.guest.agent.service import PROGRAM, Service, obstacles, settings_of
from imgtool.guest.agent.settings import AgentSettings
from imgtool.guest.boot_services import BootServices
from imgtool.guest.exec_command import Command, Word, scripted, split_words, starting
from imgtool.guest.init_system import InitName, Started, inittab_lines, started_services
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.programs import Programs
from imgtool.guest.release import MAX_SETTINGS_BYTES, shell_assignments
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

SERVICES = ("qemu-guest-agent", "qemu-ga")
RC_LOCAL = ("/etc/rc.local", "/etc/rc.d/rc.local")
RC_LOCAL_UNIT = "rc-local.service"
MAX_SCRIPT_BYTES = 64 << 10
DINIT_COMMAND = re.compile(r"[ \t]*command[ \t]*[=:](.*)")
SETTINGS_FILES = {
    "openrc": "/etc/conf.d",
    "sysvinit": "/etc/default",
}
"""Where the settings of a script are, by the name of its service."""
OTHER_SETTINGS = ("/etc/sysconfig/qemu-ga", "/usr/etc/sysconfig/qemu-ga")
_OPTION_VARIABLES = ("FILTER_RPC_ARGS", "DAEMON_ARGS", "command_args", "GA_ARGS")
_BLOCK_VARIABLES = ("BLACKLIST_RPC", "BLOCK_RPCS")


def services_of_others(
    tree: GuestTree, init: InitName, line: CommandLine, programs: Programs
) -> Iterator[Service]:
    """What the init starts of the agent, and lines of inittab that do."""
    for started in started_services(tree, init, SERVICES, line):
        yield service_of_script(tree, started, programs)
    if init != "systemd":
        for place, command in inittab_lines(tree, line):
            yield from _of_script(tree, place, command, programs)


def services_of_rc_local(boot: BootServices, programs: Programs) -> Iterator[Service]:
    """Lines of rc.local that start the agent, where that is executable and the boot runs it."""
    runs = boot.by_systemd and boot.exists(RC_LOCAL_UNIT)
    if runs and not boot.start(RC_LOCAL_UNIT).starts:
        return
    for path in RC_LOCAL:
        if boot.tree.is_executable(path):
            content = boot.tree.read_bytes(path, MAX_SCRIPT_BYTES) or b""
            yield from _of_script(boot.tree, path, _until_exit(content.decode("utf-8", "replace")), programs)


def _until_exit(text: str) -> str:
    lines = text.splitlines()
    end = next((at for at, one in enumerate(lines) if one.split("#")[0].split()[:1] == ["exit"]), len(lines))
    return "\n".join(lines[:end])


def _of_script(tree: GuestTree, place: str, script: str, programs: Programs) -> Iterator[Service]:
    for words in scripted(script, place):
        command = starting(Command(words), PROGRAM)
        if command is not None:
            agent = settings_of(tree, command)
            why = next(obstacles(tree, programs, command, agent), "")
            yield Service(place, place, command.program, agent, why, "", command.shown)


def service_of_script(tree: GuestTree, started: Started, programs: Programs) -> Service:
    """What a script of an init runs, by its own lines and by its settings."""
    name = posixpath.basename(started.place)
    place = started.place
    if started.obstacle:
        return Service(name, place, None, AgentSettings(), started.obstacle, place)
    command = _command(tree, started)
    agent = settings_of(tree, command)
    why = next(obstacles(tree, programs, command, agent), "") if command.program else agent.problem
    return Service(name, place, command.program or None, agent, why, "", command.shown)


def _command(tree: GuestTree, started: Started) -> Command:
    """The agent's command as far as a script and its settings say it; without a program where they do not."""
    found = _of_run(tree, started.script) if started.script.endswith("/run") else None
    found = _of_dinit(tree, started.place) if "/dinit.d/" in started.place else found
    if found is not None:
        return found
    words = list(_setting_words(tree, started))
    program = _program(tree, started)
    return Command(((program, printable(started.script)), *words))


def _of_run(tree: GuestTree, path: str) -> Command | None:
    """The agent that a run script of runit or s6 becomes, with what `conf` beside it sets."""
    conf = tree.read_bytes(f"{posixpath.dirname(path)}/conf", MAX_SETTINGS_BYTES) or b""
    script = tree.read_bytes(path, MAX_SCRIPT_BYTES) or b""
    variables = shell_assignments(conf.decode("utf-8", "replace"))
    for words in scripted(script.decode("utf-8", "replace"), printable(path), variables):
        redirected = (at for at, (word, _) in enumerate(words) if word.startswith((">", "<")))
        end = next(redirected, len(words))
        end -= end < len(words) and words[end - 1][0].isdigit()
        command = starting(Command(words[:end]), PROGRAM)
        if command is not None:
            return command
    return None


def _of_dinit(tree: GuestTree, path: str) -> Command | None:
    """The agent that `command` of a service of dinit starts: `=` or `:` between name and value."""
    content = tree.read_bytes(path, MAX_SETTINGS_BYTES) or b""
    for line in content.decode("utf-8", "replace").splitlines():
        found = DINIT_COMMAND.match(line)
        if found is not None:
            words = tuple((word, printable(path)) for word in split_words(found[1]))
            return starting(Command(words), PROGRAM) if words else None
    return None


def _program(tree: GuestTree, started: Started) -> str:
    content = tree.read_bytes(started.script, MAX_SCRIPT_BYTES) if started.script else None
    text = "" if content is None or content.startswith(b"\x7fELF") else content.decode("utf-8", "replace")
    values = shell_assignments(text)
    for name in ("command", "DAEMON"):
        value = values.get(name, "")
        if value.startswith("/") and "$" not in value:
            return value
    return ""


def _setting_words(tree: GuestTree, started: Started) -> Iterator[Word]:
    name = posixpath.basename(
        posixpath.dirname(started.script) if started.script.endswith("/run") else started.script
    )
    own = [f"{directory}/{name}" for directory in SETTINGS_FILES.values()] if name else []
    for path in (*own, *OTHER_SETTINGS):
        content = tree.read_bytes(path, MAX_SETTINGS_BYTES) if tree.is_file(path) else None
        if content is None:
            continue
        values = shell_assignments(content.decode("utf-8", "replace"))
        yield from ((word, path) for word in _words(values))


def _words(values: dict[str, str]) -> Iterator[str]:
    method, _, path = values.get("TRANSPORT", "").partition(":")
    for option, value in (("-m", values.get("GA_METHOD") or method), ("-p", values.get("GA_PATH") or path)):
        if value and "$" not in value:
            yield from (option, value)
    for variable in _BLOCK_VARIABLES:
        if values.get(variable):
            yield from ("-b", values[variable])
    for variable in _OPTION_VARIABLES:
        yield from (word for word in split_words(values.get(variable, "")) if "$" not in word)
