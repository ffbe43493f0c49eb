"""What systemd sets up before a service's command runs, and what of it fails, so that it does not start.

Sources: systemd.exec(5) and systemd.service(5); src/core/execute.c and src/core/namespace.c of systemd 252.
tests/integration/test_service_setup.py asks a running systemd about each row of what is tested here.
"""

import posixpath
from collections.abc import Iterator, Sequence

from imgtool.guest.exec_command import (
    Command,
    commands_of,
    located,
    missing_environment_file,
)
from imgtool.guest.service_paths import ServicePaths
from imgtool.guest.systemd import Unit
from imgtool.guest.systemd.reached import never_ends
from imgtool.guest.systemd.unit import split_words
from imgtool.guest.tree import GuestTree
from imgtool.util.text import parse_size, printable

FALSE_PROGRAMS = frozenset({"false"})
PASSES_OVER = "ExecCondition"
"""What comes before the start and, where it fails, leaves the unit out; what requires it goes on."""
FAILING = ("ExecStartPre", "ExecStartPost")
"""What fails the unit where it fails."""
ACCOUNTS = {"User": "/etc/passwd", "Group": "/etc/group", "SupplementaryGroups": "/etc/group"}
ROOT = frozenset({"", "root", "0"})
SYNTHESIZED = frozenset({"root", "nobody", "0", "65534", "nogroup"})
"""What systemd knows without a database: nss-systemd."""
SYSUSERS = ("/usr/lib/sysusers.d", "/etc/sysusers.d")
MOUNT_LISTS = (
    *("ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths"),
    *("ReadWriteDirectories", "ReadOnlyDirectories", "InaccessibleDirectories"),
    *("BindPaths", "BindReadOnlyPaths"),
)
DIRECTORIES = ("WorkingDirectory", "RootDirectory", "RootImage")
STREAMS = ("StandardOutput", "StandardError")
FILE_PREFIXES = ("file:", "append:", "truncate:")
CREDENTIALS = ("LoadCredential", "LoadCredentialEncrypted")
SET_CREDENTIALS = ("SetCredential", "SetCredentialEncrypted")
"""What stands in for one that cannot be loaded."""
NEEDED_CALLS = frozenset({"execve", "openat", "read", "close", "mmap", "mprotect"})
"""What the dynamic linker calls before a program's first line."""
NEEDED_SETS = frozenset({"@default", "@basic-io", "@file-system", "@system-service", "@known"})
NOTICED = frozenset({"oneshot", "exec", "notify", "notify-reload", "forking", "dbus"})
"""Types whose start fails where the command cannot be run."""
LEAST = {"LimitNOFILE": 4, "LimitAS": 4 << 20, "LimitDATA": 128 << 10, "MemoryMax": 256 << 10}
"""Less than that, and even `cat` does not start: descriptors, and bytes."""


def setup_failures(paths: ServicePaths, command: Command) -> Iterator[str]:
    """Why systemd does not start `command` of the service that has these paths, in clauses."""
    tree, unit = paths.tree, paths.unit
    yield from _accounts(tree, unit)
    yield from _directories(paths, unit)
    yield from _mounts(paths, unit)
    yield from _streams(paths, unit)
    yield from _files(paths, unit)
    yield from _program(paths, command)
    yield from _system_calls(unit, command)
    yield from _limits(unit)
    yield from _failing_beside(tree, unit, (PASSES_OVER, *FAILING))


def never_runs(tree: GuestTree, unit: Unit) -> str:
    """Why a service runs at no boot, in a clause: a mask, or its first failure; empty where it may."""
    if unit.state == "masked":
        return unit.problem
    command = next(iter(commands_of(tree, unit.settings)), None)
    why = next(setup_failures(ServicePaths(tree, unit), command), "") if command is not None else ""
    return f"{printable(unit.name)}: {why}" if why else ""


def start_failure(tree: GuestTree, unit: Unit) -> str:
    """Why systemd says of a service that its start failed, for what requires it; empty where it may not.

    One of Type=simple has started once there is a process for it: what fails in that fails later.
    """
    if unit.type != "service":
        return ""
    commands = commands_of(tree, unit.settings)
    return next(filter(None, _start_failures(tree, unit, commands)), "")


def _start_failures(tree: GuestTree, unit: Unit, commands: Sequence[Command]) -> Iterator[str]:
    yield from _failing_beside(tree, unit, FAILING)
    paths = ServicePaths(tree, unit)
    yield from _files(paths, unit)
    if unit.text("Service", "Type") in NOTICED:
        for command in commands:
            if not command.may_fail:
                yield _not_there_to_run(tree, command)
                yield from setup_failures(paths, command)
                if _is_false(command):
                    yield f"{command.shown} fails"


def lost_calls(unit: Unit, command: Command, needed: frozenset[str]) -> list[str]:
    """Return those of the `needed` system calls and sets of them that the command may not make."""
    if command.privileged:
        return []
    _, denied = _filtered([value.text for value in unit.values("Service", "SystemCallFilter")])
    return sorted(denied & needed)


def _accounts(tree: GuestTree, unit: Unit) -> Iterator[str]:
    """Return the users and groups that nobody knows: statuses 216 and 217."""
    if unit.flag("Service", "DynamicUser", default=False):
        return
    for key, database in ACCOUNTS.items():
        for name in unit.words("Service", key):
            if name in SYNTHESIZED or "%" in name or _is_known(tree, name, database):
                continue
            yield f"{key}={printable(name)} is not in {database}"


def _is_known(tree: GuestTree, name: str, database: str) -> bool:
    text = tree.read_text(database)
    if text is None:
        return True
    entries = (line.split(":") for line in text.splitlines())
    if any(name in (entry[0], entry[2]) for entry in entries if len(entry) > 2):
        return True
    made = (tree.read_text(f"{folder}/{file}") for folder in SYSUSERS for file in tree.names(folder))
    return any(name in (line.split() or [""])[1:2] for text in made for line in (text or "").splitlines())


def _directories(paths: ServicePaths, unit: Unit) -> Iterator[str]:
    for key in DIRECTORIES:
        path = unit.text("Service", key)
        if path.startswith("/") and paths.is_missing(path):
            yield _not_there(key, path)


def _mounts(paths: ServicePaths, unit: Unit) -> Iterator[str]:
    """Return the paths that cannot be mounted: status 226, also for a command with `+`."""
    for key in MOUNT_LISTS:
        for word in unit.words("Service", key):
            path = word.removeprefix("+").partition(":")[0] if key.startswith("Bind") else word
            path = path.removeprefix("+")
            if path.startswith("/") and paths.is_missing(path):
                yield _not_there(key, path)


def _not_there(key: str, path: str) -> str:
    return f"{key}={printable(path)} is not there, and no `-` before it says that it may be missing"


def _streams(paths: ServicePaths, unit: Unit) -> Iterator[str]:
    """Return the files that its standard streams cannot have: statuses 208, 209 and 222."""
    source = unit.text("Service", "StandardInput").removeprefix("file:")
    if source.startswith("/") and paths.is_missing(source):
        yield f"StandardInput= is the file {printable(source)}, which is not there"
    for key in STREAMS:
        kind, colon, path = unit.text("Service", key).partition(":")
        folder = posixpath.dirname(path)
        if kind + colon in FILE_PREFIXES and path.startswith("/") and paths.is_missing(folder):
            yield f"{key}= is the file {printable(path)}, whose directory is not there"


def _files(paths: ServicePaths, unit: Unit) -> Iterator[str]:
    missing = missing_environment_file(paths.tree, unit.settings)
    if missing is not None:
        yield f"EnvironmentFile {missing} is not there, and no `-` before it says that it may be missing"
    set_here = {
        word.partition(":")[0] for word in unit.words("Service", "SetCredential", "SetCredentialEncrypted")
    }
    for word in unit.words("Service", *CREDENTIALS):
        name, _, path = word.partition(":")
        if path.startswith("/") and name not in set_here and paths.is_missing(path):
            yield f"LoadCredential={printable(word)} is not there"


def _program(paths: ServicePaths, command: Command) -> Iterator[str]:
    """Return what hides the program, its libraries, or their being run: status 203."""
    program = located(paths.tree, command.program)
    if program is None:
        return
    for path in (program, "/usr/lib"):
        why = paths.hidden(path, privileged=command.privileged)
        why = why or ("" if command.privileged else paths.not_executable(path))
        if why:
            yield f"{why} keeps {printable(program)} from being run"
            return


def _system_calls(unit: Unit, command: Command) -> Iterator[str]:
    """Return what ends the program before its first line: SIGSYS, or status 127."""
    lists = [value.text for value in unit.values("Service", "SystemCallFilter")]
    if not lists or command.privileged:
        return
    allowed, _ = _filtered(lists)
    lost = lost_calls(unit, command, NEEDED_CALLS | NEEDED_SETS)
    if lost:
        yield f"SystemCallFilter=~{printable(lost[0])} ends it when it starts"
    elif allowed is not None and not allowed & {"@system-service", "@known", "@file-system", "openat"}:
        yield "SystemCallFilter= does not allow it to open its libraries"


def _filtered(lists: list[str]) -> tuple[set[str] | None, set[str]]:
    """Return what is allowed, None where all else is, and what is taken away: the first list says which."""
    allowed: set[str] | None = None if not lists or lists[0].startswith("~") else set()
    denied: set[str] = set()
    for text in lists:
        words = {word.partition(":")[0] for word in split_words(text.removeprefix("~"))}
        if text.startswith("~"):
            denied |= words
        else:
            denied -= words
            allowed = None if allowed is None else allowed | words
    return allowed, denied


def _limits(unit: Unit) -> Iterator[str]:
    for key, least in LEAST.items():
        text = unit.text("Service", key).partition(":")[0]
        amount = parse_size(text)
        if amount is not None and amount < least:
            yield f"{key}={printable(text)} is less than any program needs"


def _failing_beside(tree: GuestTree, unit: Unit, keys: Sequence[str]) -> Iterator[str]:
    """Return the commands before and behind it that cannot succeed: the service fails, or is passed over."""
    for key in keys:
        for beside in commands_of(tree, unit.settings, key=key):
            shown = f"{key}={beside.shown}"
            if never_ends([word for word, _ in beside.words]):
                yield f"{shown} never ends, so the unit does not start"
            elif not beside.may_fail and _is_false(beside):
                yield f"{shown} fails, so the unit does not start"
            elif not beside.may_fail and (why := _not_there_to_run(tree, beside)):
                yield f"{shown}: {why}"


def _is_false(command: Command) -> bool:
    return posixpath.basename(command.program) in FALSE_PROGRAMS


def _not_there_to_run(tree: GuestTree, command: Command) -> str:
    if "%" in command.program or _comes_later(command.program):
        return ""
    path = located(tree, command.program)
    is_there = path is not None and tree.is_executable(path)
    return "" if is_there else f"there is no program {printable(command.program)}"


def _comes_later(path: str) -> bool:
    return path.startswith(("/run/", "/var/run/", "/tmp/"))  # noqa: S108 - a guest's path
