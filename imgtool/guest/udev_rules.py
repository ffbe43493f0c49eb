"""The language of udev's rules: which lines are rules, and what they compare and assign.

Source: udev(7); rule_parse_token of systemd's src/udev/udev-rules.c: a rule with a key that there is not, or
with an operator that its key does not take, is left out as a whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.util.text import printable

MAX_RULES = 20_000
COMPARING = frozenset({"==", "!="})
COMPARED = frozenset(
    {
        *("ACTION", "DEVPATH", "KERNEL", "SUBSYSTEM", "DRIVER", "KERNELS", "SUBSYSTEMS", "DRIVERS"),
        *("ATTRS", "TAGS", "CONST", "RESULT"),
    }
)
"""Keys that are compared only."""
ASSIGNED = frozenset({"OPTIONS", "OWNER", "GROUP", "MODE", "SECLABEL", "RUN", "GOTO", "LABEL"})
"""Keys that are assigned only."""
BOTH = frozenset({"SYMLINK", "NAME", "ENV", "TAG", "ATTR", "SYSCTL", "TEST", "PROGRAM", "IMPORT"})


@dataclass(frozen=True, slots=True)
class Token:
    """One `KEY{attribute}operator"value"` of a rule."""

    key: str
    attribute: str
    operator: str
    value: str


def _is_valid(token: Token) -> bool:
    if token.key in COMPARED:
        return token.operator in COMPARING
    if token.key in ASSIGNED:
        return token.operator not in COMPARING
    return token.key in BOTH


def rules_of(text: str, path: str) -> Iterator[list[Token]]:
    """The rules of a file; a line that cannot be parsed is left out, as udev does."""
    logical = ""
    count = 0
    for line in text.splitlines():
        stripped = line.lstrip() if not logical else line
        if not logical and (not stripped or stripped.startswith("#")):
            continue
        if stripped.endswith("\\"):
            logical += stripped[:-1]
            continue
        tokens = _tokens(logical + stripped)
        if tokens and not all(map(_is_valid, tokens)):
            tokens = None
        logical = ""
        count += 1
        if count > MAX_RULES:
            raise GuestReadError(f"{printable(path)}: more than {MAX_RULES} rules")
        if tokens:
            yield tokens


def _tokens(line: str) -> list[Token] | None:
    tokens: list[Token] = []
    position = 0
    while position < len(line):
        if line[position] in " \t,":
            position += 1
            continue
        parsed = _token(line, position)
        if parsed is None:
            return None
        token, position = parsed
        tokens.append(token)
    return tokens


def _token(line: str, position: int) -> tuple[Token, int] | None:
    begin = position
    while position < len(line) and (line[position].isalnum() or line[position] == "_"):
        position += 1
    key = line[begin:position]
    attribute = ""
    if line[position : position + 1] == "{":
        end = line.find("}", position)
        if end < 0:
            return None
        attribute, position = line[position + 1 : end], end + 1
    while line[position : position + 1] in {" ", "\t"}:
        position += 1
    operator = next(
        (one for one in ("==", "!=", "+=", "-=", ":=", "=") if line.startswith(one, position)), None
    )
    if operator is None or not key:
        return None
    position += len(operator)
    while line[position : position + 1] in {" ", "\t"}:
        position += 1
    value = _quoted(line, position)
    return None if value is None else (Token(key, attribute, operator, value[0]), value[1])


def _quoted(line: str, position: int) -> tuple[str, int] | None:
    """A string in double quotes; with `e` before it, escapes are taken as in C."""
    escaped = line.startswith('e"', position)
    position += escaped
    if line[position : position + 1] in {"i"}:
        position += 1
    if line[position : position + 1] != '"':
        return None
    position += 1
    end = line.find('"', position)
    if end < 0 or "\\" not in line[position:end]:
        return (line[position:end], end + 1) if end >= 0 else None
    parts: list[str] = []
    while position < len(line) and line[position] != '"':
        if line[position] == "\\" and line[position + 1 : position + 2] in (
            {'"', "\\"} if escaped else {'"'}
        ):
            position += 1
        parts.append(line[position])
        position += 1
    return ("".join(parts), position + 1) if position < len(line) else None
