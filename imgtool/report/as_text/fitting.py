"""Lines that fit a terminal: what is too long goes on in the next line, below the last column.

Columns are seen by the blanks between them, two or more. A command between backticks stays whole, however
long it is, and so does a word: a terminal wraps it by itself, and it can still be copied as one.
"""

import re
import unicodedata
from collections.abc import Iterator

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_WORD = re.compile(r"(?:\x1b\[[0-9;]*m)*(?:`[^`]+`|[^\s`]|`)(?:`[^`]+`|[^\s`]|`)*")
_COLUMN = re.compile(r"(?:^|(?<=\s\s))\S")
DEEPEST = 0.45
"""Of the width: the deepest column below which a line goes on. The rest would be too narrow to be read."""


def columns(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters two, combining ones and colours none."""
    shown = _COLOUR.sub("", text)
    return len(shown) if shown.isascii() else sum(map(_columns_of, shown))


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fitted(text: str, width: int | None) -> str:
    """The text in lines of `width` columns, but for words that are longer; None changes nothing."""
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in _lines(line, width))


def _lines(line: str, width: int) -> Iterator[str]:
    if columns(line) <= width:
        yield line
        return
    starts = [found.start() for found in _COLUMN.finditer(_COLOUR.sub("", line))] or [0]
    hanging = max((one for one in starts if one <= width * DEEPEST), default=0)
    new_line_at = starts[-1] if starts[-1] > hanging else -1
    shown, end = "", 0
    for word in _WORD.finditer(line):
        gap = line[end : word.start()]
        deeper = columns(shown + gap) > hanging
        begins_column = columns(line[: word.start()]) == new_line_at
        if deeper and (begins_column or columns(shown + gap + word[0]) > width):
            yield shown.rstrip()
            shown = " " * hanging + word[0]
        else:
            shown += gap + word[0]
        end = word.end()
    yield shown + line[end:].rstrip()
