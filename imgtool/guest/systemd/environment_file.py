"""Reads files of EnvironmentFile= as systemd does (src/basic/env-file.c; systemd.exec(5))."""

import re

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Of a variable."""


def environment_file(text: str) -> dict[str, str]:
    """The variables of a file of EnvironmentFile=, as src/basic/env-file.c reads it.

    A value goes on to the end of its line, with blanks in it; quotes may stand anywhere but in the middle
    of a plain value; a backslash takes the next character as it is, and a newline away.
    """
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text[position] in "#;":
            position = _line_end(text, position)
        else:
            end = _line_end(text, position)
            equals = text.find("=", position, end)
            if equals < 0:
                position = end
                continue
            name = text[position:equals].rstrip()
            value, position = _value(text, equals + 1)
            if NAME.fullmatch(name):
                found[name] = value
    return found


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _value(text: str, position: int) -> tuple[str, int]:
    """The value that begins at `position`, and where its line ends."""
    parts: list[str] = []
    kept = 0
    started = False
    while position < len(text) and text[position] != "\n":
        character = text[position]
        if character in "'\"" and not started:
            part, position = _in_quotes(text, position)
            parts.append(part)
            kept = len(parts)
        elif character == "\\":
            parts.append(text[position + 1 : position + 2].replace("\n", ""))
            position += 2
            started, kept = True, len(parts)
        else:
            started = started or not character.isspace()
            parts += [character] if started else []
            position += 1
    return "".join(parts[:kept]) + "".join(parts[kept:]).rstrip(), position + 1


def _in_quotes(text: str, position: int) -> tuple[str, int]:
    """What stands in the quotes that begin at `position`, and where they end."""
    quote = text[position]
    parts: list[str] = []
    position += 1
    while position < len(text) and text[position] != quote:
        if text[position] == "\\" and quote == '"' and position + 1 < len(text):
            position += 1
            parts.append(_in_double_quotes(text[position]))
        else:
            parts.append(text[position])
        position += 1
    return "".join(parts), position + 1


def _in_double_quotes(character: str) -> str:
    if character == "\n":
        return ""
    return character if character in '"\\`$' else f"\\{character}"


# ---------------------------------------------------------------- through a shell
