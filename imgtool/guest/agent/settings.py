"""What qemu-guest-agent makes of its configuration file and its command line.

Source: config_load, config_parse and main of QEMU's qga/main.c; getopt_long(3). The file comes first, the
options after it; lists of RPCs are split at commas and at nothing else, and names are compared as they are.
Options that a version does not know end it: `--block-rpcs` came with 7.2, `--allow-rpcs` with 8.1, and
`--blacklist` went with 9.1. The words are looked for in the program itself.
"""

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from imgtool.guest.agent import key_file
from imgtool.guest.agent_rpcs import KNOWN_RPCS
from imgtool.guest.exec_command import split_words
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.model.facts import Known
from imgtool.model.services import OPENSTACK_PORT
from imgtool.util.text import enumerated, printable

CONFIGURATION = "/etc/qemu/qemu-ga.conf"
CONFIGURATION_VARIABLE = "QGA_CONF"
MAX_RPCS = 500
"""Forbidden at once; the agent knows about fifty."""
MAX_WORDS = 500

Word = tuple[str, str]
"""A word of the command line, and where it was written."""

VIRTIO = "virtio-serial"
DEFAULT_PATHS = {VIRTIO: OPENSTACK_PORT, "isa-serial": "/dev/ttyS0"}
METHODS = frozenset({VIRTIO, "isa-serial", "unix-listen", "vsock-listen"})

_SHORT = {
    **dict.fromkeys("hVvdDr", "no"),
    **dict.fromkeys("mplfbastc", "required"),
    "F": "optional",
}
"""Short options, and whether they take an argument."""

_LONG = {
    "help": "h",
    "version": "V",
    "dump-conf": "D",
    "logfile": "l",
    "pidfile": "f",
    "fsfreeze-hook": "F",
    "verbose": "v",
    "method": "m",
    "path": "p",
    "daemonize": "d",
    "block-rpcs": "b",
    "blacklist": "b",
    "allow-rpcs": "a",
    "statedir": "t",
    "retry-path": "r",
    "service": "s",
    "config": "c",
}
_LINUX = frozenset(_LONG) - {"service"}
_VERSIONED = ("block-rpcs", "blacklist", "allow-rpcs", "config")
"""Long options that not every version has."""
_BLOCK_KEYS = ("blacklist", "block-rpcs")
"""The older key counts where both are there."""
_TEXT_KEYS = ("method", "path", "logfile", "pidfile", "fsfreeze-hook", "statedir")
_FIELDS = {"m": "method", "p": "path", "l": "log", "t": "state"}
_ENDS = {"h": "prints its help", "V": "prints its version", "D": "prints its configuration"}
_HELP = frozenset({"help", "?"})


DEFAULT_STATE = "/run"


@dataclass(slots=True)
class AgentSettings:
    """What the agent runs with; with a `problem` it ends at once instead."""

    method: str = VIRTIO
    path: str | None = None
    blocked: set[str] = field(default_factory=set)
    allowed: set[str] | None = None
    sources: list[str] = field(default_factory=list)
    """Where RPCs are filtered."""
    port_source: str = ""
    """Where the method or the path of its channel was set; empty where nothing sets them."""
    problem: str = ""
    log: str = ""
    """The file that it logs to; empty for its standard error."""
    state: str = DEFAULT_STATE
    """The directory of its state; where it cannot write there, it ends."""

    @property
    def port(self) -> str:
        """The path that it opens."""
        default = DEFAULT_PATHS.get(self.method, ".")
        return posixpath.normpath(default if self.path is None else self.path)

    def filtered(self) -> Known[tuple[str, ...]]:
        """The RPCs that it refuses, sorted. Raises GuestReadError where they are too many."""
        outside = set() if self.allowed is None else set(KNOWN_RPCS) - self.allowed
        forbidden = tuple(sorted(self.blocked | outside))
        if len(forbidden) > MAX_RPCS:
            raise GuestReadError(f"{', '.join(self.sources)}: more than {MAX_RPCS} RPCs are filtered")
        return Known(forbidden, ", ".join(self.sources) or "no configuration filters any")


def options_of(program: bytes) -> frozenset[str]:
    """The long options that this program has; all of them where it has none of those that may be missing."""
    missing = {name for name in _VERSIONED if b"\0" + name.encode() + b"\0" not in program}
    return _LINUX if len(missing) == len(_VERSIONED) else _LINUX - missing


def read_settings(
    text: str | None, words: Sequence[Word], source: str = CONFIGURATION, options: frozenset[str] = _LINUX
) -> AgentSettings:
    """Read the settings from the file's `text` (None: no file) and the `words` after the program's name."""
    settings = AgentSettings()
    try:
        _from_file(settings, text, source, options)
        _from_words(settings, words, options)
        _check_channel(settings)
    except _Ends as end:
        settings.problem = str(end)
    return settings


def configuration_path(words: Sequence[Word], environment: dict[str, str]) -> str:
    """The file that it reads: of `--config`, of the variable QGA_CONF, or the usual one."""
    path = environment.get(CONFIGURATION_VARIABLE) or CONFIGURATION
    with suppress(_Ends):
        for option, value, _ in _options(words, _LINUX):
            path = value if option == "c" else path
    return path


def filters_of_options(options: str, source: str) -> Known[tuple[str, ...]]:
    """The RPCs that `options` of a command line forbid, sorted; `source` is where they stand."""
    settings = AgentSettings()
    with suppress(_Ends):
        _from_words(settings, [(word, source) for word in split_words(options)], frozenset(_LONG))
    return settings.filtered()


class _Ends(Exception):  # noqa: N818 - the agent ends, which is no error here
    """The agent ends before it listens."""


# ---------------------------------------------------------------- the file


def _from_file(settings: AgentSettings, text: str | None, source: str, options: frozenset[str]) -> None:
    if text is None:
        return
    where = printable(source)
    try:
        values = _general(text, options)
    except ValueError as error:
        raise _Ends(f"{where}: {error}: the agent ends there") from error
    for key in ("method", "path"):
        if key in values:
            setattr(settings, key, values[key])
            settings.port_source = where
    settings.log = values.get("logfile", settings.log)
    settings.state = values.get("statedir", settings.state)
    block = next((key for key in _BLOCK_KEYS if key in values), None)
    if block is not None and "allow-rpcs" in values:
        raise _Ends(f"{where}: {block} and allow-rpcs exclude each other: the agent ends there")
    if block is not None:
        _block(settings, values[block], where)
    if "allow-rpcs" in values:
        _allow(settings, values["allow-rpcs"], where)


def _general(text: str, options: frozenset[str]) -> dict[str, str]:
    """The keys that this version reads, and no others. Raises ValueError where the agent ends at one."""
    general = key_file.parsed(text).get("general", {})
    for key in ("daemon", "verbose", "retry-path"):
        if key in general:
            key_file.boolean(general[key])
    block = next((key for key in _BLOCK_KEYS if key in general and key in options), None)
    read = (*_TEXT_KEYS, *([block] if block else []), *({"allow-rpcs"} & options))
    return {key: key_file.unescaped(general[key]) for key in read if key in general}


# ---------------------------------------------------------------- the options


def _from_words(settings: AgentSettings, words: Sequence[Word], options: frozenset[str]) -> None:
    given: set[str] = set()
    for option, value, source in _options(words, options):
        given.add(option)
        match option:
            case "m" | "p" | "l" | "t":
                setattr(settings, _FIELDS[option], value)
                settings.port_source = source if option in "mp" else settings.port_source
            case "b" | "a" if value in _HELP:
                raise _Ends(f"{source}: -{option} {value} prints a list and ends the agent")
            case "b":
                _block(settings, value, source)
            case "a":
                _allow(settings, value, source)
            case _ if option in _ENDS:
                raise _Ends(f"{source}: with -{option} the agent {_ENDS[option]} and ends")
    if {"a", "b"} <= given:
        raise _Ends("--block-rpcs and --allow-rpcs exclude each other: the agent ends")


def _options(words: Sequence[Word], known: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """(short name, value, source) as getopt_long gives them; operands between them are passed over."""
    pending = iter(words[:MAX_WORDS])
    for word, source in pending:
        if word == "--":
            return
        if word.startswith("--"):
            name, separator, value = word[2:].partition("=")
            option = _long(name, known, source)
            takes = _SHORT[option]
            if separator and takes == "no":
                raise _Ends(f"{source}: {printable(word)}: this option takes no value: the agent ends")
            yield option, value if separator or takes != "required" else _next(pending, word, source), source
        elif word.startswith("-") and len(word) > 1:
            yield from _cluster(word, source, pending, known)


def _long(name: str, known: frozenset[str], source: str) -> str:
    """An abbreviation counts where all options that begin so are the same one."""
    fitting = [name] if name in known else sorted(one for one in known if one.startswith(name))
    found = {_LONG[one] for one in fitting}
    if len(found) == 1:
        return found.pop()
    why = f"could be {enumerated(fitting)}" if fitting else "this version of the agent does not know it"
    raise _Ends(f"{source}: option --{printable(name)}: {why}: the agent ends")


def _cluster(
    word: str, source: str, pending: Iterator[Word], known: frozenset[str]
) -> Iterator[tuple[str, str, str]]:
    for index, letter in enumerate(word[1:], 2):
        long_name = {"a": "allow-rpcs", "c": "config"}.get(letter)
        if letter not in _SHORT or (long_name is not None and long_name not in known):
            raise _Ends(f"{source}: this version of the agent does not know -{printable(letter)}: it ends")
        rest = word[index:]
        if _SHORT[letter] == "no":
            yield letter, "", source
            continue
        needs_next = _SHORT[letter] == "required" and not rest
        yield letter, _next(pending, word, source) if needs_next else rest, source
        return


def _next(pending: Iterator[Word], word: str, source: str) -> str:
    found = next(pending, None)
    if found is None:
        raise _Ends(f"{source}: {printable(word)} has no value: the agent ends")
    return found[0]


# ---------------------------------------------------------------- what they set


def _check_channel(settings: AgentSettings) -> None:
    if settings.method not in METHODS:
        raise _Ends(f"{settings.port_source}: method {printable(settings.method)!r} is none: the agent ends")
    if settings.path is None and settings.method not in DEFAULT_PATHS:
        raise _Ends(f"{settings.port_source}: method {settings.method} needs a path: the agent ends")


def _block(settings: AgentSettings, value: str, source: str) -> None:
    names = _names(value)
    settings.blocked |= names
    _note(settings, names, source)


def _allow(settings: AgentSettings, value: str, source: str) -> None:
    names = _names(value)
    if names:
        settings.allowed = names | (settings.allowed or set())
    _note(settings, names, source)


def _note(settings: AgentSettings, names: set[str], source: str) -> None:
    if names and source not in settings.sources:
        settings.sources.append(source)


def _names(value: str) -> set[str]:
    return {printable(name) for name in value.split(",") if name}
