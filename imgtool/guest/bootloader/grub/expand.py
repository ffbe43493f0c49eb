"""Words -> arguments: variables, quotes, wildcards (grub-core/script/execute.c, argv.c, commands/wildcard.c).

Quoted characters that mean something to wildcards carry a backslash until those are done, as in GRUB.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial

from imgtool.guest.bootloader.grub.disks import child
from imgtool.guest.bootloader.grub.errors import GrubError
from imgtool.guest.bootloader.grub.machine import Machine
from imgtool.guest.bootloader.grub.syntax import Piece, Word
from imgtool.guest.bootloader.grub.values import SPACES, UNKNOWN
from imgtool.guest.bootloader.patterns import matches
from imgtool.guest.filesystems.base import GuestReadError, Kind

MAX_ARGUMENTS = 5000
MAX_MATCHES = 2000
"""Files that the wildcards of one word stand for."""

_POSITION = re.compile(r"[0-9]+")
_BLANKS = re.compile(r"[ \t\r\n]+")
_SPECIAL = re.compile(r"[*?\\]")
_BRACKET = re.compile(r"\\.|\[", re.DOTALL)
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_IN_TRANSLATED = re.compile(r"\\\\|\\\$|\$(?:\{([^}]*)\}|([0-9]+|[A-Za-z_][A-Za-z0-9_]*|[?#]))")


def expanded(machine: Machine, words: tuple[Word, ...]) -> list[str]:
    """The arguments that `words` come to. Raises GuestReadError beyond a bound."""
    building = _Arguments()
    for word in words:
        building.begin()
        for piece in word.pieces:
            _add(machine, building, piece)
    arguments: list[str] = []
    for argument in building.finished():
        arguments += _with_wildcards(machine, argument)
        if len(arguments) > MAX_ARGUMENTS:
            raise GuestReadError(f"a GRUB command has more than {MAX_ARGUMENTS} arguments")
    machine.budget.expanded -= sum(map(len, arguments))
    if machine.budget.expanded < 0:
        raise GuestReadError("the arguments of a GRUB script are too long")
    return arguments


class _Arguments:
    """An argument that nothing was added to is none: the next one takes its place."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._pieces: list[str] | None = None

    def begin(self) -> None:
        if self._pieces is not None:
            self._done.append("".join(self._pieces))
            if len(self._done) > MAX_ARGUMENTS:
                raise GuestReadError(f"a GRUB command has more than {MAX_ARGUMENTS} arguments")
            self._pieces = None

    def add(self, text: str) -> None:
        if self._pieces is None:
            self._pieces = []
        self._pieces.append(text)

    def finished(self) -> list[str]:
        self.begin()
        return self._done


def _add(machine: Machine, building: _Arguments, piece: Piece) -> None:
    if piece.kind == "text":
        building.add(piece.text)
    elif piece.kind == "quoted":
        building.add(_escaped(piece.text))
    elif piece.kind == "translated":
        building.add(_escaped(_translated(machine, piece.text)))
    elif piece.kind == "variable":
        _add_split(building, _values(machine, piece.text))
    else:
        _add_whole(building, piece.text, _values(machine, piece.text))


def _values(machine: Machine, name: str) -> list[str]:
    """A variable's value, or those of the positional parameters that it means."""
    scope = machine.scope
    if name in {"*", "@"}:
        return list(scope.arguments) if scope is not None else []
    if name == "#":
        return [str(len(scope.arguments))] if scope is not None else []
    if _POSITION.fullmatch(name):
        index = int(name[:9])
        is_there = scope is not None and 0 < index <= len(scope.arguments)
        return [scope.arguments[index - 1]] if scope is not None and is_there else []
    value = machine.variable(name)
    return [value] if value else []


def _add_split(building: _Arguments, values: list[str]) -> None:
    """Unquoted: each blank within a value parts two arguments."""
    for index, value in enumerate(values):
        if index:
            building.begin()
        for position, part in enumerate(_BLANKS.split(value.strip(SPACES)) if value.strip(SPACES) else ()):
            if position:
                building.begin()
            building.add(_protected(part))


def _add_whole(building: _Arguments, name: str, values: list[str]) -> None:
    """Between double quotes: `$@` gives an argument for each, everything else stays in one."""
    if name == "*":
        values = [" ".join(values)] if values else []
    for index, value in enumerate(values):
        if index:
            building.begin()
        building.add(_escaped(value))


def _protected(value: str) -> str:
    """A backslash of a value stays one; a wildcard of a value stays a wildcard."""
    return value.replace("\\", "\\\\").replace("\\\\*", "\\\\\\*").replace("\\\\?", "\\\\\\?")


def _escaped(text: str) -> str:
    return text if text.isalnum() else _SPECIAL.sub(r"\\\g<0>", text)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _translated(machine: Machine, text: str) -> str:
    """`$"..."`: no translation is here, so the text itself with its variables."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name is None:
            return found[0][1:]
        return "".join(_values(machine, name)[:1])

    return _IN_TRANSLATED.sub(value, text)


def _with_wildcards(machine: Machine, argument: str) -> list[str]:
    plain = _unescaped(argument)
    is_pattern = argument[:1] in {"/", "(", "*"} and UNKNOWN not in argument
    if not is_pattern or not machine.modules.is_loaded("regexp") or not _has_wildcard(argument):
        return [plain]
    try:
        found = _matching(machine, argument)
    except GrubError:
        found = []
    return found or [plain]


def _has_wildcard(text: str) -> bool:
    return re.search(r"[*?]", _ESCAPED.sub("", text)) is not None


def _matching(machine: Machine, pattern: str) -> list[str]:
    """The devices and files that it stands for, in the order in which they are listed."""
    device, path = "", pattern
    devices = [""]
    if pattern[0] != "/":
        device, slash, path = pattern.partition("/")
        path = slash + path
        devices = [_unescaped(device)]
        if _has_wildcard(device):
            is_meant = _matcher(device)
            names = [name for name in machine.disks.names() if pattern[0] == "(" or "," not in name]
            devices = [f"({name})" for name in names if is_meant(f"({name})")]
    found = [place for one in devices for place in _below(machine, one, path.split("/")[1:])]
    return found[:MAX_MATCHES]


def _below(machine: Machine, top: str, parts: list[str]) -> Iterator[str]:
    places = [top]
    wild = False
    for part in parts:
        wild = wild or _has_wildcard(part)
        following: list[str] = []
        for place in places[:MAX_MATCHES]:
            following += _step(machine, place, part, check=wild)
        places = following
    yield from places


def _step(machine: Machine, place: str, part: str, *, check: bool) -> list[str]:
    """The paths that one part of a pattern leads to."""
    if not check:
        return [f"{place}/{_unescaped(part)}"]
    try:
        directory = machine.lookup(f"{place}/")
    except GrubError:
        return []
    if directory.node.kind is not Kind.DIRECTORY:
        return []
    if not _has_wildcard(part):
        name = _unescaped(part)
        is_there = not name or child(directory.device, directory.node, name) is not None
        return [f"{place}/{name}"] if is_there else []
    is_meant = _matcher(part)
    names = [name for name, _ in directory.node.children()]
    return [f"{place}/{name}" for name in names[:MAX_MATCHES] if is_meant(name)]


def _matcher(pattern: str) -> Callable[[str], bool]:
    """`*` and `?` of a pattern with its backslashes; brackets mean nothing to GRUB here."""
    plain = _BRACKET.sub(lambda found: found[0] if found[0][0] == "\\" else r"\[", pattern)
    return partial(matches, plain)
