"""Which RPCs the agent's configuration forbids.

The agent reads /etc/qemu/qemu-ga.conf itself; everything else reaches it through the options of the unit's
ExecStart, with variables from the unit's EnvironmentFile. A file that the unit does not name has no effect,
so the unit is read first: docs/interop/qemu-ga.rst, systemd.service(5), systemd.exec(5).
"""

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from imgtool.guest.agent_rpcs import KNOWN_RPCS
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.system import MAX_SETTINGS_BYTES, shell_assignments
from imgtool.guest.systemd import unit_file, unit_settings
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.text import printable

CONFIGURATION = "/etc/qemu/qemu-ga.conf"
SETTINGS_FILES = (
    "/etc/sysconfig/qemu-ga",
    "/usr/etc/sysconfig/qemu-ga",
    "/etc/default/qemu-guest-agent",
    "/etc/conf.d/qemu-guest-agent",
)
"""Read as they are where no unit says which of them counts (OpenRC, System V's init)."""

MAX_RPCS = 500
"""Forbidden at once; the agent knows about fifty."""

MAX_OPTIONS_CHARACTERS = 16 << 10

_BLOCK_OPTIONS = ("--block-rpcs", "--blacklist", "-b")
_ALLOW_OPTIONS = ("--allow-rpcs", "-a")
_BLOCK_KEYS = frozenset({"block-rpcs", "blacklist"})
_BLOCK_VARIABLES = ("BLACKLIST_RPC", "BLOCK_RPCS")
_OPTION_VARIABLES = ("FILTER_RPC_ARGS", "DAEMON_ARGS", "command_args", "GA_ARGS")


@dataclass(slots=True)
class _Filters:
    blocked: set[str] = field(default_factory=set)
    allowed: set[str] | None = None
    sources: list[str] = field(default_factory=list)

    def block(self, value: str, source: str) -> None:
        names = _names(value)
        self.blocked |= names
        self._note(names, source)

    def allow(self, value: str, source: str) -> None:
        names = _names(value)
        if names:
            self.allowed = names if self.allowed is None else self.allowed & names
        self._note(names, source)

    def _note(self, names: set[str], source: str) -> None:
        if names and source not in self.sources:
            self.sources.append(source)

    def result(self) -> Known[tuple[str, ...]]:
        outside = set() if self.allowed is None else set(KNOWN_RPCS) - self.allowed
        forbidden = tuple(sorted(self.blocked | outside))
        if len(forbidden) > MAX_RPCS:
            raise GuestReadError(f"{', '.join(self.sources)}: more than {MAX_RPCS} RPCs are filtered")
        return Known(forbidden, ", ".join(self.sources) or "no configuration filters any")


def read_filtered_rpcs(tree: GuestTree, units: tuple[str, ...]) -> Known[tuple[str, ...]]:
    """The forbidden RPCs, sorted, whichever of the unit names `units` starts the agent."""
    filters = _Filters()
    _from_configuration(tree, filters)
    started_by_unit = False
    for unit in units:
        if unit_file(tree, unit) is not None:
            started_by_unit = _from_unit(tree, unit, filters) or started_by_unit
    if not started_by_unit:
        _from_settings_files(tree, filters)
    return filters.result()


def filters_of_options(options: str, source: str) -> Known[tuple[str, ...]]:
    """The RPCs that `options` of a command line forbid, sorted; `source` is where they stand."""
    filters = _Filters()
    _from_options(options, source, {}, filters)
    return filters.result()


def _from_configuration(tree: GuestTree, filters: _Filters) -> None:
    for line in _lines(tree, CONFIGURATION):
        key, _, value = line.partition("=")
        name = key.strip()
        if name in _BLOCK_KEYS:
            filters.block(value, CONFIGURATION)
        elif name == "allow-rpcs":
            filters.allow(value, CONFIGURATION)


def _from_unit(tree: GuestTree, unit: str, filters: _Filters) -> bool:
    """False where the unit has no ExecStart that could be read."""
    command, command_source = "", ""
    variables: dict[str, tuple[str, str]] = {}
    for source, key, value in unit_settings(tree, unit):
        if key == "ExecStart" and value:
            command, command_source = value, source
        elif key == "Environment":
            assignments = shell_assignments("\n".join(_split(value)))
            variables |= {name: (text, source) for name, text in assignments.items()}
        elif key == "EnvironmentFile":
            variables |= _environment_file(tree, value.lstrip("-"))
    if not command:
        return False
    _from_options(command, command_source, variables, filters)
    return True


def _environment_file(tree: GuestTree, path: str) -> dict[str, tuple[str, str]]:
    if not path.startswith("/"):
        return {}
    source = printable(posixpath.normpath(path))
    return {name: (value, source) for name, value in _assignments(tree, path).items()}


def _from_options(
    command: str, source: str, variables: dict[str, tuple[str, str]], filters: _Filters
) -> None:
    """The options of a command line; each `$VAR` is expanded, and then its file is the source."""
    words = list(_expanded(command, source, variables))
    for index, (word, origin) in enumerate(words):
        name, separator, value = word.partition("=")
        if not separator:
            value = "".join(following for following, _ in words[index + 1 : index + 2])
        if name in _BLOCK_OPTIONS:
            filters.block(value, origin)
        elif name in _ALLOW_OPTIONS:
            filters.allow(value, origin)


def _expanded(command: str, source: str, variables: dict[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """`$VAR` as a word of its own becomes several, `${VAR}` stays in its word: systemd.service(5)."""
    for word in _split(command):
        found = re.search(r"\$(?:\{(\w+)\}|(\w+))", word)
        if found is None:
            yield word, source
            continue
        value, origin = variables.get(found[1] or found[2], ("", source))
        if found[2] and found[0] == word:
            yield from ((part, origin) for part in _split(value))
        else:
            yield word.replace(found[0], value, 1), origin


def _from_settings_files(tree: GuestTree, filters: _Filters) -> None:
    for path in SETTINGS_FILES:
        assignments = _assignments(tree, path)
        for name in _BLOCK_VARIABLES:
            filters.block(assignments.get(name, ""), path)
        for name in _OPTION_VARIABLES:
            _from_options(assignments.get(name, ""), path, {}, filters)


def _assignments(tree: GuestTree, path: str) -> dict[str, str]:
    return shell_assignments("\n".join(_lines(tree, path)))


def _lines(tree: GuestTree, path: str) -> list[str]:
    content = tree.read_bytes(path, MAX_SETTINGS_BYTES)
    return [] if content is None else content.decode("utf-8", "replace").splitlines()


def _split(text: str) -> list[str]:
    shortened = text[:MAX_OPTIONS_CHARACTERS]
    try:
        return shlex.split(shortened)
    except ValueError:
        return shortened.split()


def _names(value: str) -> set[str]:
    """RPC names from a list with commas; `;` as well, which GLib's key files use."""
    return {printable(name) for name in re.split(r"[,;\s]+", value.strip().strip("\"'")) if name}
