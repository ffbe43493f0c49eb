"""Shell patterns as systemd-boot matches them against the names of its entries.

`*`, `?` and `[...]` with ranges, `\\` takes the next character literally, and no negation. Source: systemd
257, src/boot/efi-string.c (efi_fnmatch). Python's own fnmatch knows other rules, and backtracks.
"""

import re

from imgtool.guest.filesystems.base import GuestReadError

MAX_PATTERN_CHARACTERS = 1024
"""A file's name has at most 255 characters on FAT."""


def matches(pattern: str, name: str) -> bool:
    """Whether all of `name` fits. Raises GuestReadError for a pattern that no name is long enough for."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise GuestReadError(f"a pattern of more than {MAX_PATTERN_CHARACTERS} characters")
    pieces = _pieces(pattern)
    if any(piece is None for piece in pieces):
        return False
    compiled = [re.compile("".join(piece), re.DOTALL) for piece in pieces if piece is not None]
    first = compiled[0].match(name)
    if len(compiled) == 1:
        return first is not None and first.end() == len(name)
    if first is None:
        return False
    position = first.end()
    for piece in compiled[1:-1]:
        found = piece.search(name, position)
        if found is None:
            return False
        position = found.end()
    last = len(pieces[-1] or ())
    return len(name) - last >= position and compiled[-1].fullmatch(name, len(name) - last) is not None


def _pieces(pattern: str) -> list[list[str] | None]:
    """What stands between the stars: an expression for each character; None where nothing can fit."""
    pieces: list[list[str] | None] = [[]]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "*":
            pieces.append([])
            position += 1
            continue
        expression, position = _one(pattern, position)
        piece = pieces[-1]
        if expression is None:
            pieces[-1] = None
        elif piece is not None:
            piece.append(expression)
    return pieces


def _one(pattern: str, position: int) -> tuple[str | None, int]:
    """The expression for one character of a name, and where the pattern goes on."""
    character = pattern[position]
    if character == "\\":
        escaped = pattern[position + 1 : position + 2]
        return (re.escape(escaped) if escaped else None), position + 2
    if character == "?":
        return ".", position + 1
    if character == "[":
        return _set(pattern, position + 1)
    return re.escape(character), position + 1


def _set(pattern: str, start: int) -> tuple[str | None, int]:
    """A set from behind its `[` on. One that does not end fits nothing."""
    members: list[str] = []
    position, can_range = start, True
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            members.append(re.escape(pattern[position + 1 : position + 2]))
            position, can_range = position + 2, True
        elif character == "]" and position > start:
            return (f"[{''.join(members)}]" if any(members) else None), position + 1
        elif _is_range(pattern, position, start) and can_range:
            position, can_range = _range(pattern, position, members), False
        else:
            members.append(re.escape(character))
            position, can_range = position + 1, True
    return None, len(pattern)


def _is_range(pattern: str, position: int, start: int) -> bool:
    following = pattern[position + 1 : position + 2]
    return pattern[position] == "-" and position > start and following != "]"


def _range(pattern: str, position: int, members: list[str]) -> int:
    low = pattern[position - 1]
    position += 2 if pattern[position + 1 : position + 2] == "\\" else 1
    high = pattern[position : position + 1]
    if low <= high:
        members.append(f"{re.escape(low)}-{re.escape(high)}")
    return position + 1
