"""Text of an image as Markdown that shows it, and does nothing else.

GitHub Flavored Markdown Spec 0.29: any ASCII punctuation may be escaped by a backslash (6.1); a code span
ends at a run of as many backticks as it began with (6.3); a cell of a table ends at a `|` that no backslash
precedes, within code as well (4.10).
"""

import re
from collections.abc import Sequence

from imgtool.util.text import printable

_MARKUP = re.compile(r"([\\`*_\[\]<>#~$&]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
"""What could be emphasis, a link (also a bare one), a picture, HTML or mathematics."""
BAR = "\\|"
_BACKTICKS = re.compile(r"`+")


def words(text: str) -> str:
    """Return prose in which commands stand between backticks; all else is literal."""
    parts = printable(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its like
        return _literal(printable(text))
    return "".join(code(part) if index % 2 else _literal(part) for index, part in enumerate(parts) if part)


def code(text: str) -> str:
    """Return a code span of any text."""
    shown = printable(text) or " "
    fence = "`" * (1 + max(map(len, _BACKTICKS.findall(shown)), default=0))
    room = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{room}{shown}{room}{fence}"


def block(text: str) -> str:
    """Return our own text of several lines as it stands, in a fenced block; nothing of nothing."""
    if not text:
        return ""
    fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def row(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def _literal(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
