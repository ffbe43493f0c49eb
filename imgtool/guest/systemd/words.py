"""Words as systemd takes them from a setting: quotes, and the escapes of C.

Sources: systemd.syntax(7), "Quoting"; extract_first_word of src/basic/extract-word.c, cunescape_one of
src/basic/escape.c. An escape that there is not is kept as it is written, with its backslash.
"""

import re

MAX_TEXT = 1 << 20
MAX_WORDS = 5000
_BLANKS = " \t\n\r"
_PLAIN = re.compile(r"[^ \t\n\r]+")
_NAMED = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " ",
    "\\": "\\", '"': '"', "'": "'",
}  # fmt: skip
_NUMBERED = (
    (re.compile(r"x([0-9A-Fa-f]{2})"), 16),
    (re.compile(r"u([0-9A-Fa-f]{4})"), 16),
    (re.compile(r"U([0-9A-Fa-f]{8})"), 16),
    (re.compile(r"([0-3][0-7]{2})"), 8),
)
MAX_CHARACTER = 0x10FFFF


class UnbalancedError(Exception):
    """A quote has no end: `words` are those before it."""

    def __init__(self, words: list[str]) -> None:
        super().__init__("a quote has no end")
        self.words = words


def words_of(text: str, *, escapes: bool = True) -> list[str]:
    """The words of `text`; without `escapes` a backslash is a character like others, as in units' names.

    Raises UnbalancedError where a quote has no end.
    """
    if not ("'" in text or '"' in text or (escapes and "\\" in text)):
        return _PLAIN.findall(text[:MAX_TEXT])[:MAX_WORDS]
    words: list[str] = []
    position = 0
    while len(words) < MAX_WORDS:
        while position < len(text) and text[position] in _BLANKS:
            position += 1
        if position >= min(len(text), MAX_TEXT):
            break
        word, position = _word(text, position, words, escapes=escapes)
        words.append(word)
    return words


def _word(text: str, position: int, before: list[str], *, escapes: bool) -> tuple[str, int]:
    """The word that begins at `position`, and where it ends."""
    parts: list[str] = []
    quote = ""
    while position < len(text) and (quote or text[position] not in _BLANKS):
        character = text[position]
        if character == "\\" and escapes and position + 1 < len(text):
            part, position = _escape(text, position + 1)
            parts.append(part)
            continue
        position += 1
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            parts.append(character)
    if quote:
        raise UnbalancedError(before)
    return "".join(parts), position


def _escape(text: str, position: int) -> tuple[str, int]:
    """What the escape behind a backslash stands for, and where it ends."""
    if text[position] in _NAMED:
        return _NAMED[text[position]], position + 1
    for pattern, base in _NUMBERED:
        found = pattern.match(text, position)
        if found is not None and 0 < int(found[1], base) <= MAX_CHARACTER:
            return chr(int(found[1], base)), found.end()
    return f"\\{text[position]}", position + 1
