"""Text from untrusted places made safe to print and to paste, and sizes made easy to read."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

MOST_ENUMERATED = 20
"""Of anything, in one sentence."""

_UNTYPABLE = frozenset("\\`")
_UNPRINTABLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """`text` with everything escaped that a terminal or a log could take for a command.

    Control characters, bidirectional overrides and lone surrogates (bytes that are not UTF-8) come out
    as backslash escapes; everything else stays as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_escape, text))


def _escape(character: str) -> str:
    if unicodedata.category(character) not in _UNPRINTABLE_CATEGORIES:
        return character
    return character.encode("unicode_escape").decode("ascii")


def escape_bytes(text: str) -> str:
    """Return `text` as valid Unicode: bytes of a name that are not UTF-8 become backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def last_line(output: bytes, *, unlike: re.Pattern[str] | None = None) -> str:
    """Return the last line of a program's output that is not blank, printable; empty where there is none.

    Lines in which the pattern `unlike` is found are passed over.
    """
    lines = (line.strip() for line in reversed(output.decode("utf-8", "replace").splitlines()))
    said = (line for line in lines if line and not (unlike and unlike.search(line)))
    return printable(next(said, ""))


def shell_word(text: str) -> str | None:
    """`text` as one word of a command that is shown to be pasted; None where no such word can be shown.

    What is not printable cannot be shown. A backslash may be the escape of what was not, and a backtick
    would end the command in the text around it, where commands stand between backticks.
    """
    if printable(text) != text or not _UNTYPABLE.isdisjoint(text):
        return None
    import shlex  # noqa: PLC0415 - loaded only where it is needed: it makes a start slower

    return shlex.quote(text)


def shell_operands(texts: Iterable[str]) -> str | None:
    """All of `texts` as the last words of a command, after `--` where one could be taken for an option.

    None where one of them cannot be shown as a word.
    """
    words = [shell_word(text) for text in texts]
    if None in words:
        return None
    operands = " ".join(word for word in words if word is not None)
    return f"-- {operands}" if any(word and word.startswith("-") for word in words) else operands


def enumerated(words: Sequence[str], separator: str = ", ", most: int = MOST_ENUMERATED) -> str:
    """The first of `words`, and how many there are besides: a disk can have thousands of anything."""
    left = len(words) - most
    return separator.join([*words[:most], *([f"and {left} more"] if left > 0 else [])])


_FACTORS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
_SIZE = r"([0-9]{1,19}) ?(?:([KMGTP])(?:i?B)?|(B))?"


def parse_size(text: str, plain_unit_bytes: int = 1) -> int | None:
    """Bytes of `512`, `64k`, `2M`, `20G`, `20 GiB`, all units powers of 1024; None where it is no size.

    A number without a unit counts units of `plain_unit_bytes`.
    """
    found = re.fullmatch(_SIZE, text.strip(), re.IGNORECASE | re.ASCII)
    if found is None:
        return None
    unit = found[2] or found[3]
    return int(found[1]) * (_FACTORS[unit.upper()] if unit else plain_unit_bytes)


def human_size(size_bytes: int) -> str:
    """`size_bytes` in binary units with one decimal: `1.5 GiB`."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} PiB"
