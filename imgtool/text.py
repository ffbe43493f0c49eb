"""Text from untrusted places made safe to print, and sizes made easy to read."""

import unicodedata

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


def human_size(size_bytes: int) -> str:
    """`size_bytes` in binary units with one decimal: `1.5 GiB`."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} PiB"
