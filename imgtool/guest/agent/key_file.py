"""A key file as GLib reads it: groups in brackets, `key=value` below them.

Source: GLib's gkeyfile.c and "Desktop Entry Specification", 3. A file that it cannot read makes the program
that asked for it give up, so what is wrong is told apart from what is not there.
"""

from imgtool.util.text import printable

MAX_LINES = 5000

_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
TRUE = frozenset({"true", "1"})
FALSE = frozenset({"false", "0"})


def parsed(text: str) -> dict[str, dict[str, str]]:
    """Group to key to value as written. Raises ValueError where GLib refuses the file, and says why."""
    groups: dict[str, dict[str, str]] = {}
    current: dict[str, str] | None = None
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise ValueError(f"more than {MAX_LINES} lines")
    for raw in lines:
        line = raw.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            current = groups.setdefault(_group(line), {})
            continue
        key, separator, value = line.partition("=")
        if not separator or not key.strip():
            raise ValueError(f"the line {printable(line)!r} is no group, no comment and no `key=value`")
        if current is None:
            raise ValueError("it does not begin with a group, such as [general]")
        current[key.rstrip()] = value.lstrip()
    return groups


def _group(line: str) -> str:
    name, separator, rest = line[1:].partition("]")
    if not separator or rest.strip():
        raise ValueError(f"the line {printable(line)!r} is no group")
    return name


def unescaped(value: str) -> str:
    """The string that `value` means. Raises ValueError at an escape that GLib does not know."""
    parts = value.split("\\")
    text = [parts[0]]
    pending = iter(parts[1:])
    for part in pending:
        if part:
            if part[0] not in _ESCAPES:
                raise ValueError(f"the escape \\{printable(part[0])} is not known")
            text.append(_ESCAPES[part[0]] + part[1:])
            continue
        following = next(pending, None)
        if following is None:
            raise ValueError("a backslash ends the line")
        text.append("\\" + following)
    return "".join(text)


def boolean(value: str) -> bool:
    """Raises ValueError where it is neither true nor false in GLib's spelling."""
    word = value.rstrip()
    if word not in TRUE | FALSE:
        raise ValueError(f"{printable(value)!r} is neither true nor false")
    return word in TRUE
