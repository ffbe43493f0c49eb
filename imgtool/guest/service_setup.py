"""What systemd sets up before a service's command runs, and what of it fails, so that it does not start.

Sources: systemd.exec(5) and systemd.service(5); src/core/execute.c and src/core/namespace.c of systemd 252.
tests/integration/test_service_setup.py asks a running systemd about each row of what is tested here.
"""

import posixpath
from collections.abc import Iterator, Sequence

from imgtool.guest.exec_command import Command, commands_of, located
from imgtool.guest.found_files import find_files
from imgtool.guest.programs import Programs
from imgtool.guest.release import MAX_SETTINGS_BYTES
from imgtool.guest.service_commands import (
    FAILING,
    PASSES_OVER,
    failing_beside,
    fails,
    not_there_to_run,
)
from imgtool.guest.service_paths import ServicePaths
from imgtool.guest.service_view import view_of
from imgtool.guest.systemd import Unit
from imgtool.guest.systemd.manager import manager_setting
from imgtool.guest.systemd.unit import SEARCH_PATH, split_words
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.util.text import parse_size, printable

ACCOUNTS = {"User": "/etc/passwd", "Group": "/etc/group", "SupplementaryGroups": "/etc/group"}
SYNTHESIZED = frozenset({"root", "nobody", "0", "65534", "nogroup"})
"""What systemd knows without a database: nss-systemd."""
SYSUSERS = ("/usr/lib/sysusers.d", "/etc/sysusers.d")
MOUNT_LISTS = (
    *("ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths"),
    *("ReadWriteDirectories", "ReadOnlyDirectories", "InaccessibleDirectories"),
    *("BindPaths", "BindReadOnlyPaths"),
)
ALONE = MOUNT_LISTS[:-2]
"""Lists whose words are nothing but a path."""
DIRECTORIES = ("WorkingDirectory", "RootDirectory", "RootImage", "NetworkNamespacePath")
NO_FILES = {
    **dict.fromkeys(DIRECTORIES[:2], "no directory"),
    "NetworkNamespacePath": "no name space of the network",
}
STREAMS = ("StandardOutput", "StandardError")
FILE_PREFIXES = ("file:", "append:", "truncate:")
IMAGES = ("MountImages", "ExtensionImages", "ExtensionDirectories")
CREDENTIALS = ("LoadCredential", "LoadCredentialEncrypted")
SET_CREDENTIALS = ("SetCredential", "SetCredentialEncrypted")
"""What stands in for one that cannot be loaded."""
NEEDED_CALLS = frozenset({"execve", "openat", "read", "close", "mmap", "mprotect"})
"""What the dynamic linker calls before a program's first line."""
NEEDED_SETS = frozenset({"@default", "@basic-io", "@file-system", "@system-service", "@known"})
NOTICED = frozenset({"oneshot", "exec", "notify", "notify-reload", "forking", "dbus"})
"""Types whose start fails where the command cannot be run."""
LEAST = {
    "LimitNOFILE": 4,
    "LimitAS": 4 << 20,
    "LimitDATA": 128 << 10,
    "LimitSTACK": 8 << 10,
    "MemoryMax": 256 << 10,
}
"""Less than that, and even `cat` does not start: descriptors, and bytes."""
PROCESSORS = ("CPUAffinity", "NUMAMask")
"""What names processors or nodes; where the machine has none of them, the start fails."""
MAX_CREDENTIAL_BYTES = 1 << 20
"""CREDENTIALS_TOTAL_SIZE_MAX."""


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
    yield from _limits(paths, unit)
    yield from failing_beside(paths, (PASSES_OVER, *FAILING))


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
    paths = ServicePaths(tree, unit)
    yield from failing_beside(paths, FAILING)
    yield from _files(paths, unit)
    if unit.text("Service", "Type") in NOTICED:
        for command in commands:
            if not command.may_fail:
                yield not_there_to_run(paths, command)
                yield from setup_failures(paths, command)
                if fails(paths, command):
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
        if path == "~":
            path = _home_of(paths.tree, unit)
        if path.startswith("/") and paths.is_missing(path):
            yield _not_there(key, path)
        elif path.startswith("/") and paths.tree.is_file(path) and key in NO_FILES:
            yield f"{key}={printable(path)} is a plain file, {NO_FILES[key]}"


def _home_of(tree: GuestTree, unit: Unit) -> str:
    """The home directory of the service's user; empty where that is not known."""
    user = unit.text("Service", "User")
    lines = (line.split(":") for line in (tree.read_text("/etc/passwd") or "").splitlines())
    return next((one[5] for one in lines if len(one) > 5 and user and user in (one[0], one[2])), "")


def _mounts(paths: ServicePaths, unit: Unit) -> Iterator[str]:
    """Return the paths that cannot be mounted: status 226, also for a command with `+`."""
    for key in (*MOUNT_LISTS, *IMAGES):
        for word in unit.words("Service", key):
            path = word if key in ALONE else word.removeprefix("+").partition(":")[0]
            path = path.removeprefix("+")
            if path.startswith("/") and paths.is_missing(path):
                yield _not_there(key, path)


def _not_there(key: str, path: str) -> str:
    return f"{key}={printable(path)} is not there, and no `-` before it says that it may be missing"


def _streams(paths: ServicePaths, unit: Unit) -> Iterator[str]:
    """Return the files that its standard streams cannot have: statuses 208, 209 and 222."""
    for key in ("StandardInput", *STREAMS):
        text = unit.text("Service", key)
        has_socket = bool(unit.values("Service", "Sockets")) or paths.has_unit(f"{_stem(unit)}.socket")
        if (text == "socket" or text.startswith("fd:")) and not has_socket:
            yield f"{key}={printable(text)} needs a socket unit, and the service has none"
    source = unit.text("Service", "StandardInput").removeprefix("file:")
    if source.startswith("/") and paths.is_missing(source):
        yield f"StandardInput= is the file {printable(source)}, which is not there"
    for key in STREAMS:
        kind, colon, path = unit.text("Service", key).partition(":")
        folder = posixpath.dirname(path)
        if kind + colon not in FILE_PREFIXES or not path.startswith("/"):
            continue
        if paths.is_missing(folder) or paths.tree.is_file(folder):
            yield f"{key}= is the file {printable(path)}, whose directory is not there"
        elif paths.tree.is_directory(path):
            yield f"{key}= is the file {printable(path)}, which is a directory"


def _stem(unit: Unit) -> str:
    return unit.name.rpartition(".")[0].partition("@")[0]


def _files(paths: ServicePaths, unit: Unit) -> Iterator[str]:
    for value in unit.values("Service", "EnvironmentFile"):
        if value.text.startswith("/") and (why := _environment_file(paths, value.text)):
            yield f"EnvironmentFile {printable(value.text)} {why}"
    set_here = {word.partition(":")[0] for word in unit.words("Service", *SET_CREDENTIALS)}
    for word in unit.words("Service", *CREDENTIALS):
        name, _, path = word.partition(":")
        if not path.startswith("/") or name in set_here or not _is_file_name(name):
            continue
        if paths.is_missing(path):
            yield f"LoadCredential={printable(word)} is not there"
        elif paths.tree.is_file(path) and paths.tree.size_bytes(path) > MAX_CREDENTIAL_BYTES:
            yield f"LoadCredential={printable(word)} is larger than a credential may be"


def _environment_file(paths: ServicePaths, path: str) -> str:
    """Why a file of EnvironmentFile= cannot be read: load_environment; all that a pattern names is read."""
    tree = paths.tree
    if set(path) & set("*?["):
        found = find_files(tree, [path])
        return "" if found.value or not isinstance(found, Known) else "names no file that is there"
    if paths.is_missing(path):
        return "is not there, and no `-` before it says that it may be missing"
    if tree.is_directory(path):
        return "is a directory"
    content = tree.read_bytes(path, MAX_SETTINGS_BYTES) if tree.is_file(path) else None
    return "is binary, which systemd does not read" if b"\0" in (content or b"") else ""


def _is_file_name(name: str) -> bool:
    """Whether it can be a credential's name; a line with another one is ignored."""
    return name not in {"", ".", ".."} and "/" not in name


def _program(paths: ServicePaths, command: Command) -> Iterator[str]:
    """Return what hides the program, its libraries, or their being run: status 203."""
    program = located(paths.tree, command.program)
    if program is None:
        return
    yield from _not_in_view(paths, command, program)
    for path in (program, "/usr/lib"):
        why = paths.hidden(path, privileged=command.privileged)
        why = why or ("" if command.privileged else paths.not_executable(path))
        if why:
            yield f"{why} keeps {printable(program)} from being run"
            return


def _not_in_view(paths: ServicePaths, command: Command, program: str) -> Iterator[str]:
    """Return why the program is not found, or cannot run, among what the service has of the files."""
    searched = paths.unit.text("Service", "ExecSearchPath").split(":")
    folders = tuple(one for one in searched if one.startswith("/") and "%" not in one) or SEARCH_PATH
    view = view_of(paths.tree, paths.unit)
    if view is None and folders is SEARCH_PATH:
        return
    seen = view or paths.tree
    found = located(seen, command.program, folders)
    if found is None:
        said = "RootDirectory=, BindPaths= or ExecSearchPath="
        yield f"{said} leave it no program {printable(command.program)}"
        return
    why = Programs(seen).obstacle(found) if Programs(paths.tree).obstacle(program) is None else None
    if why is not None:
        yield f"with what RootDirectory= and BindPaths= leave it of the files, {why}"


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


def _limits(paths: ServicePaths, unit: Unit) -> Iterator[str]:
    for key, least in LEAST.items():
        text = unit.text("Service", key) or manager_setting(paths.tree, f"Default{key}")
        amount = parse_size(text.partition(":")[0])
        if amount is not None and amount < least:
            yield f"{key}={printable(text)} is less than any program needs"
    for key in PROCESSORS:
        words = unit.words("Service", key)
        if words and not any(_has_first(word) for word in words):
            yield f"{key}={printable(' '.join(words))} leaves it no processor of an instance that has one"


def _has_first(word: str) -> bool:
    """Whether a list of numbers has 0 in it, as every machine has; what is no list is ignored by systemd."""
    parts = word.split(",")
    return any(part.partition("-")[0].strip("0") == "" for part in parts if part) or not word[0].isdigit()
