"""Which init a guest has, and what the inits other than systemd start by themselves.

Sources: openrc(8) and its guide (runlevels, stacked runlevels, softlevel=); inittab(5) of sysvinit and
busybox's init.c; runsvdir(8) and void-runit's 2; s6-rc's and Artix Linux's documentation (bundles);
dinit-service(5).
The compiled database of s6-rc (resolve.cdb): s6-rc-compile(1) and s6-rc 0.5, src/s6-rc/s6-rc-compile.c
(write_resolve: an atomic service has its own number, a bundle those of its services, four bytes each,
big-endian); D. J. Bernstein's "cdb".
"""

import posixpath
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.init_script import program_of_init
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.release import MAX_SETTINGS_BYTES, shell_assignments
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

InitName = Literal["systemd", "openrc", "sysvinit", "runit", "s6", "dinit", "busybox", "unknown"]

INIT_PATHS = ("/sbin/init", "/usr/sbin/init", "/usr/bin/init", "/init")
SYSTEMD = "/usr/lib/systemd/systemd"
MAX_LINES = 500
MAX_STACKED = 20
MAX_FOUND = 2000
RUNLEVELS = ("2", "3", "4", "5")
RUNIT_LEVELS = "/etc/runit/runsvdir"
S6_COMPILED = ("/etc/s6/rc/compiled", "/etc/s6-rc/compiled")
S6_RESOLVE = "resolve.cdb"
S6_BUNDLE = "default"
"""What s6-linux-init brings up where nothing else is said: its -D, and Artix' rc.init."""

_BY_NAME: tuple[tuple[str, InitName], ...] = (
    ("systemd", "systemd"),
    ("openrc", "openrc"),
    ("runit", "runit"),
    ("s6", "s6"),
    ("dinit", "dinit"),
    ("busybox", "busybox"),
)
_BY_DIRECTORY: tuple[tuple[str, InitName], ...] = (
    ("/etc/runlevels", "openrc"),
    ("/etc/runit/runsvdir", "runit"),
    ("/etc/s6", "s6"),
    ("/etc/s6-rc", "s6"),
    ("/etc/dinit.d", "dinit"),
)


@dataclass(frozen=True, slots=True)
class Started:
    """A service that an init starts at boot, or a command of its own."""

    place: str
    """The link, or the line, that starts it."""
    script: str = ""
    """The script or program that is run; empty where there is a command instead."""
    command: str = ""
    obstacle: str = ""
    """Why it does not start all the same; empty where nothing prevents it."""


def init_system(tree: GuestTree, line: CommandLine) -> InitName:
    """Name the init system by what init= or /sbin/init leads to, its inittab, then its service directories.

    Raises GuestReadError where it is a script that ends in something which is not known.
    """
    asked = _named_init(tree, line.init)
    if asked is not None:
        return asked
    resolved = (tree.resolve(one) for one in INIT_PATHS)
    path = next((one for one in resolved if one is not None and tree.is_file(one)), None)
    path = path and program_of_init(tree, path)
    named = "" if path is None else posixpath.basename(path)
    named_init = next((init for word, init in _BY_NAME if word in (path or "")), None)
    found: InitName | None = named_init
    if found is None and named in {"init", "sysvinit"}:
        found = "sysvinit"
    if found in {"busybox", "sysvinit"} and any("openrc" in line for line in _inittab_commands(tree)):
        return "openrc"
    by_directory = next((init for directory, init in _BY_DIRECTORY if tree.names(directory)), None)
    if found == "sysvinit" and by_directory is not None:
        return by_directory
    if found is None and not tree.is_file(SYSTEMD):
        found = by_directory
    return found or "unknown"


def _named_init(tree: GuestTree, asked: str | None) -> InitName | None:
    """What init= names, where that is one of the inits by its name; a shell is none."""
    if not asked or not tree.is_file(asked):
        return None
    path = posixpath.basename(program_of_init(tree, asked))
    return next((init for word, init in _BY_NAME if word in path), None)


def started_services(
    tree: GuestTree, init: InitName, names: Sequence[str], line: CommandLine
) -> Iterator[Started]:
    """What this init starts of the services `names`; systemd is asked elsewhere."""
    match init:
        case "openrc":
            yield from _openrc(tree, names, line)
        case "runit":
            yield from _runit(tree, names, line)
        case "s6":
            yield from _s6(tree, names)
        case "dinit":
            yield from _dinit(tree, names)
        case "systemd":
            return
        case _:
            yield from _openrc(tree, names, line)
            yield from _runit(tree, names, line)
            yield from _system_v(tree, names, line)


def inittab_lines(tree: GuestTree, line: CommandLine) -> Iterator[tuple[str, str]]:
    """(place, command) of what /etc/inittab starts: sysvinit and busybox have the same four fields."""
    level = _runlevel(tree, line)
    for identifier, levels, action, command in _inittab(tree):
        runs = action in {"sysinit", "wait", "once", "respawn", "boot", "bootwait", "askfirst"}
        if runs and (not levels or level in levels or action in {"sysinit", "boot", "bootwait"}):
            yield f"/etc/inittab: {printable(identifier)}", command


# ---------------------------------------------------------------- OpenRC


def _openrc(tree: GuestTree, names: Sequence[str], line: CommandLine) -> Iterator[Started]:
    conf = shell_assignments(_text(tree, "/etc/rc.conf"))
    default = line.plain_value("softlevel") or conf.get("rc_default_runlevel") or "default"
    for level in _levels(tree, _openrc_levels(tree, default, line)):
        for name in names:
            path = f"/etc/runlevels/{level}/{name}"
            if tree.link_target(path) is not None or tree.exists(path):
                yield _script(tree, path, path)


def _openrc_levels(tree: GuestTree, default: str, line: CommandLine) -> Iterable[str]:
    """Where inittab has OpenRC go, if it names OpenRC; openrc-init goes through all three by itself."""
    by_inittab = any("openrc" in command for command in _inittab_commands(tree))
    if not by_inittab or any((tree.resolve(one) or "").endswith("/openrc-init") for one in INIT_PATHS):
        return "sysinit", "boot", default
    commands = [command.split() for _, command in inittab_lines(tree, line)]
    levels = [words[1] for words in commands if len(words) > 1 and posixpath.basename(words[0]) == "openrc"]
    return [default if level == "default" else level for level in levels]


def _levels(tree: GuestTree, first: Iterable[str]) -> Iterator[str]:
    """Return those that a boot goes through, with the runlevels that are stacked in them."""
    pending = [level for level in first if "/" not in level and level not in {".", ".."}]
    seen: list[str] = []
    while pending and len(seen) < MAX_STACKED:
        level = pending.pop(0)
        if level in seen:
            continue
        seen.append(level)
        yield level
        below = f"/etc/runlevels/{level}"
        pending += [
            posixpath.basename(tree.resolve(f"{below}/{name}") or name)
            for name in tree.names(below)
            if tree.is_directory(f"{below}/{name}")
        ]


def _script(tree: GuestTree, place: str, path: str) -> Started:
    script = tree.resolve(path)
    shown = printable(place)
    if script is None or not tree.is_file(script):
        return Started(shown, obstacle=f"{shown} leads nowhere")
    if not tree.is_executable(script):
        return Started(shown, printable(script), obstacle=f"{printable(script)} is not executable")
    return Started(shown, script)


# ---------------------------------------------------------------- System V's init, busybox


def _system_v(tree: GuestTree, names: Sequence[str], line: CommandLine) -> Iterator[Started]:
    level = _runlevel(tree, line)
    for directory in (f"/etc/rc{level}.d", f"/etc/rc.d/rc{level}.d", "/etc/rcS.d", "/etc/init.d"):
        for name in tree.names(directory):
            if name.startswith("S") and name[1:3].isdigit() and name[3:] in names:
                yield _script(tree, f"{directory}/{name}", f"{directory}/{name}")


def _runlevel(tree: GuestTree, line: CommandLine) -> str:
    """A digit that the kernel hands on to init, else inittab's: init(8)."""
    return next((word for word in reversed(line.words) if word in RUNLEVELS), _default_runlevel(tree))


def _default_runlevel(tree: GuestTree) -> str:
    found = next((levels for _, levels, action, _ in _inittab(tree) if action == "initdefault"), "")
    if found[:1].isdigit():
        return found[0]
    return "3" if tree.is_directory("/etc/rc.d/rc3.d") else "2"


def _inittab(tree: GuestTree) -> Iterator[tuple[str, str, str, str]]:
    for raw in _text(tree, "/etc/inittab").splitlines()[:MAX_LINES]:
        fields = raw.strip().split(":", 3)
        if not raw.lstrip().startswith("#") and len(fields) == 4:
            identifier, levels, action, command = fields
            yield identifier, levels, action.strip(), command.strip()


def _inittab_commands(tree: GuestTree) -> Iterator[str]:
    return (command for _, _, _, command in _inittab(tree))


# ---------------------------------------------------------------- runit, s6, dinit


def _runit(tree: GuestTree, names: Sequence[str], line: CommandLine) -> Iterator[Started]:
    level = _runit_level(tree, line)
    for directory in (f"{RUNIT_LEVELS}/{level}", "/var/service", "/etc/service"):
        for name in names:
            path = f"{directory}/{name}"
            if tree.link_target(path) is None and not tree.exists(path):
                continue
            if tree.exists(f"{path}/down"):
                yield Started(path, obstacle=f"{path}/down keeps it from being started")
            else:
                yield _script(tree, path, f"{path}/run")


def _runit_level(tree: GuestTree, line: CommandLine) -> str:
    """The last word of the command line that names a directory of services, else `default`."""
    levels = set(tree.names(RUNIT_LEVELS)) - {"current", "previous"}
    return next((word for word in reversed(line.words) if word in levels), "default")


def _s6(tree: GuestTree, names: Sequence[str]) -> Iterator[Started]:
    """What the compiled database brings up with its bundle; without one, what the bundles' sources list."""
    for compiled in S6_COMPILED:
        content = tree.read_bytes(f"{compiled}/{S6_RESOLVE}", MAX_DATABASE_BYTES)
        if content is not None:
            yield from _s6_compiled(tree, compiled, read_resolve(content), names)
            return
    yield from _s6_sources(tree, names)


def _s6_compiled(
    tree: GuestTree, compiled: str, numbers: Mapping[str, frozenset[int]], names: Sequence[str]
) -> Iterator[Started]:
    """A service is in the bundle by its number; all that were compiled have a directory, started or not."""
    in_bundle = numbers.get(S6_BUNDLE, frozenset())
    place = f"{compiled}/{S6_RESOLVE}: {S6_BUNDLE}"
    services = [one for name in names for one in (name, f"{name}-srv") if numbers.get(one)]
    brought_up = [one for one in services if numbers[one] <= in_bundle]
    for service in brought_up:
        run = f"{compiled}/servicedirs/{service}/run"
        if tree.exists(run):
            yield _script(tree, place, run)
    if not brought_up:
        listed = (one.place for one in _s6_sources(tree, names) if "/contents.d/" in one.place)
        for path in listed:
            yield Started(path, obstacle=f"{path} is not in {place}: s6-db-reload did not follow it")


def _s6_sources(tree: GuestTree, names: Sequence[str]) -> Iterator[Started]:
    """A service in a bundle that is brought up: one of a compiled database counts as one of them."""
    wanted = {*names, *(f"{name}-srv" for name in names)}
    for top in ("/etc/s6", "/etc/s6-rc", "/etc/s6-linux-init", "/run/service"):
        for path in _bounded(tree.walk(top)):
            parts = path.split("/")
            listed = parts[-2] == "contents.d" and parts[-3] not in wanted
            if parts[-1] in wanted and (listed or parts[-2] in {"default", "boot"}):
                yield Started(printable(path))
            elif len(parts) > 2 and parts[-2] in wanted and parts[-1] == "run" and "/rc/" in path:
                yield _script(tree, posixpath.dirname(path), path)
            elif parts[-1] == "contents" and wanted.intersection(_text(tree, path).split()):
                yield Started(printable(path))


def _dinit(tree: GuestTree, names: Sequence[str]) -> Iterator[Started]:
    for directory in ("/etc/dinit.d/boot.d", "/etc/dinit.d/default.d", "/usr/lib/dinit.d/boot.d"):
        for name in names:
            path = f"{directory}/{name}"
            if tree.link_target(path) is not None or tree.exists(path):
                yield Started(path) if tree.exists(path) else Started(path, obstacle=f"{path} leads nowhere")


def _bounded(paths: Iterator[str]) -> Iterator[str]:
    for count, path in enumerate(paths):
        if count >= MAX_FOUND:
            raise GuestReadError(f"more than {MAX_FOUND} files of services")
        yield path


def _text(tree: GuestTree, path: str) -> str:
    content = tree.read_bytes(path, MAX_SETTINGS_BYTES) if tree.is_file(path) else None
    return "" if content is None else content.decode("utf-8", "replace")


MAX_DATABASE_BYTES = 4 << 20
MAX_RECORDS = 20_000
TABLES_BYTES = 2048
"""256 pairs of a position and a length, in front of the records."""


def read_resolve(content: bytes) -> Mapping[str, frozenset[int]]:
    """Name of a service or bundle to the numbers of its services.

    Raises GuestReadError where the content is no such database.
    """
    if len(content) < TABLES_BYTES:
        raise GuestReadError("resolve.cdb is cut off")
    end = min(struct.unpack_from("<512I", content)[::2])
    if not TABLES_BYTES <= end <= len(content):
        raise GuestReadError("resolve.cdb is damaged")
    found: dict[str, frozenset[int]] = {}
    at = TABLES_BYTES
    while at + 8 <= end and len(found) < MAX_RECORDS:
        key_bytes, data_bytes = struct.unpack_from("<II", content, at)
        data_at = at + 8 + key_bytes
        at = data_at + data_bytes
        if at > end or data_bytes % 4:
            raise GuestReadError("resolve.cdb is damaged")
        name = content[data_at - key_bytes : data_at].decode("utf-8", "replace")
        found.setdefault(name, frozenset(struct.unpack_from(f">{data_bytes // 4}I", content, data_at)))
    return found
