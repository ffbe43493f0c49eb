"""POSIX extended regular expressions, as `regexp` has them, within bounds.

Python's engine goes back and forth without end on some of them: those are not tried, and undecided.
"""

import re

from imgtool.guest.bootloader.grub.errors import Err, GrubError, Undecided

MAX_PATTERN = 300
MAX_TEXT = 400
MAX_OPEN_REPEATS = 3
"""Of `*`, `+` and `{n,}`: the time goes with the text's length to their power."""
_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r" \t",
    "punct": re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    "xdigit": "0-9A-Fa-f",
}
_TOKEN = re.compile(
    r"(?P<bracket>\[\^?\]?(?:\[[:.=][^\]]*\]|[^\]])*\])|(?P<escape>\\.)|(?P<repeat>[*+?]|\{[0-9]*,?[0-9]*\})|.",
    re.DOTALL,
)
_KEPT_ESCAPES = {"\\w": r"\w", "\\W": r"\W", "\\s": r"\s", "\\S": r"\S", "\\b": r"\b", "\\B": r"\B"}


def search_expression(pattern: str, text: str) -> list[str | None] | None:
    """The match and its groups; None where nothing matches. Raises GrubError for what is no expression."""
    if len(pattern) > MAX_PATTERN or len(text) > MAX_TEXT:
        raise Undecided("a regular expression of a GRUB script, or its text, is too long")
    try:
        found = re.compile(_translated(pattern), re.DOTALL | re.ASCII).search(text)
    except (re.error, OverflowError) as error:
        raise GrubError(Err.TEST_FAILURE, f"invalid regular expression: {error}") from error
    return None if found is None else [found[0], *found.groups()]


def _translated(pattern: str) -> str:
    pieces: list[str] = []
    open_repeats, depth = 0, [False]
    repeated = True
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if token["repeat"] is not None:
            if repeated:
                raise Undecided("a regular expression of a GRUB script repeats what is repeated")
            is_open = text in {"*", "+"} or text.endswith(",}")
            open_repeats += is_open
            if is_open and pieces[-1] == ")" and depth[-1]:
                raise Undecided("a regular expression of a GRUB script repeats what is repeated")
            depth[-1] = depth[-1] or is_open
            pieces.append(text)
            repeated = True
            continue
        repeated = text in {"(", "|", "^"}
        pieces.append(_piece(text, bracket=token["bracket"] is not None))
        if text == "(":
            depth.append(False)
        elif text == ")" and len(depth) > 1:
            inner = depth.pop()
            depth[-1] = depth[-1] or inner
    if open_repeats > MAX_OPEN_REPEATS:
        raise Undecided(
            f"a regular expression of a GRUB script with more than {MAX_OPEN_REPEATS} open repeats"
        )
    return "".join(pieces)


def _piece(text: str, *, bracket: bool) -> str:
    if bracket:
        return _bracket(text)
    if text.startswith("\\"):
        if text[1].isdigit():
            raise Undecided("a regular expression of a GRUB script refers back")
        return _KEPT_ESCAPES.get(text, re.escape(text[1]))
    return r"\Z" if text == "$" else text if text in "().|^" else re.escape(text)


def _bracket(text: str) -> str:
    """A backslash is a plain character there, and `[:alpha:]` a class."""
    body = text[1:-1]
    negated = body.startswith("^")
    body = body[negated:]
    parts = re.split(r"(\[:[a-z]+:\])", body)
    shown = "".join(
        _CLASSES.get(part[2:-2], "") if part.startswith("[:") else _set_characters(part) for part in parts
    )
    return f"[{'^' * negated}{shown}]"


def _set_characters(text: str) -> str:
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("^", "\\^")
